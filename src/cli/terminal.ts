/** Where a command reads and writes. Handed in, so that tests run whole commands with streams in memory. */
import type { Readable, Writable } from 'node:stream';

/** A place to write that may be a terminal. */
export type Output = Writable & { isTTY?: boolean; columns?: number };

/** The surroundings of one run of the program. */
export interface Terminal {
  in: Readable & { isTTY?: boolean };
  /** What was asked for, and nothing else. */
  out: Output;
  /** Progress, advice, errors. */
  err: Output;
  env: NodeJS.ProcessEnv;
  /** Aborts when a person presses Ctrl-C, or the program is told to end. */
  interrupted: AbortSignal;
}

/** Width to write for, in characters, where the output tells none. */
const DEFAULT_COLUMNS = 80;

/** How many characters a line of `output` has. */
export function columnsOf({ columns }: Output): number {
  // Some pseudo-terminals have no width at all.
  return columns || DEFAULT_COLUMNS;
}

/** Text that came from outside, harmless in a terminal: no control sequence moves its cursor, sets its title or hides text. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ');
}

/** One JSON value a line, for programs. People see it too, so what could control their terminal is escaped. */
export function printJson({ out }: Terminal, value: unknown): void {
  const escaped = JSON.stringify(value).replace(/[\p{Cc}\p{Cf}]/gu, (character) =>
    [...Array(character.length).keys()]
      .map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`)
      .join(''),
  );
  out.write(`${escaped}\n`);
}

/** Lines for people. */
export function print({ out }: Terminal, ...lines: string[]): void {
  out.write(harmless(lines));
}

/** Lines beside what was asked for. */
export function advise({ err }: Terminal, ...lines: string[]): void {
  err.write(harmless(lines));
}

/** Whatever the lines were made of, here is where they leave. */
function harmless(lines: string[]): string {
  return lines
    .flatMap((line) => line.split('\n'))
    .map((line) => `${plain(line)}\n`)
    .join('');
}
