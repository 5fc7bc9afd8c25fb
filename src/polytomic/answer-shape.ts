/**
 * Checks what comes back from Polytomic before it is believed. A decoder looks only at the fields that we rely on: the
 * others pass as they are, so that Polytomic may add to its answers.
 */

/** Returns the value as a `T`, or throws a {@link ShapeError}. `at` is its path in the answer, e.g. `data.fields[0]`. */
export type Decoder<T> = (value: unknown, at: string) => T;

/** An answer does not have the shape that is relied on. The message names the path and both kinds, and echoes no value. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';

  constructor(at: string, value: unknown, wanted: string) {
    super(`${at || 'the body'} is ${kindOf(value)}, not ${wanted}`);
  }
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return value === '' ? 'empty' : 'a text';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Anything at all. */
export const anything: Decoder<unknown> = (value) => value;

/** A text, which may be empty. */
export const text: Decoder<string> = (value, at) => {
  if (typeof value !== 'string') throw new ShapeError(at, value, 'a text');
  return value;
};

/** A text with something in it: ids, above all, since an empty one would address something else. */
export const filledText: Decoder<string> = (value, at) => {
  if (typeof value !== 'string' || value === '') throw new ShapeError(at, value, 'a text with something in it');
  return value;
};

/** True or false. */
export const bool: Decoder<boolean> = (value, at) => {
  if (typeof value !== 'boolean') throw new ShapeError(at, value, 'a boolean');
  return value;
};

/** A number. */
export const number: Decoder<number> = (value, at) => {
  if (typeof value !== 'number') throw new ShapeError(at, value, 'a number');
  return value;
};

/** One of these texts. */
export function oneOf<const T extends string>(...allowed: T[]): Decoder<T> {
  return (value, at) => {
    const match = allowed.find((one) => one === value);
    if (match === undefined) throw new ShapeError(at, value, `one of ${allowed.join(', ')}`);
    return match;
  };
}

/** A list of these. */
export function list<T>(item: Decoder<T>): Decoder<T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) throw new ShapeError(at, value, 'a list');
    return value.map((one, i) => item(one, `${at}[${i}]`));
  };
}

/** An object with any keys, whose values are these. */
export function record<T>(item: Decoder<T>): Decoder<Record<string, T>> {
  return (value, at) =>
    Object.fromEntries(Object.entries(entriesOf(value, at)).map(([key, inner]) => [key, item(inner, join(at, key))]));
}

type OptionalKeys<T> = { [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? K : never }[keyof T];
type Needed<T> = { [K in Exclude<keyof T, OptionalKeys<T>>]: Decoder<T[K]> };
type Optional<T> = { [K in OptionalKeys<T>]-?: Decoder<Exclude<T[K], undefined>> };

/**
 * An object with at least the needed fields. An optional one that is `null` counts as absent, as Polytomic's own clients
 * take it, and is left out. The types demand a decoder for each field of `T`.
 */
export function object<T extends object>(needed: Needed<T>, optional: Optional<T>): Decoder<T> {
  const required = Object.entries<Decoder<unknown>>(needed);
  const optionals = Object.entries<Decoder<unknown>>(optional);
  // A list has thousands of these: written over a copy, since lists of entries took an eighth of a busy worker's time.
  return (value, at) => {
    const decoded = entriesOf(value, at);
    for (const [key, decode] of optionals) {
      if (!Object.hasOwn(decoded, key)) continue;
      if (decoded[key] === null) delete decoded[key];
      else decoded[key] = decode(decoded[key], join(at, key));
    }
    for (const [key, decode] of required) {
      decoded[key] = decode(Object.hasOwn(decoded, key) ? decoded[key] : undefined, join(at, key));
    }
    return decoded as T;
  };
}

/** What stands under `data`, where Polytomic puts its answers. */
export function data<T>(inner: Decoder<T>): Decoder<T> {
  const envelope = object<{ data: T }>({ data: inner } as Needed<{ data: T }>, {} as Optional<{ data: T }>);
  return (value, at) => envelope(value, at).data;
}

function entriesOf(value: unknown, at: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ShapeError(at, value, 'an object');
  return { ...value };
}

function join(at: string, key: string): string {
  return at === '' ? key : `${at}.${key}`;
}
