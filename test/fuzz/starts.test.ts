import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { WorkflowHandle } from '@temporalio/client';
import fc from 'fast-check';
import type { ProvisioningReport } from '../../src/client.ts';
import type { ProvisioningRequest } from '../../src/request/schema.ts';
import { FAILURE, WORKFLOW_TYPE, workflowIdOf } from '../../src/workflows/messages.ts';
import { newName } from '../support/new-name.ts';
import { ownWalkthrough } from '../support/own-walkthrough.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { until } from '../support/until.ts';
import { anyValue, MARKER, mutated } from './mutations.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

/** As many at a time as a worker takes easily. */
const AT_A_TIME = 100;

/** How many of them became runs. */
let ran = 0;

/** A request under a name of its own that somebody slipped in, unless it was in the name. */
const slipped = mutated([ownWalkthrough('fuzzed'), { ...ownWalkthrough('fuzzed'), options: options() }]);

function options(): ProvisioningRequest['options'] {
  return {
    onBlocked: 'fail',
    onFailure: 'undo',
    signIn: { timeout: '9d', remindEvery: '1d', poll: '1m' },
    firstRun: 'start',
  };
}

function named(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('name' in value)) return value;
  return typeof value.name === 'string' && value.name.startsWith('fuzzed')
    ? { ...value, name: newName('fuzzed') }
    : value;
}

const STACK = /\n\s+at |node_modules|\.(ts|js):\d+/;

/** What the run says of itself, once it has ended or waits for somebody. */
function settled(handle: WorkflowHandle): Promise<ProvisioningReport> {
  return until(`${handle.workflowId} has ended or waits`, async () => {
    const name = handle.workflowId.slice(workflowIdOf('').length);
    const report = await stage.audiences.status(name);
    const waits = report.status?.steps.some(({ state }) => state === 'blocked' || state === 'waiting') ?? false;
    return (report.state !== 'running' || waits || report.status?.signIn !== undefined) && report;
  });
}

/** That a run ended or waits, without a fault of the program, and shows nobody where in the program it is. */
async function mustBeSound(handle: WorkflowHandle): Promise<ProvisioningReport> {
  const report = await settled(handle);
  if ((report.status?.steps.length ?? 0) > 0) ran += 1;
  expect(JSON.stringify(report)).not.toMatch(STACK);
  const { events } = await handle.fetchHistory();
  if (report.state === 'running') await handle.terminate();
  const failed = events?.filter(({ workflowTaskFailedEventAttributes }) => workflowTaskFailedEventAttributes != null);
  expect(failed).toEqual([]);
  return report;
}

/** Starts five hundred of these, some of which become runs. */
async function startMany(input: fc.Arbitrary<unknown>, start: (input: unknown) => Promise<void>): Promise<void> {
  await stage.withWorker(() =>
    fc.assert(
      fc.asyncProperty(fc.array(input, { minLength: AT_A_TIME, maxLength: AT_A_TIME }), async (inputs) => {
        await Promise.all(inputs.map(named).map(start));
      }),
      { numRuns: 5, endOnFailure: true },
    ),
  );
  expect(ran).toBeGreaterThan(0);
}

describe('a start that nobody should have asked for', () => {
  beforeEach(() => {
    ran = 0;
  });

  it('is refused by the client before anything is started, or becomes a run that runs', async () => {
    await startMany(slipped, startByClient);
  }, 180_000);

  async function startByClient(request: unknown): Promise<void> {
    const started = await stage.audiences.start(request as ProvisioningRequest).then(
      ({ workflowId }) => ({ workflowId }),
      (error: Error) => ({ error }),
    );
    if ('workflowId' in started) {
      await mustBeSound(stage.temporal.workflow.getHandle(started.workflowId));
      return;
    }
    expect(['InvalidRequestError', 'RequestDiffersError', 'EndedBeforeError']).toContain(started.error.name);
    expect(started.error.message).not.toMatch(STACK);
    expect(started.error.message).not.toContain(MARKER);
  }

  it('from outside ends with InvalidRequest, or becomes a run that runs', async () => {
    const input = fc.oneof({ weight: 9, arbitrary: slipped }, { weight: 1, arbitrary: anyValue });
    await startMany(input, startFromOutside);
  }, 180_000);

  async function startFromOutside(input: unknown): Promise<void> {
    const name = newName('outside');
    const handle = await stage.temporal.workflow.start(WORKFLOW_TYPE, {
      workflowId: workflowIdOf(name),
      taskQueue: stage.worker.taskQueue,
      args: [input],
    });
    const report = await mustBeSound(handle);
    if (report.state !== 'failed' || (report.status?.steps.length ?? 0) > 0) return;
    const error = await handle.result().then(
      () => undefined,
      ({ cause }: { cause: unknown }) => cause,
    );
    expect(error).toMatchObject({ type: FAILURE.invalidRequest });
    expect((error as Error).message).not.toContain(MARKER);
  }
});
