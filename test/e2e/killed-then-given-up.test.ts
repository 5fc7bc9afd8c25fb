/** A worker that is killed before somebody gives up, or cancels: what it took with it is not what the run failed of. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { decodedHistory } from '../../src/temporal/history.ts';
import { giveUpUpdate, workflowIdOf } from '../../src/workflows/messages.ts';
import { killed, type Machine, startMachine, untilUnderWay } from '../support/machine.ts';

let machine: Machine;
beforeEach(async () => {
  machine = await startMachine();
});
afterEach(() => machine.remove());

/** Starts a run, and kills its worker while it makes the model. */
async function killedWhileTheModelIsMade(name: string): Promise<string> {
  await machine.sandbox.fault({ match: { method: 'POST', path: '/api/models' }, latencyMs: 5_000 });
  const worker = await machine.startWorker();
  const started = await machine.start(name);
  await untilUnderWay(machine.temporal.workflow.getHandle(workflowIdOf(started)), 'provideModel');
  await killed(worker);
  return started;
}

const historyOf = async (name: string) => JSON.stringify(await decodedHistory(await machine.history(name)));

describe('an attempt whose worker was killed', () => {
  it('is no failure of a run that somebody gives up', async () => {
    const name = await killedWhileTheModelIsMade('killed-given-up');
    const handle = machine.temporal.workflow.getHandle(workflowIdOf(name));
    // Before there is a worker again, so that it is the first thing that one hears.
    const givenUp = handle.executeUpdate(giveUpUpdate, { args: [undefined] });
    await machine.startWorker();
    await givenUp;
    const { state, failures } = await machine.failureOf(name);
    expect({ state, failures }).toEqual({
      state: 'failed',
      failures: [{ step: 'run', type: 'GivenUp', message: 'Given up' }],
    });
    expect(await historyOf(name)).toContain('EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT');
  }, 120_000);

  it('is no failure of a run that is cancelled', async () => {
    const name = await killedWhileTheModelIsMade('killed-cancelled');
    await machine.audiences.cancel(name);
    await machine.startWorker();
    expect(await machine.failureOf(name)).toMatchObject({ state: 'cancelled' });
    const { status } = await machine.audiences.status(name);
    expect(status?.steps.flatMap(({ failure }) => failure ?? [])).toEqual([]);
    expect(await historyOf(name)).toContain('EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT');
  }, 120_000);
});
