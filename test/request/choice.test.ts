import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { chooseAll, chosenBy, listed, matching } from '../../src/request/choice.ts';

const polytomic = { value: '512630692', label: 'Polytomic Inc. (512630692)' };
const sandbox = { value: '7', label: 'Sandbox' };
const twin = { value: '8', label: 'Sandbox' };
const misleading = { value: '9', label: '7' };
const plain = { value: 'user_audience', label: 'user_audience' };
const allowed = [polytomic, sandbox, twin, misleading, plain];

const anyChoice = fc.record({ value: fc.string(), label: fc.string() });
const choices = fc.array(anyChoice, { maxLength: 8 });

describe('chosenBy', () => {
  it.each([
    ['a value', '512630692', polytomic],
    ['a label', 'Polytomic Inc. (512630692)', polytomic],
    ['a value that is the label of another', '7', sandbox],
  ])('takes %s', (_, text, choice) => {
    expect(chosenBy(text, allowed, 'ad account')).toEqual({ choice });
  });

  it('tells what is allowed where nothing fits', () => {
    expect(chosenBy('polytomic', allowed, 'ad account')).toEqual({
      message:
        'there is no ad account “polytomic”; allowed are “Polytomic Inc. (512630692) = 512630692”, “Sandbox = 7”, “Sandbox = 8”, “7 = 9”, “user_audience”',
      fitting: [],
    });
    expect(chosenBy('x', [], 'audience type')).toEqual({
      message: 'there is no audience type “x”; allowed are none',
      fitting: [],
    });
  });

  it('gives all that fit where there are several', () => {
    expect(chosenBy('Sandbox', allowed, 'ad account')).toEqual({
      message: 'ad account “Sandbox” fits several: “7”, “8”; give the value instead',
      fitting: [sandbox, twin],
    });
  });

  it('chooses what is allowed and fits, or tells how many fit, which is not one', () => {
    const text = fc.oneof(fc.constantFrom('a', 'b'), fc.string());
    const few = fc.array(fc.record({ value: text, label: text }), { maxLength: 8 });
    fc.assert(
      fc.property(text, few, (wanted, from) => {
        const chosen = chosenBy(wanted, from, 'thing');
        const fitting = 'choice' in chosen ? [chosen.choice] : chosen.fitting;
        for (const one of fitting) {
          expect(from).toContain(one);
          expect([one.value, one.label]).toContain(wanted);
        }
        expect('choice' in chosen).toBe(fitting.length === 1);
      }),
    );
  });
});

describe('chooseAll', () => {
  it('keeps the order, and takes what is named twice once', () => {
    expect(chooseAll(['8', '512630692', polytomic.label, '8'], allowed, 'ad account')).toEqual({
      choices: [twin, polytomic],
    });
  });

  it('names everything that is wrong', () => {
    expect(chooseAll(['7', 'Sandbox', 'x'], [sandbox, twin], 'ad account')).toEqual({
      message:
        'ad account “Sandbox” fits several: “7”, “8”; give the value instead; there is no ad account “x”; allowed are “Sandbox = 7”, “Sandbox = 8”',
      problems: [expect.objectContaining({ fitting: [sandbox, twin] }), expect.objectContaining({ fitting: [] })],
    });
  });
});

describe('matching', () => {
  it.each([
    ['inc', [polytomic]],
    ['SANDBOX', [sandbox, twin]],
    ['box 8', [twin]],
    ['  8\tsand ', [twin]],
    ['audience user', [plain]],
    ['sandbox polytomic', []],
    ['', allowed],
    ['  ', allowed],
  ])('%j finds %j', (search, found) => {
    expect(matching(allowed, search)).toEqual(found);
  });

  it('finds each choice by any part of its label or value without spaces, and keeps the order', () => {
    const part = fc.tuple(fc.nat(), fc.nat({ max: 5 }));
    fc.assert(
      fc.property(choices, anyChoice, fc.array(part, { maxLength: 3 }), (others, one, parts) => {
        const from = [...others, one];
        const words = parts.map(([start, length], i) => {
          const text = i % 2 === 0 ? one.label : one.value;
          return text.slice(start % (text.length + 1)).slice(0, length);
        });
        const found = matching(from, words.join(' '));
        expect(found).toContain(one);
        expect(found).toEqual(from.filter((choice) => found.includes(choice)));
      }),
    );
  });
});

describe('listed', () => {
  it('shows the first ones and counts the others', () => {
    expect(listed(['a', 'b', 'c'], 2)).toBe('“a”, “b” and 1 more');
    expect(listed(['a', 'b'], 2)).toBe('“a”, “b”');
    expect(listed([])).toBe('none');
    expect(listed(Array.from({ length: 25 }, (_, i) => `${i}`))).toMatch(/“19” and 5 more$/);
  });
});
