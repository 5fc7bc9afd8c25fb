import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { runWorker } from '../../src/worker.ts';
import { newTaskQueue, temporal, temporalEnv } from '../support/temporal.ts';

const logged: string[] = [];
beforeEach(() => {
  logged.length = 0;
  jest.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    logged.push(String(chunk));
    return true;
  });
});
afterEach(() => {
  jest.restoreAllMocks();
});

describe('the program of a worker', () => {
  it('with bad settings is refused before it connects', async () => {
    const env = { TEMPORAL_ADDRESS: 'nowhere.invalid:1' };
    await expect(runWorker(env, new AbortController().signal)).rejects.toMatchObject({ name: 'WorkerSettingsError' });
  });

  it('that is told to end while it starts, ends; its log is JSON lines without a secret', async () => {
    const taskQueue = newTaskQueue();
    const env = {
      ...temporalEnv,
      AUDIENCE_TASK_QUEUE: taskQueue,
      AUDIENCE_HEALTH_PORT: '0',
      POLYTOMIC_API_KEY: 'key-that-nobody-logs',
      SNOWFLAKE_PASSWORD: 'password-that-nobody-logs',
    };
    const interruption = new AbortController();
    const running = runWorker(env, interruption.signal);
    interruption.abort();
    await running;
    const lines = logged.join('').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toContainEqual({
      at: expect.any(String),
      level: 'INFO',
      message: 'worker started',
      address: temporal.address,
      namespace: temporal.namespace,
      taskQueue,
      health: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    });
    expect(logged.join('')).not.toContain('nobody-logs');
  });
});
