/** A worker that is killed in the middle of creating things, at points that a seed chooses, makes nothing twice. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { OwnedProcess } from '../../src/processes/owned-process.ts';
import { decodedHistory } from '../../src/temporal/history.ts';
import { type ProvisioningResult, workflowIdOf } from '../../src/workflows/messages.ts';
import { killed, type Machine, startMachine } from '../support/machine.ts';
import { until } from '../support/until.ts';

const SEEDS = [1, 2];

/** How many runs are under way together. */
const RUNS = 6;

/** How often a worker is killed before the sign-in, and how often after it. */
const KILLS = 2;

/** How long each call of the sandbox takes, in ms: most of an attempt is a create under way. */
const LATENCY_MS = 150;

/** `PENDING_ACTIVITY_STATE_STARTED` of Temporal's API. Its enum is in a package of the SDK that is not for use from outside. */
const STARTED = 2;

let machine: Machine;
beforeEach(async () => {
  machine = await startMachine();
});
afterEach(() => machine.remove());

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Starts a worker, waits until it works on a create, and kills it within the time that a create takes. */
async function killWhileCreating(names: string[], random: () => number): Promise<void> {
  const worker = await machine.startWorker({ script: './impatient-worker.js' });
  await until('an attempt is under way, or nothing is left to do', async () => {
    const attempts = await Promise.all(names.map((name) => attemptsOf(worker, name)));
    if (attempts.some((count) => count > 0)) return true;
    const reports = await Promise.all(names.map((name) => machine.audiences.status(name)));
    return reports.every(({ state, status }) => {
      const running = status?.steps.some((step) => step.state === 'running') ?? true;
      return state !== 'running' || (status?.signIn !== undefined && !running);
    });
  });
  await sleep(random() * 4 * LATENCY_MS);
  await killed(worker);
}

/** How many attempts this worker has under way; those of its predecessors count as such until they time out. */
async function attemptsOf(worker: OwnedProcess, name: string): Promise<number> {
  const { raw } = await machine.temporal.workflow.getHandle(workflowIdOf(name)).describe();
  const ofWorker = (identity: unknown) => String(identity).startsWith(`${worker.pid}@`);
  return (
    raw.pendingActivities?.filter(({ state, lastWorkerIdentity }) => state === STARTED && ofWorker(lastWorkerIdentity))
      .length ?? 0
  );
}

/** Attempts that a worker took with it when it was killed: Temporal noticed by a time-out. */
async function lostAttempts(name: string): Promise<number> {
  const text = JSON.stringify(await decodedHistory(await machine.history(name)));
  return text.match(/TIMEOUT_TYPE_(START_TO_CLOSE|HEARTBEAT)/g)?.length ?? 0;
}

describe('a worker that is killed while it creates', () => {
  it.each(SEEDS)(
    'has made nothing twice when another one finishes (seed %i)',
    async (seed) => {
      const random = randomOf(seed);
      await machine.sandbox.fault({ latencyMs: LATENCY_MS });
      const names = await Promise.all(Array.from({ length: RUNS }, (_, i) => machine.start(`killed-${seed}-${i}`)));
      for (let kill = 0; kill < KILLS; kill += 1) await killWhileCreating(names, random);

      const between = await machine.startWorker({ script: './impatient-worker.js' });
      const urls = await Promise.all(
        names.map(async (name) => (await machine.untilAsked(name)).status?.signIn?.url ?? ''),
      );
      await killed(between);
      for (const url of urls) await machine.sandbox.signIn(url);
      for (const name of names) await machine.audiences.completeSignIn(name);
      for (let kill = 0; kill < KILLS; kill += 1) await killWhileCreating(names, random);

      await machine.startWorker({ script: './impatient-worker.js' });
      const results = await Promise.all(names.map((name) => machine.audiences.result(name)));
      for (const result of results) await expectMadeOnce(result);
      const lost = await Promise.all(names.map(lostAttempts));
      expect(lost.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
    },
    180_000,
  );
});

/** The sandbox has of each thing the one that the result names. */
async function expectMadeOnce({ name, snowflakeConnection, linkedinConnection, models, syncs }: ProvisioningResult) {
  const state = await machine.sandbox.state();
  const idsWhere = (kind: string, fits: (one: Item) => boolean) =>
    state[kind]
      .filter(fits)
      .map(({ id }: Item) => id)
      .sort();
  expect({
    snowflake: idsWhere('connections', (one) => one.name === `Snowflake ${name}`),
    linkedin: idsWhere('connections', (one) => one.name === `LinkedIn ${name}`),
    models: idsWhere('models', (one) => one.connection_id === snowflakeConnection.id),
    syncs: idsWhere('syncs', (one) => one.target?.connection_id === linkedinConnection.id),
    audiences: idsWhere('audiences', (one) => one.name === name),
  }).toEqual({
    snowflake: [snowflakeConnection.id],
    linkedin: [linkedinConnection.id],
    models: Object.values(models).map(({ id }) => id),
    syncs: syncs.map(({ id }) => id).sort(),
    audiences: syncs.filter(({ audience }) => audience.made).map(({ audience }) => audience.id),
  });
}

/** What is looked at of the sandbox's state. */
interface Item {
  id: string;
  name: string;
  connection_id?: string;
  target?: { connection_id: string };
}
