import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  anything,
  bool,
  data,
  filledText,
  list,
  number,
  object,
  oneOf,
  record,
  ShapeError,
  text,
} from '../../src/polytomic/answer-shape.ts';

interface Thing {
  id: string;
  note?: string;
}

const thing = object<Thing>({ id: filledText }, { note: text });

describe('a decoder', () => {
  it('lets unknown fields pass as they are', () => {
    expect(thing({ id: 'a', more: { x: [null] } }, '')).toEqual({ id: 'a', more: { x: [null] } });
  });

  it('takes an optional field that is null as absent', () => {
    expect(Object.hasOwn(thing({ id: 'a', note: null }, ''), 'note')).toBe(false);
  });

  it('does not change what it is given', () => {
    const given = Object.freeze({ id: 'a', note: null });
    thing(given, '');
    expect(given).toEqual({ id: 'a', note: null });
  });

  it('does not take an inherited field for a given one', () => {
    const decode = object<{ constructor: string }>({ constructor: text }, {});
    expect(() => decode({}, '')).toThrow('constructor is missing, not a text');
  });

  it('keeps a key named __proto__ a key', () => {
    const value: unknown = JSON.parse('{"__proto__":"x","id":"a"}');
    for (const decoded of [record(text)(value, ''), thing(value, '')]) {
      expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
      expect(Object.hasOwn(decoded, '__proto__')).toBe(true);
    }
  });

  it.each([
    [text, 1, 'a.b is a number, not a text'],
    [filledText, '', 'a.b is empty, not a text with something in it'],
    [bool, 'true', 'a.b is a text, not a boolean'],
    [number, true, 'a.b is a boolean, not a number'],
    [oneOf('x', 'y'), 'z', 'a.b is a text, not one of x, y'],
    [list(text), { 0: 'a' }, 'a.b is an object, not a list'],
    [list(text), ['a', null], 'a.b[1] is null, not a text'],
    [record(bool), { c: 1 }, 'a.b.c is a number, not a boolean'],
    [record(bool), [], 'a.b is a list, not an object'],
    [thing, { id: 'a', note: 1 }, 'a.b.note is a number, not a text'],
    [thing, {}, 'a.b.id is missing, not a text with something in it'],
    [data(list(thing)), { data: [{ id: 'a' }, {}] }, 'a.b.data[1].id is missing, not a text with something in it'],
  ])('says where and what is wrong (%#)', (decode, value, message) => {
    expect(() => decode(value, 'a.b')).toThrow(message);
  });

  it('returns what it promises or throws a ShapeError that shows no value', () => {
    const decode = data(
      object<{ list: Thing[]; map?: Record<string, number>; any?: unknown }>(
        { list: list(thing) },
        { map: record(number), any: anything },
      ),
    );
    fc.assert(
      fc.property(fc.jsonValue(), fc.stringMatching(/^V[0-9]{12}$/), (inner, value) => {
        for (const answer of [
          inner,
          { data: inner },
          { data: { list: inner } },
          { data: { list: [{ id: 'a', note: [value] }] } },
        ]) {
          try {
            expect(decode(answer, '').list.every(({ id }) => id !== '')).toBe(true);
          } catch (error) {
            expect(error).toBeInstanceOf(ShapeError);
            expect(String(error)).not.toContain(value);
          }
        }
      }),
    );
  });
});
