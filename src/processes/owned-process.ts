/** A process of our own, such as a server or a worker: it outlives neither us nor its use. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';

/** How a process ended. */
export interface OwnedProcessExit {
  /** `null` if a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A running process. */
export interface OwnedProcess {
  readonly pid: number;
  /** Resolves when the process is gone, however it ended. */
  readonly exited: Promise<OwnedProcessExit>;
  /** Sends a signal; to a process that is gone already, does nothing. */
  kill(signal: NodeJS.Signals): void;
  /** The end of what it has written, for an error message: its last 20 lines, at most 4 kB. */
  lastWords(): Promise<string>;
}

/** What to run, and where its words go. */
export interface OwnedCommand {
  program: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  /** stdout and stderr are appended to it. */
  logFile: string;
}

/**
 * Reads a pipe that only our process holds the other end of. When we end, in whatever way, the system closes it, and the
 * process is killed. SIGKILL, because this is the last chance: one that hangs must not stay.
 */
const REAPER = `process.stdin.on('close', () => process.kill(Number(process.argv[1]), 'SIGKILL')).resume()`;

/**
 * Starts the command in a process group of its own, so that Ctrl-C in the terminal reaches us and not it: it is
 * ours to stop, in order. It is killed when our process ends, even by SIGKILL.
 *
 * @throws the system's error (`code` ENOENT, EACCES) if the program cannot be started.
 */
export async function startOwnedProcess({ program, args, env, logFile }: OwnedCommand): Promise<OwnedProcess> {
  const log = openSync(logFile, 'a');
  const logStart = fstatSync(log).size;
  const child = spawn(program, args, { env, stdio: ['ignore', log, log], detached: true });
  closeSync(log);
  await once(child, 'spawn');
  const pid = pidOf(child);
  const exited = exitOf(child);
  const reaper = await startReaper(pid).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  // Else the reaper would one day kill whoever was given the process's number by the system.
  const gone = exited.then((exit) => {
    reaper.kill('SIGKILL');
    return exit;
  });
  return {
    pid,
    exited: gone,
    kill: (signal) => void child.kill(signal),
    lastWords: () => logTail(logFile, logStart),
  };
}

async function startReaper(pid: number): Promise<ChildProcess> {
  const reaper = spawn(process.execPath, ['-e', REAPER, String(pid)], {
    // NODE_OPTIONS of ours, such as a debugger's port, are not for it.
    env: {},
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  await once(reaper, 'spawn');
  reaper.unref();
  const { stdin } = reaper;
  if (stdin !== null && 'unref' in stdin && typeof stdin.unref === 'function') stdin.unref();
  return reaper;
}

function exitOf(child: ChildProcess): Promise<OwnedProcessExit> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return Promise.resolve({ code: child.exitCode, signal: child.signalCode });
  }
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error(`${child.spawnfile} was started without a process id`);
  return child.pid;
}

/** The end of a log from byte `from` on. */
async function logTail(logFile: string, from: number): Promise<string> {
  const file = await open(logFile);
  try {
    const { size } = await file.stat();
    const start = Math.max(from, size - 4096);
    const bytes = Buffer.alloc(Math.max(0, size - start));
    await file.read(bytes, 0, bytes.length, start);
    return bytes.toString('utf8').trim().split('\n').slice(-20).join('\n');
  } finally {
    await file.close();
  }
}
