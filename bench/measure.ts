/** What a measure gives: rows of the table, each with its figures round by round. */
import type { Bench } from './bench.ts';

/** One row of the table. */
export interface Row {
  /** What is measured. */
  name: string;
  /** What is to be reached, in words. */
  mark: string;
  /** A figure a round, in the order of the rounds. */
  values: number[];
  /** Of {@link values}. */
  median: number;
  /** The largest value less the smallest one. */
  spread: number;
  /** Whether the median reaches the mark, or each round, where that is the mark. */
  met: boolean;
  /** How {@link values} are shown. */
  unit: Unit;
  /** What the figures come from. */
  details: Record<string, unknown>;
}

/** `ratio`: of the program to what it is compared with. */
export type Unit = 'ratio' | 'count' | 'ms' | 's';

/** A measure: one file of `measures/`. */
export interface Measure {
  /** How `--only` calls it; also the name of its file of results. */
  id: string;
  run: (bench: Bench) => Promise<Row[]>;
}

/** A mark that the median must not be above, or below; with `inEachRound` no round may. */
type Mark = ({ atMost: number } | { atLeast: number }) & { inEachRound?: true };

/** A row of ratios or other figures that are compared with one number. */
export function row(
  name: string,
  mark: Mark & { of: string },
  unit: Unit,
  values: number[],
  details: Record<string, unknown>,
): Row {
  const middle = median(values);
  const judged = mark.inEachRound ? values : [middle];
  const met = judged.every((value) => ('atMost' in mark ? value <= mark.atMost : value >= mark.atLeast));
  const words = 'atMost' in mark ? `at most ${mark.atMost}` : `at least ${mark.atLeast}`;
  return {
    name,
    mark: `${words} ${mark.of}${mark.inEachRound ? ', in each round' : ''}`,
    values: values.map(rounded),
    median: rounded(middle),
    spread: rounded(spread(values)),
    met,
    unit,
    details,
  };
}

/** The middle one; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  if (low === undefined || high === undefined) throw new Error('there is no median of nothing');
  return (low + high) / 2;
}

/** Up to where the smallest `share` of all goes; `NaN` if there is none. */
export function byShare(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1] ?? Number.NaN;
}

/** The largest less the smallest. */
function spread(values: readonly number[]): number {
  return Math.max(...values) - Math.min(...values);
}

/** To four significant digits: more would pretend to a precision that is not there. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

/** Ratios of two lists of figures, round by round. */
export function ratios(ours: readonly number[], theirs: readonly number[]): number[] {
  return ours.map((value, round) => value / (theirs[round] ?? Number.NaN));
}

/** Median and spread of a list, for details. */
export function summary(values: readonly number[]): { median: number; spread: number; values: number[] } {
  return { median: rounded(median(values)), spread: rounded(spread(values)), values: values.map(rounded) };
}
