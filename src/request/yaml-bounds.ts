/**
 * Bounds for a YAML text that are checked before it is made into values: the YAML library does that by recursion, and compares
 * each key of a map with all others, so that a small text could take it minutes, or the whole process with it.
 */
import type { CST } from 'yaml';

/** How deep lists and maps may lie within each other in a text; a request's own limit is lower and has a better message. */
const MAX_DEPTH = 50;

/** How many keys one map may have: more than fit into the largest map of a request, an `extra`. */
const MAX_KEYS = 3_000;

/** How many aliases a text may have: the library walks the whole text for each. */
const MAX_ALIASES = 100;

/** What goes beyond a bound, and where. */
export interface Excess {
  message: string;
  offset: number;
}

/** The first thing in these parsed tokens that goes beyond a bound, or `undefined`. Does not recurse. */
export function excessIn(tokens: readonly CST.Token[]): Excess | undefined {
  let aliases = 0;
  const open = tokens.map((token) => ({ token, depth: 0 }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next;
    const { offset } = token;
    if (token.type === 'alias') {
      aliases += 1;
      if (aliases > MAX_ALIASES)
        return { message: `repeats by aliases (*name) more than ${MAX_ALIASES} times; write it out`, offset };
    }
    if (depth > MAX_DEPTH) return { message: 'nests too deeply to be a request', offset };
    if (token.type === 'document' && token.value !== undefined) open.push({ token: token.value, depth });
    if (!('items' in token)) continue;
    const isMap =
      token.type === 'block-map' || (token.type === 'flow-collection' && token.start.type === 'flow-map-start');
    if (isMap && token.items.length > MAX_KEYS) return { message: `has more than ${MAX_KEYS} keys in one map`, offset };
    for (const { key, value } of token.items) {
      for (const inner of [key, value]) if (inner != null) open.push({ token: inner, depth: depth + 1 });
    }
  }
  return undefined;
}
