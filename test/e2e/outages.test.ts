/** What happens to a run when something that it needs is killed. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { PendingActivity } from '../../src/client.ts';
import { killed, type Machine, startMachine } from '../support/machine.ts';
import { until } from '../support/until.ts';

/** How long a call is held up that a kill is to meet, in ms: longer than the test needs, shorter than the client waits. */
const HELD_UP_MS = 10_000;

let machine: Machine;
beforeEach(async () => {
  machine = await startMachine();
});
afterEach(() => machine.remove());

/** The sign-in link, once only the person is missing. */
async function onlyThePersonIsMissing(name: string): Promise<string> {
  return until('only the person is missing', async () => {
    const { status } = await machine.audiences.status(name);
    const modelIsThere = status?.steps.some(({ id, state }) => id === 'model active-users' && state === 'done');
    return modelIsThere && status?.signIn?.url;
  });
}

/** Waits for an attempt that is under way, or will be. */
async function untilPending(name: string, fits: (pending: PendingActivity) => boolean): Promise<void> {
  await until(`a pending activity of ${name}: ${fits}`, async () =>
    (await machine.audiences.status(name)).pendingActivities.some(fits),
  );
}

/** How many of each kind the sandbox has. */
async function counts() {
  const { connections, models, syncs, audiences } = await machine.sandbox.state();
  return { connections: connections.length, models: models.length, syncs: syncs.length, audiences: audiences.length };
}

describe('a run whose worker is killed while it waits', () => {
  it('is finished by another one', async () => {
    const first = await machine.startWorker();
    const name = await machine.start('worker-killed');
    const url = await onlyThePersonIsMissing(name);
    await killed(first);

    await machine.sandbox.signIn(url);
    await machine.audiences.completeSignIn(name);
    await machine.startWorker();
    const result = await machine.audiences.result(name);

    const { syncs } = await machine.sandbox.state();
    expect(result.syncs.map(({ id }) => id).sort()).toEqual(syncs.map(({ id }: { id: string }) => id).sort());
    expect(result.warnings).toEqual([]);
  });
});

describe('a run whose Temporal server is killed while it waits', () => {
  it('is still there after a start on the same directory, and its worker goes on with it', async () => {
    const worker = await machine.startWorker();
    const name = await machine.start('server-killed');
    const url = await onlyThePersonIsMissing(name);
    const { runId } = await machine.audiences.status(name);
    await machine.killServer();
    await machine.sandbox.signIn(url);
    await machine.startServer();

    await until('the worker answers again', async () => {
      const { status } = await machine.audiences.status(name);
      return status?.stage === 'awaiting_sign_in';
    });
    await machine.audiences.completeSignIn(name);
    await expect(machine.audiences.result(name)).resolves.toMatchObject({ name });
    await expect(machine.audiences.status(name)).resolves.toMatchObject({ runId, state: 'completed' });
    // It is the one that was there before: it has not ended meanwhile.
    expect(await Promise.race([worker.exited, 'runs'])).toBe('runs');
  });
});

describe('a run whose Polytomic is killed', () => {
  it('tries until it is there again, says so meanwhile, and makes nothing twice', async () => {
    const before = await counts();
    await machine.startWorker();
    await machine.sandbox.fault({ match: { method: 'POST', path: '/api/connections' }, latencyMs: HELD_UP_MS });
    const name = await machine.start('sandbox-killed');
    await untilPending(name, ({ activity }) => activity === 'provideLinkedInConnection');
    await machine.killSandbox();
    await untilPending(
      name,
      ({ attempt, lastFailure }) => attempt > 1 && lastFailure?.includes('Trying again') === true,
    );
    await machine.startSandbox();

    await machine.sandbox.fault({ match: { method: 'POST', path: '/api/syncs' }, latencyMs: HELD_UP_MS });
    await machine.signIn(name);
    await untilPending(name, ({ activity }) => activity === 'createSync');
    await machine.killSandbox();
    await machine.startSandbox();
    await expect(machine.audiences.result(name)).resolves.toMatchObject({ name });
    expect(await counts()).toEqual({ connections: 2, models: 1, syncs: 2, audiences: before.audiences + 1 });
  });
});
