/** A sandbox, a task queue and a client for the stories that tests tell about a provisioning. */
import type { Client } from '@temporalio/client';
import type { AudienceClient } from '../../src/client.ts';
import type { TemporalSettings } from '../../src/temporal/connection.ts';
import { type Directions, directions } from './directions.ts';
import { newSandbox, type TestSandbox } from './sandbox.ts';
import { newClient, newTaskQueue, type TestWorkerOptions, withWorker } from './temporal.ts';
import { SECRETS } from './walkthrough.ts';

/** The stage on which a story plays. */
export interface Stage extends Directions {
  sandbox: TestSandbox;
  audiences: AudienceClient;
  temporal: Client;
  worker: TestWorkerOptions;
  /** Runs the story while a worker works. */
  withWorker<T>(story: () => Promise<T>): Promise<T>;
}

/** Sets the stage: a sandbox of its own, by default on the shared server. */
export async function newStage({
  server,
  taskQueue = newTaskQueue(),
  executionPaceMs,
}: {
  server?: TemporalSettings;
  taskQueue?: string;
  /** How long the sandbox leaves an execution in each of its four statuses, in ms. */
  executionPaceMs?: number;
} = {}): Promise<Stage> {
  const sandbox = await newSandbox(executionPaceMs === undefined ? {} : { executionPaceMs });
  const clients = await newClient(taskQueue, server);
  const worker = {
    taskQueue,
    polytomicUrl: sandbox.url,
    apiKey: sandbox.apiKey,
    env: SECRETS,
    ...(server === undefined ? {} : { temporal: server }),
  };
  return {
    ...directions({ ...clients, sandbox }),
    ...clients,
    sandbox,
    worker,
    withWorker: (story) => withWorker(worker, story),
  };
}
