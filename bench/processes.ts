/** Processes that are measured: when one was ready, what memory it takes, and how much of a processor it has used. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import fetch from 'node-fetch';
import { freePorts } from '../src/processes/free-ports.ts';
import { startOwnedProcess } from '../src/processes/owned-process.ts';

/** A worker, the program's or a bare one. */
export interface RunningWorker {
  pid: number;
  /** From its start until it polled, in ms. */
  readyMs: number;
  /** Lets it drain. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/** How often a worker is asked whether it is ready, in ms. */
const LOOK_MS = 5;

/** How long a worker may take to start, in ms. */
const START_TIMEOUT_MS = 60_000;

/** Starts a worker that serves `GET /health` at `AUDIENCE_HEALTH_PORT`, and waits until it polls. */
export async function startWorker(
  script: string,
  directory: string,
  env: NodeJS.ProcessEnv,
  nodeOptions: readonly string[] = [],
): Promise<RunningWorker> {
  const [port] = await freePorts(1);
  const startedAt = performance.now();
  const process = await startOwnedProcess({
    program: globalThis.process.execPath,
    args: [...nodeOptions, script],
    env: { ...env, AUDIENCE_HEALTH_PORT: String(port) },
    logFile: join(directory, 'workers.log'),
  });
  let gone = false;
  void process.exited.then(() => {
    gone = true;
  });
  while (!(await answers(`http://127.0.0.1:${port}/health`))) {
    if (gone) throw new Error(`A worker ended at once:\n${await process.lastWords()}`);
    if (performance.now() - startedAt > START_TIMEOUT_MS) throw new Error('A worker did not start within a minute');
    await pause(LOOK_MS);
  }
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    process.kill(signal);
    await process.exited;
  };
  return {
    pid: process.pid,
    readyMs: performance.now() - startedAt,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    // Nobody listens there yet.
    return false;
  }
}

/** Memory of a process that is resident now, in MiB, as Linux tells it. */
export async function residentMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
  if (kib === undefined) throw new Error(`/proc/${pid}/status has no VmRSS`);
  return Number(kib) / 1024;
}

/** Linux counts processor time in hundredths of a second. */
const TICKS_PER_SECOND = 100;

/** Processor time that a process has used so far, in seconds. */
export async function processorSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name, in parentheses, may hold spaces; user and system time are the 12th and 13th field after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Processors of the machine that were busy in between two looks, in count. */
export async function busySeconds(): Promise<number> {
  const [first = ''] = (await readFile('/proc/stat', 'utf8')).split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = first.split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
}

/** Looks at `pid` until `stop` is called, which gives the most that was resident, in MiB. */
export function watchMemory(pid: number): { stop: () => Promise<number> } {
  let most = 0;
  let watching = true;
  const watched = (async () => {
    while (watching) {
      most = Math.max(most, await residentMib(pid));
      await pause(50);
    }
  })();
  return {
    stop: async () => {
      watching = false;
      await watched;
      return most;
    },
  };
}
