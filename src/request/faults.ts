/**
 * What is wrong with a request, in words for the person who wrote it. A message says what was expected and of what kind
 * the thing found is. It never repeats a value, since that may be a secret in the wrong place, and faults are kept in
 * Temporal's history. Names of keys may be repeated.
 */
import { LIMITS } from './limits.ts';

/** One thing that is wrong. `path` leads to it from the top of the request: keys of maps, and indexes of lists from 0. */
export interface Fault {
  path: Array<string | number>;
  message: string;
}

/** What kind of thing a value is, with its size but nothing of its content, e.g. `a text of 12 characters`. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (typeof value === 'string')
    return value === '' ? 'an empty text' : `a text of ${counted(value.length, 'character')}`;
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'object') {
    const keys = Object.keys(value).length;
    return keys === 0 ? 'an empty map' : `a map of ${counted(keys, 'key')}`;
  }
  return `a ${typeof value}`;
}

/** `1 key`, `2 keys`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** The message for a value that is not `what`. `hint` is added where something was found. */
export function expected(what: string, found: unknown, hint = ''): string {
  return found === undefined ? `is missing: expects ${what}` : `expects ${what}; found ${kindOf(found)}${hint}`;
}

/** {@link expected} in the form in which zod takes messages. */
export function expects(what: string): (issue: { input?: unknown }) => string {
  return ({ input }) => expected(what, input);
}

/** {@link expects} for what must be text. YAML reads `007` as a number and `true` as a boolean, to most people's surprise. */
export function expectsText(what: string): (issue: { input?: unknown }) => string {
  return ({ input }) => {
    const quotable = typeof input === 'number' || typeof input === 'boolean';
    return expected(what, input, quotable ? '; write it in quotes to make it text' : '');
  };
}

/** {@link expects} for one of a list of words, with the nearest one. */
export function expectsOneOf(words: readonly string[]): (issue: { input?: unknown }) => string {
  return ({ input }) => {
    const near = typeof input === 'string' ? nearest(input, words) : undefined;
    return expected(`one of ${words.join(', ')}`, input, near === undefined ? '' : `; did you mean \`${near}\`?`);
  };
}

/** A key for a message: in backquotes, cut to its beginning, without what could disturb a terminal and without halves of characters. */
export function shownKey(key: string): string {
  return `\`${shortKey(key).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}`]/gu, '\u{fffd}')}\``;
}

/** A key cut to its beginning. */
export function shortKey(key: string): string {
  return key.length > LIMITS.shownKey ? `${key.slice(0, LIMITS.shownKey - 1)}…` : key;
}

/** A list of keys for a message; the first twenty of them. */
export function shownKeys(keys: readonly string[]): string {
  const shown = keys.slice(0, 20).map(shownKey).join(', ');
  return keys.length > 20 ? `${shown} and ${keys.length - 20} more` : shown;
}

/** A path for a person, e.g. `syncs[0].fields.email`; keys that are no plain words stand in brackets. Empty at the top. */
export function pathText(path: ReadonlyArray<string | number>): string {
  const steps = path.map((key) => {
    if (typeof key === 'number') return `[${key}]`;
    return /^[\w-]+$/.test(key) ? `.${key}` : `[${shownKey(key)}]`;
  });
  return steps.join('').replace(/^\./, '');
}

/** Which of the known words was probably meant; `undefined` where none is close. Case, `_` and `-` do not count. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > 64) return undefined;
  const bare = bareWord(word);
  const ranked = known.flatMap((candidate) => {
    const other = bareWord(candidate);
    const allowed = Math.max(1, Math.floor(candidate.length / 3));
    const distance = editDistance(bare, other);
    return distance > allowed ? [] : [{ candidate, distance }];
  });
  return ranked.sort((a, b) => a.distance - b.distance)[0]?.candidate;
}

function bareWord(word: string): string {
  return word.toLowerCase().replace(/[_-]/g, '');
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** What a check reports: a fault, or an issue of zod. */
export interface Reported {
  path: PropertyKey[];
  message: string;
  /** For an unknown key: `known`, the keys that there are. Its message is made only if it is among those that are listed. */
  params?: Record<string, unknown> | undefined;
}

/** Reports as faults: without repetitions, paths cut to what may be shown, no more than {@link LIMITS.faults}. */
export function faultsOf(reports: readonly Reported[]): Fault[] {
  const unique = [
    ...new Map(reports.map((report) => [JSON.stringify([report.path, report.message]), report])).values(),
  ];
  const faults = unique.slice(0, LIMITS.faults).map(({ path, message, params }) => ({
    path: path.map((key) => (typeof key === 'number' ? key : shortKey(String(key)))),
    message: params === undefined ? message : unknownKey(String(path.at(-1)), params['known']),
  }));
  const more = unique.length - faults.length;
  return more === 0 ? faults : [...faults, { path: [], message: `has ${counted(more, 'fault')} more than are listed` }];
}

function unknownKey(key: string, known: unknown): string {
  const keys = Array.isArray(known) ? known.map(String) : [];
  const near = nearest(key, keys);
  const hint = near === undefined ? `known here are ${shownKeys(keys)}` : `did you mean ${shownKey(near)}?`;
  return `unknown key ${shownKey(key)}; ${hint}`;
}
