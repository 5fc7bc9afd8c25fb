/**
 * The worker as it ships, but for what a chaos run changes of it. Runs as a process of its own on what `npm run build` made.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { PolytomicClient } from '../../dist/polytomic/client.js';
import { temporalSettings } from '../../dist/temporal/connection.js';
import { startWorker } from '../../dist/worker.js';
import { workerSettings } from '../../dist/worker-settings.js';

/** How long a call may take, in ms: a third of an attempt, as in the worker that ships. */
const CALL_TIMEOUT_MS = 2_000;

/** Time-outs and pauses of the workflow's code, by the text that sets them: so that as many retries fit into minutes as else into hours. */
const IMPATIENCE = [
  ["startToCloseTimeout: '45 seconds'", "startToCloseTimeout: '6 seconds'"],
  ["heartbeatTimeout: '20 seconds'", "heartbeatTimeout: '6 seconds'"],
  ["maximumInterval: '1 minute'", "maximumInterval: '1 second'"],
  ["initialInterval: '1 second'", "initialInterval: '300 milliseconds'"],
];

/** Runs a worker until SIGTERM. `sabotage` takes something away from its client of Polytomic. */
export async function runChaosWorker(sabotage = () => undefined) {
  const { env } = process;
  Runtime.install({ logger: new DefaultLogger('WARN'), shutdownSignals: [] });
  const settings = workerSettings(env, 'chaos');
  const short = env.CHAOS_PATIENCE !== 'shipped';
  const polytomic = short
    ? new PolytomicClient({
        apiKey: env.POLYTOMIC_API_KEY,
        baseUrl: env.POLYTOMIC_BASE_URL,
        timeoutMs: CALL_TIMEOUT_MS,
      })
    : settings.polytomic;
  sabotage(polytomic);
  const worker = await startWorker({
    temporal: temporalSettings(env),
    settings: { ...settings, polytomic },
    env,
    ...(short ? { workflowBundle: { code: await impatientBundle() } } : {}),
  });
  process.once('SIGTERM', () => worker.stop());
  await worker.ended;
}

async function impatientBundle() {
  const bundle = await readFile(fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url)), 'utf8');
  return IMPATIENCE.reduce((patient, [text, instead]) => {
    if (!patient.includes(text)) throw new Error(`The workflow's code has no ${text}`);
    return patient.replaceAll(text, instead);
  }, bundle);
}
