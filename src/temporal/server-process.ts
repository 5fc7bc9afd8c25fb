/**
 * The operating system's side of an embedded server: a process that outlives neither its parent nor its use.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';

/** How a server process ended. */
export interface ServerExit {
  /** `null` if a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A running server process. */
export interface ServerProcess {
  readonly pid: number;
  /** Resolves when the process is gone, however it ended. */
  readonly exited: Promise<ServerExit>;
  /** Sends a signal; to a process that is gone already, does nothing. */
  kill(signal: NodeJS.Signals): void;
}

/** What to run, and where its words go. */
export interface ServerCommand {
  program: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  /** stdout and stderr are appended to it. */
  logFile: string;
}

/**
 * Reads a pipe that only our process holds the other end of. When we end, in whatever way, the system closes it, and the
 * server is killed. SIGKILL, because this is the last chance: a server that hangs must not stay.
 */
const REAPER = `process.stdin.on('close', () => process.kill(Number(process.argv[1]), 'SIGKILL')).resume()`;

/**
 * Starts the command in a process group of its own, so that Ctrl-C in the terminal reaches us and not the server: it is
 * ours to stop after the workers. It does not keep our event loop alive, and is killed when our process ends, even by SIGKILL.
 *
 * @throws the system's error (`code` ENOENT, EACCES) if the program cannot be started.
 */
export async function startServerProcess({ program, args, env, logFile }: ServerCommand): Promise<ServerProcess> {
  const log = openSync(logFile, 'a');
  const server = spawn(program, args, { env, stdio: ['ignore', log, log], detached: true });
  closeSync(log);
  await once(server, 'spawn');
  const pid = pidOf(server);
  const exited = exitOf(server);
  const reaper = await startReaper(pid).catch((error: unknown) => {
    server.kill('SIGKILL');
    throw error;
  });
  // Else the reaper would one day kill whoever was given the server's number by the system.
  const gone = exited.then((exit) => {
    reaper.kill('SIGKILL');
    return exit;
  });
  return { pid, exited: gone, kill: (signal) => void server.kill(signal) };
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

function exitOf(child: ChildProcess): Promise<ServerExit> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return Promise.resolve({ code: child.exitCode, signal: child.signalCode });
  }
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error(`${child.spawnfile} was started without a process id`);
  return child.pid;
}

/** The end of a log from byte `from` on, for an error message: its last 20 lines, at most 4 kB. */
export async function logTail(logFile: string, from: number): Promise<string> {
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
