/** A program of this package as a process of its own, as people run it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll } from '@jest/globals';
import { temporalEnv } from './temporal.ts';

const DIST = join(import.meta.dirname, '../../dist');

/** A running program, or one that has ended. */
export interface Program {
  child: ChildProcess;
  pid: number;
  /** Written so far. */
  out(): string;
  err(): string;
  /** Resolves when it is gone and all it wrote was read. */
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

const started: ChildProcess[] = [];

/** Starts a built program, e.g. `cli/main.js`. One that still runs after the tests of the file is killed. */
export function startProgram(script: string, args: string[], env: Record<string, string> = {}): Program {
  const { PATH, HOME, TMPDIR } = process.env;
  const child = spawn(process.execPath, [join(DIST, script), ...args], {
    env: { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }), ...temporalEnv, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  const { pid, stdout, stderr } = child;
  if (pid === undefined) throw new Error(`${script} was not started`);
  let out = '';
  let err = '';
  stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  return { child, pid, out: () => out, err: () => err, ended };
}

/** The processes that a process has started, and theirs, with their command lines. */
export async function descendantsOf(pid: number): Promise<Array<{ pid: number; command: string }>> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,args=']);
  const all = stdout.split('\n').flatMap((line) => {
    const [, own, parent, command = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return own === undefined ? [] : [{ pid: Number(own), parent: Number(parent), command }];
  });
  const below = (of: number): typeof all =>
    all.filter(({ parent }) => parent === of).flatMap((one) => [one, ...below(one.pid)]);
  return below(pid).map(({ pid: own, command }) => ({ pid: own, command }));
}

afterAll(() => {
  for (const child of started.splice(0)) if (child.exitCode === null) child.kill('SIGKILL');
});
