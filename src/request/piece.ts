/** Pieces of a value that JSON can say, by their path. */
import { isMap } from './json-value.ts';

/**
 * A copy of `value` with `piece` at `path`; `undefined` where there is no such place. A map has a place for every key, a
 * list only for the entries that it has.
 */
export function withPiece(
  value: unknown,
  path: ReadonlyArray<string | number>,
  piece: unknown,
): { value: unknown } | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return { value: piece };
  if (Array.isArray(value)) {
    if (typeof step !== 'number' || !(step in value)) return undefined;
    const entry = withPiece(value[step], rest, piece);
    return entry && { value: value.with(step, entry.value) };
  }
  if (!isMap(value) || typeof step !== 'string') return undefined;
  const entry = withPiece(Object.hasOwn(value, step) ? value[step] : undefined, rest, piece);
  return entry && { value: { ...value, [step]: entry.value } };
}
