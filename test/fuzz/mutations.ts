/** JSON values that are nearly right: somebody slipped, or means harm. */
import fc from 'fast-check';

/** In each text that a mutation puts in as a value; never part of a key. */
export const MARKER = 'Tr0ub4dor';

type Path = Array<string | number>;

/** One slip. `place` chooses where, whatever there is. */
interface Mutation {
  kind: 'delete' | 'replace' | 'retype' | 'duplicate' | 'rename' | 'insert';
  place: number;
  value: unknown;
  key: string;
}

/** Keys that are no better than others to a request, but are to JavaScript; and those under which people keep secrets. */
const KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'length',
  'then',
  'toJSON',
  '',
  '0',
  ' ',
  'a.b',
  'password',
  'apiKey',
  'client_secret',
  'env',
  'file',
  'use',
  'name',
  'extra',
  '\u0000',
  '\u202e',
  'k'.repeat(300),
];

const text = fc
  .tuple(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.constantFrom('', '\u0000', '\u001b[2J', '\n', '\ud800', '\u202e'),
  )
  .map(([around, control]) => `${around}${control}${MARKER}`);

/** A value that belongs nowhere in particular. */
export const anyValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: text },
  {
    weight: 4,
    arbitrary: fc.constantFrom<unknown[]>(
      null,
      true,
      false,
      0,
      -0,
      -1,
      0.1,
      2 ** 53,
      1e308,
      '',
      [],
      {},
      [[]],
      [null],
      `${MARKER}${'x'.repeat(300)}`,
      { env: MARKER },
      { file: `../${MARKER}` },
      { password: MARKER },
      { secret: { deeper: [MARKER] } },
    ),
  },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3, noUnicodeString: false } as never).map(marked) },
  { weight: 1, arbitrary: fc.integer({ min: 2, max: 60 }).map(nested) },
);

function nested(depth: number): unknown {
  return depth === 0 ? MARKER : depth % 2 === 0 ? [nested(depth - 1)] : { a: nested(depth - 1) };
}

/** The value with the marker in each of its texts. */
function marked(value: unknown): unknown {
  if (typeof value === 'string') return `${value}${MARKER}`;
  if (Array.isArray(value)) return value.map(marked);
  if (typeof value !== 'object' || value === null) return value;
  return withEntries(Object.entries(value).map(([key, inner]) => [key, marked(inner)]));
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom('delete', 'replace', 'retype', 'duplicate', 'rename', 'insert'),
  place: fc.nat(),
  value: anyValue,
  key: fc.constantFrom(...KEYS),
});

/** One of `valid` after one to three slips. */
export function mutated(valid: unknown[]): fc.Arbitrary<unknown> {
  return fc
    .tuple(fc.constantFrom(...valid), fc.array(mutation, { minLength: 1, maxLength: 3 }))
    .map(([value, mutations]) => mutations.reduce(mutate, value));
}

function mutate(value: unknown, { kind, place, value: other, key }: Mutation): unknown {
  const paths = pathsOf(value);
  const path = paths[place % paths.length] ?? [];
  return changedAt(value, path, (at, last) => {
    switch (kind) {
      case 'delete':
        return [];
      case 'replace':
        return [[last, other]];
      case 'retype':
        return [[last, retyped(at)]];
      case 'duplicate':
        return [
          [last, at],
          [`${last}2`, at],
        ];
      case 'rename':
        return [[key, at]];
      case 'insert':
        return [[last, inserted(at, key, other)]];
    }
  });
}

function retyped(value: unknown): unknown {
  if (typeof value === 'string') return value === '' ? {} : [value];
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return withEntries(value.map((entry, i) => [String(i), entry]));
  return typeof value === 'object' && value !== null ? Object.values(value) : 'null';
}

function inserted(value: unknown, key: string, other: unknown): unknown {
  if (Array.isArray(value)) return [...value, other];
  if (typeof value !== 'object' || value === null) return { [key]: value };
  return withEntries([...Object.entries(value), [key, other]]);
}

/** Every place in a value but the top. */
function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return path.length === 0 ? [] : [path];
  const inner = Array.isArray(value)
    ? value.flatMap((entry, i) => pathsOf(entry, [...path, i]))
    : Object.entries(value).flatMap(([key, entry]) => pathsOf(entry, [...path, key]));
  return path.length === 0 ? inner : [path, ...inner];
}

/** The value with what is at `path` replaced by entries. */
function changedAt(
  value: unknown,
  [key, ...rest]: Path,
  change: (at: unknown, key: string) => Array<[string, unknown]>,
): unknown {
  if (key === undefined || typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).flatMap(([each, inner]): Array<[string, unknown]> => {
    if (each !== String(key)) return [[each, inner]];
    return rest.length === 0 ? change(inner, each) : [[each, changedAt(inner, rest, change)]];
  });
  return Array.isArray(value) ? entries.map(([, inner]) => inner) : withEntries(entries);
}

/** An object of these, of which `__proto__` is a key like others, as in parsed JSON. */
function withEntries(entries: Array<[string, unknown]>): Record<string, unknown> {
  return Object.fromEntries(entries);
}
