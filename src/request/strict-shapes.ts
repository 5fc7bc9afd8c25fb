/** Building blocks of the schema that say well what is wrong: maps that know their keys, choices by key, lines of text. */
import * as z from 'zod';
import { expects, expectsOneOf, expectsText, nearest } from './faults.ts';
import { isMap } from './json-value.ts';
import { LIMITS } from './limits.ts';

/** Runs a refinement also where something else is wrong already, so that all faults are reported at once. */
export const ALWAYS = { when: () => true };

/** One line of text: no control characters, nothing that turns the direction of writing, no space at either end. */
const LINE = /^(?!\s)[^\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+(?<!\s)$/u;

/** Whether a map has `key`, or has nothing but a misspelling of it. Tells which of several shapes was meant. */
export function means(map: Record<string, unknown>, key: string): boolean {
  const [only, ...others] = Object.keys(map);
  return key in map || (only !== undefined && others.length === 0 && nearest(only, [key]) !== undefined);
}

function lineOf(max: number): string {
  return `one line of text, at most ${max} characters, without spaces at its ends`;
}

/** What keys that are lines of text look like, for {@link mapOf}. */
export const LINE_KEY = { what: lineOf(LIMITS.textLength), pattern: LINE, max: LIMITS.textLength };

/** A line of text, 1 to `max` characters long. */
export function line(description: string, max: number = LIMITS.textLength) {
  return text(lineOf(max), LINE, max).describe(description);
}

/** The name of something in Polytomic. */
export function nameOf(description: string) {
  return line(description, LIMITS.nameLength);
}

/** A text that matches `pattern`, 1 to `max` characters long. `what` completes "expects …". */
export function text(what: string, pattern: RegExp, max: number) {
  const error = expectsText(what);
  return z.string({ error }).min(1, { error }).max(max, { error }).regex(pattern, { error });
}

/** No user info: a password could stand in it. Plain http only where it does not leave the machine. */
const WEB_ADDRESS =
  /^(https:\/\/[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|http:\/\/(?:localhost|127\.0\.0\.1|\[::1\]))(?::\d{1,5})?(?:[/?#][\x21-\x7e]*)?$/;

/** An address of the web. */
export function webAddress(description: string) {
  return text('an https address (plain http for this machine only)', WEB_ADDRESS, LIMITS.urlLength).describe(
    description,
  );
}

/** `true` or `false`. */
export function flag(description: string) {
  return z.boolean({ error: expects('true or false') }).describe(description);
}

/** One of some words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words, description: string) {
  return z.enum(words, { error: expectsOneOf(words) }).describe(description);
}

/** A list of 1 to `max` entries. `what` completes "expects a list of …". */
export function listOf<Entry extends z.ZodType>(entry: Entry, what: string, max: number = LIMITS.entries) {
  const error = expects(`a list of 1 to ${max} ${what}`);
  return z.array(entry, { error }).min(1, { error }).max(max, { error });
}

/**
 * A map of 1 to `max` entries under keys of the writer's own choice that match `key`. `what` completes "expects a map of …".
 */
export function mapOf<Value extends z.ZodType>(
  key: { what: string; pattern: RegExp; max: number },
  value: Value,
  what: string,
  max: number,
) {
  const error = expects(`a map of 1 to ${max} ${what}`);
  return z
    .record(z.string(), value, { error })
    .superRefine((map, ctx) => {
      if (!isMap(map)) return;
      const report = (path: string[], message: string) => ctx.addIssue({ code: 'custom', path, message });
      const keys = Object.keys(map);
      if (keys.length < 1 || keys.length > max) report([], error({ input: map }));
      // Checked here and not by zod, which would leave such a key's value unchecked.
      for (const name of keys.filter((name) => name.length > key.max || !key.pattern.test(name))) {
        report([name], `stands under a key that is not allowed: expects ${key.what}`);
      }
    }, ALWAYS)
    .meta({
      minProperties: 1,
      maxProperties: max,
      propertyNames: { type: 'string', maxLength: key.max, pattern: key.pattern.source },
    });
}

/**
 * A map with known keys and no others. Each unknown key is a fault of its own, at its own place, with the known key that
 * was probably meant. `what` completes "expects …"; `misplaced` has the advice for keys that belong to a sibling shape.
 */
export function keyed<Shape extends z.core.$ZodLooseShape>(
  what: string,
  shape: Shape,
  misplaced: { keys: readonly string[]; advice: string } = { keys: [], advice: '' },
) {
  const known = Object.keys(shape);
  // The hint at the known key is left to `faultsOf`: finding it for thousands of wrong keys takes seconds, and a workflow
  // that does not answer for two is taken for stuck.
  const faultOf = (key: string): z.core.$ZodRawIssue =>
    misplaced.keys.includes(key)
      ? { code: 'custom', path: [key], input: undefined, message: misplaced.advice }
      : { code: 'custom', path: [key], input: undefined, message: 'unknown key', params: { known } };
  return z.strictObject(shape, { error: expects(`${what}: a map with ${known.join(', ')}`) }).superRefine((_, ctx) => {
    const issues = ctx.issues.splice(0);
    ctx.issues.push(
      ...issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys.map(faultOf) : [issue])),
    );
  }, ALWAYS);
}

/**
 * One of several shapes. `choose` tells by what was written which one is meant (its index), so that only the faults of
 * that one are reported; with `undefined` the fault is `error`'s.
 */
export function choice<const Options extends readonly [z.ZodType, ...z.ZodType[]]>(
  error: (issue: { input?: unknown }) => string,
  options: Options,
  choose: (value: unknown) => number | undefined,
) {
  const union = z.union(options, { error });
  return union.superRefine((_, ctx) => {
    const issues = ctx.issues.splice(0);
    ctx.issues.push(
      ...issues.flatMap((issue): z.core.$ZodRawIssue[] => {
        const chosen = issue.code === 'invalid_union' ? choose(issue.input) : undefined;
        if (issue.code !== 'invalid_union' || chosen === undefined) return [issue];
        return (issue.errors[chosen] ?? []).map((fault) => ({ ...fault, input: undefined }));
      }),
    );
  }, ALWAYS);
}
