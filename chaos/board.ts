/** What all runs look like from outside: one list for all of them, read again and again, as people look at a dashboard. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { summaryOf } from '../src/client/report.ts';
import type { ListedStage } from '../src/client.ts';
import { WORKFLOW_TYPE } from '../src/workflows/messages.ts';
import { surely } from './surely.ts';

/** What is seen of a run. */
export interface Sight {
  /** `gone`: it is not among those that run any more. */
  state: 'running' | 'gone';
  stage?: ListedStage;
  blockedSteps: string[];
}

/** How often the list is read, in ms. */
const PACE_MS = 700;

/** How often a run has to be missing from the list before it counts as gone: Temporal's list lags behind. */
const MISSED = 3;

/** How long nobody looks at a run of which there is nothing new, in ms. */
const LONGEST_MS = 4_000;

/** Reads the list until it is stopped. */
export class Board {
  private readonly temporal: Client;
  private readonly signal: AbortSignal;
  private readonly sights = new Map<string, Sight>();
  private readonly missed = new Map<string, number>();
  private readonly waiting = new Set<() => void>();

  constructor(temporal: Client, signal: AbortSignal) {
    this.temporal = temporal;
    this.signal = signal;
    signal.addEventListener('abort', () => this.wakeAll(), { once: true });
  }

  /** All that run now. */
  get running(): Sight[] {
    return [...this.sights.values()].filter(({ state }) => state === 'running');
  }

  /** Reads the list until `signal` aborts. */
  async watch(): Promise<void> {
    while (!this.signal.aborted) {
      await surely(() => this.look(), this.signal);
      this.wakeAll();
      await sleep(PACE_MS, undefined, { signal: this.signal });
    }
  }

  /** What is seen of the run as soon as that is something else than `last`, or after some seconds; nothing once `signal` aborts. */
  async next(name: string, last: Sight | undefined): Promise<Sight | undefined> {
    const deadline = Date.now() + LONGEST_MS;
    while (!this.signal.aborted) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.waiting.delete(wake);
          resolve();
        };
        this.waiting.add(wake);
      });
      const now = this.sights.get(name);
      if (this.signal.aborted) break;
      if (Date.now() > deadline || JSON.stringify(now) !== JSON.stringify(last)) return now;
    }
    return undefined;
  }

  private wakeAll(): void {
    for (const wake of [...this.waiting]) wake();
  }

  private async look(): Promise<void> {
    const query = `WorkflowType = '${WORKFLOW_TYPE}' AND ExecutionStatus = 'Running'`;
    const seen = new Set<string>();
    for await (const execution of this.temporal.workflow.list({ query, pageSize: 1000 })) {
      const { name, stage, blockedSteps } = summaryOf(execution);
      seen.add(name);
      this.missed.delete(name);
      this.sights.set(name, { state: 'running', blockedSteps, ...(stage === undefined ? {} : { stage }) });
    }
    for (const [name, sight] of this.sights) {
      if (sight.state === 'gone' || seen.has(name)) continue;
      const missed = (this.missed.get(name) ?? 0) + 1;
      this.missed.set(name, missed);
      if (missed >= MISSED) this.sights.set(name, { ...sight, state: 'gone' });
    }
  }
}
