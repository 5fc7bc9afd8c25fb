/** What is killed, and when: SIGKILL to a worker every few seconds, to the sandbox and the Temporal server now and then. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { OwnedProcess } from '../src/processes/owned-process.ts';
import { killed, type Machine } from '../test/support/machine.ts';
import type { Draws } from './draws.ts';

/** What can be killed. */
export type Victim = 'worker' | 'sandbox' | 'server';

/** From which to which pause between two kills, in ms. */
const PAUSES: Readonly<Record<Victim, readonly [number, number]>> = {
  worker: [3_000, 7_000],
  sandbox: [30_000, 50_000],
  server: [75_000, 105_000],
};

/** How long a start is tried again whose port is taken for a moment, by whoever tried to reach it, in ms. */
const RESTART_PATIENCE_MS = 60_000;

/** Kills until it is stopped. */
export class Disasters {
  readonly kills: Record<Victim, number> = { worker: 0, sandbox: 0, server: 0 };
  private readonly machine: Machine;
  private readonly draws: Draws;
  private readonly startWorker: () => Promise<OwnedProcess>;
  private readonly workers: OwnedProcess[] = [];
  private readonly stopping = new AbortController();
  private readonly striking: Array<Promise<void>> = [];

  constructor(machine: Machine, draws: Draws, startWorker: () => Promise<OwnedProcess>) {
    this.machine = machine;
    this.draws = draws;
    this.startWorker = startWorker;
  }

  /** Starts so many workers. */
  async begin(workers: number): Promise<void> {
    this.workers.push(...(await Promise.all(Array.from({ length: workers }, () => this.startWorker()))));
  }

  /** Strikes until {@link stop}. Rejects if something cannot be started again. */
  async strike(): Promise<void> {
    this.striking.push(
      this.repeatedly('worker', (kill) => this.killWorker(kill)),
      this.repeatedly('sandbox', async () => {
        await this.machine.killSandbox();
        await again(() => this.machine.startSandbox());
      }),
      this.repeatedly('server', async () => {
        await this.machine.killServer();
        await again(() => this.machine.startServer());
      }),
    );
    await Promise.all(this.striking);
  }

  /** Resolves when everything that was killed is there again. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.allSettled(this.striking);
  }

  private async repeatedly(victim: Victim, kill: (count: number) => Promise<void>): Promise<void> {
    const [least, most] = PAUSES[victim];
    for (let count = 1; ; count += 1) {
      try {
        await sleep(this.draws.between(least, most, victim, count), undefined, { signal: this.stopping.signal });
      } catch {
        return;
      }
      this.kills[victim] += 1;
      await kill(count);
    }
  }

  private async killWorker(count: number): Promise<void> {
    const which = this.draws.between(0, this.workers.length - 1, 'which worker', count);
    const [victim] = this.workers.splice(which, 1);
    if (victim !== undefined) await killed(victim);
    this.workers.push(await again(this.startWorker));
  }
}

async function again<T>(start: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + RESTART_PATIENCE_MS;
  for (;;) {
    try {
      return await start();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(200);
    }
  }
}
