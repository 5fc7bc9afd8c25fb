import { beforeAll, describe, expect, it } from '@jest/globals';
import { newStage, type Stage } from '../support/provisioning.ts';
import { startTestWorker, stopWorker } from '../support/temporal.ts';

/** Activities a second that the workers are told. */
const RATE = 5;

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

/** When activities of these runs were handed out, in ms, as Temporal has recorded it. */
async function handedOut(names: string[]): Promise<number[]> {
  const histories = await Promise.all(names.map((name) => stage.history(name)));
  return histories
    .flatMap(({ events }) => events ?? [])
    .filter(({ activityTaskStartedEventAttributes: started }) => started != null)
    .map(({ eventTime }) => Number(eventTime?.seconds) * 1_000 + (eventTime?.nanos ?? 0) / 1e6);
}

describe('the rate that all workers of a task queue are told', () => {
  it('holds for all of them together', async () => {
    const env = { ...stage.worker.env, AUDIENCE_ACTIVITIES_PER_SECOND: String(RATE) };
    const names = await Promise.all(Array.from({ length: 12 }, () => stage.start('rated')));
    const workers = await Promise.all([1, 2].map(() => startTestWorker({ ...stage.worker, env })));
    try {
      await Promise.all(names.map((name) => stage.untilAsked(name)));
    } finally {
      for (const worker of workers) await stopWorker(worker);
    }
    const times = await handedOut(names);
    // Two connections and a model each; a model may still be under way.
    expect(times.length).toBeGreaterThanOrEqual(24);
    const seconds = (Math.max(...times) - Math.min(...times)) / 1_000;
    // A second's worth at once at the beginning, and another one for a clock that is a second behind.
    expect(seconds).toBeGreaterThanOrEqual((times.length - 2 * RATE) / RATE);
  });
});
