/** Lengths of time as people write them: `90s`, `30m`, `4h`, `7d`. */
import * as z from 'zod';
import { expected } from './faults.ts';
import { LIMITS } from './limits.ts';

const DURATION = /^([1-9]\d{0,7})([smhd])$/;

const UNIT_MS: Record<string, number> = { s: 1000, m: 60 * 1000, h: 60 * 60 * 1000, d: 24 * 60 * 60 * 1000 };

/** A length of time in ms; `undefined` for whatever is none, or is out of bounds. */
export function durationMs(value: unknown): number | undefined {
  const [, number, unit] = (typeof value === 'string' ? DURATION.exec(value) : undefined) ?? [];
  if (number === undefined || unit === undefined) return undefined;
  const ms = Number(number) * (UNIT_MS[unit] ?? Number.NaN);
  return ms <= LIMITS.durationMs ? ms : undefined;
}

/**
 * The schema of a length of time. The JSON Schema knows its form and not its upper bound. `alternative` begins what the
 * fault says is expected.
 */
export function duration(description: string, alternative = '') {
  const what = `${alternative}a length of time from 1s to 365d: a whole number and a unit, s, m, h or d, e.g. 30m`;
  const error = ({ input }: { input?: unknown }) =>
    expected(what, input, typeof input === 'number' ? '; write the unit behind it' : '');
  return z
    .string({ error })
    .regex(DURATION, { error })
    .refine((value) => durationMs(value) !== undefined, { error })
    .describe(description);
}
