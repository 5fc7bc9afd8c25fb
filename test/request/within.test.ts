import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { addedWithin, askWithin, firstWithin, jsonBytes, linesWithin, textWithin } from '../../src/request/within.ts';

/** Texts of which a character takes from one to six bytes as JSON. */
const texts = fc.string({ unit: fc.constantFrom('a', '"', 'é', '名', '😀', '\u0001', '\ud800'), maxLength: 80 });
const rooms = fc.integer({ min: 5, max: 500 });

describe('what is cut to a room', () => {
  it('is as large as JSON makes it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(jsonBytes(value)).toBe(Buffer.byteLength(JSON.stringify(value)));
      }),
    );
  });

  it('is, of a text, its beginning with an ellipsis, or all of it', () => {
    fc.assert(
      fc.property(texts, rooms, (text, room) => {
        const cut = textWithin(text, room);
        expect(jsonBytes(cut)).toBeLessThanOrEqual(room);
        if (jsonBytes(text) <= room) expect(cut).toBe(text);
        else expect(text.startsWith(cut.slice(0, -1)) && cut.endsWith('…')).toBe(true);
      }),
    );
  });

  it('is, of a list, as many of the first ones as fit', () => {
    fc.assert(
      fc.property(fc.array(texts), rooms, (items, room) => {
        const first = firstWithin(items, room);
        expect(jsonBytes(first)).toBeLessThanOrEqual(room);
        expect(first).toEqual(items.slice(0, first.length));
        if (jsonBytes(items) < room) expect(first).toEqual(items);
      }),
    );
  });

  it('is, of what is asked, the reason and as many choices as fit beside it, of as many as there are', () => {
    const choices = fc.array(fc.record({ value: texts, label: texts }));
    fc.assert(
      fc.property(choices, texts, fc.integer({ min: 50, max: 3000 }), (all, why, room) => {
        const asked = askWithin({ choices: all, total: all.length, why }, room);
        expect(jsonBytes([asked.choices, asked.why])).toBeLessThanOrEqual(room);
        expect(asked.total).toBe(all.length);
      }),
    );
    expect(askWithin({ choices: [{ value: 'v', label: 'l' }], why: 'w' }, 100)).toEqual({
      choices: [{ value: 'v', label: 'l' }],
      why: 'w',
    });
  });

  it('is, of lines, each at least in part, while there are few, and else how many more there are', () => {
    expect(linesWithin(['a'.repeat(100), 'b'], 60)).toEqual([`${'a'.repeat(21)}…`, 'b']);
    expect(linesWithin(['a'.repeat(20), 'b'.repeat(20), 'c'], 60)).toEqual(['a'.repeat(20), 'b'.repeat(20), 'c']);
    expect(linesWithin(['a'.repeat(20), 'b'.repeat(20), 'c'.repeat(20)], 60)).toEqual([
      'a'.repeat(20),
      'b'.repeat(20),
      'and 1 more',
    ]);
  });

  it('takes one line more only once, and says once that there was no room for more', () => {
    const added = ['a', 'a', 'b', 'c'.repeat(50), 'd', 'a'].reduce<readonly string[]>(
      (lines, line) => addedWithin(lines, line, 30, 'more'),
      [],
    );
    expect(added).toEqual(['a', 'b', 'more']);
  });
});
