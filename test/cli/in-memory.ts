/** Whole commands with streams in memory, in the test's own process. */
import { Readable, Writable } from 'node:stream';
import { run } from '../../src/cli/program.ts';
import { temporalEnv } from '../support/temporal.ts';

/** What a command is given. */
export interface Given {
  /** Over the variables that lead to the shared server; nothing of the test's own environment. */
  env?: NodeJS.ProcessEnv;
  /** Standard input; default: empty. A stream stays open until it ends. */
  input?: string | Readable;
  /** Whether its output is a terminal, of so many columns. */
  tty?: { columns: number };
  interrupted?: AbortSignal;
}

/** A command that runs, or has run. */
export interface Command {
  /** Written so far. */
  out(): string;
  err(): string;
  /** Resolves with the exit code. */
  code: Promise<number>;
}

/** Starts a command. */
export function begin(args: string[], given: Given = {}): Command {
  const { env = {}, input = '', tty, interrupted = new AbortController().signal } = given;
  const out = collector();
  const err = collector();
  const code = run(args, {
    in: typeof input === 'string' ? Readable.from([input]) : input,
    out: Object.assign(out.stream, tty === undefined ? {} : { isTTY: true, ...tty }),
    err: err.stream,
    env: { ...temporalEnv, ...env },
    interrupted,
  });
  return { out: out.text, err: err.text, code };
}

/** Runs a command to its end. */
export async function audience(
  args: string[],
  given: Given = {},
): Promise<{ code: number; out: string; err: string; lines: string[]; json: () => unknown[] }> {
  const command = begin(args, given);
  const code = await command.code;
  const out = command.out();
  const lines = out.split('\n').slice(0, -1);
  return { code, out, err: command.err(), lines, json: () => lines.map((line) => JSON.parse(line) as unknown) };
}

function collector(): { stream: Writable; text: () => string } {
  const chunks: string[] = [];
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  return { stream, text: () => chunks.join('') };
}
