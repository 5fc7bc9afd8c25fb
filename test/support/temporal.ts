/** The Temporal server that all tests share, and workers on it that run in the test's own process. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll } from '@jest/globals';
import { WorkflowCoverage } from '@temporalio/nyc-test-coverage';
import { DefaultLogger, Runtime, type WorkflowBundleOption } from '@temporalio/worker';
import { AudienceClient } from '../../src/client.ts';
import { connectClient, type TemporalSettings } from '../../src/temporal/connection.ts';
import { type RunningWorker, startWorker } from '../../src/worker.ts';
import { workerSettings } from '../../src/worker-settings.ts';

/** Where the shared server is. */
export const temporal: TemporalSettings = {
  address: process.env['TEST_TEMPORAL_ADDRESS'] ?? '',
  namespace: 'default',
  credentials: {},
};

/** Variables that lead a program to the shared server, and to no other. */
export const temporalEnv = { TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: temporal.namespace };

/** A task queue that no other test uses. */
export function newTaskQueue(): string {
  return `test-${randomUUID()}`;
}

/** A client, by default of the shared server; closed after the tests of the file. */
export async function newClient(
  taskQueue: string,
  server: TemporalSettings = temporal,
): Promise<{ audiences: AudienceClient; temporal: Awaited<ReturnType<typeof connectClient>>['client'] }> {
  const { client } = await connectClient(server);
  const audiences = new AudienceClient({ temporal: client, taskQueue });
  opened.push(audiences);
  return { audiences, temporal: client };
}

const opened: AudienceClient[] = [];

/** Logged by the workers of the test file, a line each. */
export const workerLog: string[] = [];

let installed = false;
const coverage = new WorkflowCoverage();

/** What a test worker is made of. */
export interface TestWorkerOptions {
  taskQueue: string;
  /** Base URL of the sandbox or whatever stands for Polytomic. */
  polytomicUrl: string;
  apiKey: string;
  /** Its environment: secrets, and settings over those of the test. */
  env?: Record<string, string>;
  /** Default: the shared server. */
  temporal?: TemporalSettings;
  /** Texts of the workflow's code and what stands there instead, so that a test need not wait as long as a run does. */
  impatience?: Record<string, string>;
}

/** Starts a worker in this process. Stop it with {@link stopWorker}, or use {@link withWorker}. */
export async function startTestWorker({
  taskQueue,
  polytomicUrl,
  apiKey,
  env = {},
  temporal: server = temporal,
  impatience = {},
}: TestWorkerOptions): Promise<RunningWorker> {
  if (!installed) {
    installed = true;
    // Errors of expected failures would fill the terminal; tests look at them here.
    const logger = new DefaultLogger('DEBUG', ({ level, message, meta }) => {
      workerLog.push(
        `${level} ${message} ${JSON.stringify(meta, (_, value) => (typeof value === 'bigint' ? String(value) : value instanceof Error ? `${value.stack}` : value))}`,
      );
    });
    Runtime.install({ logger, shutdownSignals: [], telemetryOptions: { logging: { forward: {}, filter: 'WARN' } } });
  }
  const workerEnv = {
    POLYTOMIC_API_KEY: apiKey,
    POLYTOMIC_BASE_URL: polytomicUrl,
    AUDIENCE_TASK_QUEUE: taskQueue,
    AUDIENCE_SHUTDOWN_GRACE_MS: '1000',
    ...env,
  };
  const workflowBundle = await bundle(impatience);
  const { sinks } = coverage.augmentWorkerOptionsWithBundle({ taskQueue, workflowBundle });
  return startWorker({
    temporal: server,
    settings: workerSettings(workerEnv, 'test'),
    env: workerEnv,
    workflowBundle,
    ...(sinks === undefined ? {} : { additions: { sinks } }),
  });
}

async function bundle(impatience: Record<string, string>): Promise<WorkflowBundleOption> {
  const codePath = process.env['TEST_WORKFLOW_BUNDLE'] ?? '';
  if (Object.keys(impatience).length === 0) return { codePath };
  let code = await readFile(codePath, 'utf8');
  for (const [text, instead] of Object.entries(impatience)) {
    if (!code.includes(text)) throw new Error(`the workflow's code has no ${text}`);
    code = code.replaceAll(text, instead);
  }
  return { code };
}

/** Lets it drain. */
export async function stopWorker(worker: RunningWorker): Promise<void> {
  worker.stop();
  await worker.ended;
  coverage.mergeIntoGlobalCoverage();
  unwrapCoverage();
}

/** The merge leaves objects of its library's own, which Jest does not take; what they wrap is what it began with. */
function unwrapCoverage(): void {
  const all = globalThis as { __coverage__?: Record<string, object & { data?: object }> };
  if (all.__coverage__ === undefined) return;
  all.__coverage__ = Object.fromEntries(Object.entries(all.__coverage__).map(([file, one]) => [file, one.data ?? one]));
}

/** Runs the story while a worker works. */
export async function withWorker<T>(options: TestWorkerOptions, story: () => Promise<T>): Promise<T> {
  const worker = await startTestWorker(options);
  try {
    return await story();
  } finally {
    await stopWorker(worker);
  }
}

afterAll(async () => {
  for (const client of opened.splice(0)) await client.close();
});
