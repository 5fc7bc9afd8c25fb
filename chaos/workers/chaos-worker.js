/**
 * The worker as it ships, but for what a chaos run changes of it. Runs as a process of its own on what `npm run build` made.
 */
import { readFile } from 'node:fs/promises';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { impatient, OF_WORKFLOW } from './impatience.js';

/** How long a call may take, in ms: a third of an attempt, as in the worker that ships. */
const CALL_TIMEOUT_MS = 2_000;

/** Runs a worker until SIGTERM. `sabotage` takes something away from its client of Polytomic. */
export async function runChaosWorker(sabotage = () => undefined) {
  const { env } = process;
  const short = env.CHAOS_PATIENCE !== 'shipped';
  if (short) register('./impatience.js', import.meta.url);
  // Only now, so that they are loaded as they are to be.
  const { PolytomicClient } = await import('../../dist/polytomic/client.js');
  const { temporalSettings } = await import('../../dist/temporal/connection.js');
  const { startWorker } = await import('../../dist/worker.js');
  const { workerSettings } = await import('../../dist/worker-settings.js');

  Runtime.install({ logger: new DefaultLogger('WARN'), shutdownSignals: [] });
  const settings = workerSettings(env, 'chaos');
  const polytomic = short
    ? new PolytomicClient({
        apiKey: env.POLYTOMIC_API_KEY,
        baseUrl: env.POLYTOMIC_BASE_URL,
        timeoutMs: CALL_TIMEOUT_MS,
      })
    : settings.polytomic;
  sabotage(polytomic);
  const bundle = await readFile(fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url)), 'utf8');
  const worker = await startWorker({
    temporal: temporalSettings(env),
    settings: { ...settings, polytomic },
    env,
    workflowBundle: { code: short ? impatient(bundle, OF_WORKFLOW) : bundle },
  });
  process.once('SIGTERM', () => worker.stop());
  await worker.ended;
}
