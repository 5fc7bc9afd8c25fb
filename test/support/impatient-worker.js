/**
 * The worker as it ships, but for its workflow's patience: an attempt that a killed worker took with it is noticed after three
 * seconds and made up for a second later, so that a test can kill many. Runs as a process of its own on what `npm run build` made.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { temporalSettings } from '../../dist/temporal/connection.js';
import { startWorker } from '../../dist/worker.js';
import { workerSettings } from '../../dist/worker-settings.js';

const bundle = await readFile(fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url)), 'utf8');
/** Time-outs and pauses of the workflow's code, by the text that sets them. */
const impatience = [
  ["startToCloseTimeout: '45 seconds'", "startToCloseTimeout: '3 seconds'"],
  ["heartbeatTimeout: '20 seconds'", "heartbeatTimeout: '3 seconds'"],
  ["maximumInterval: '1 minute'", "maximumInterval: '1 second'"],
];
const code = impatience.reduce((patient, [text, instead]) => {
  if (!patient.includes(text)) throw new Error(`The workflow's code has no ${text}`);
  return patient.replaceAll(text, instead);
}, bundle);

Runtime.install({ logger: new DefaultLogger('WARN'), shutdownSignals: [] });
const { env } = process;
const worker = await startWorker({
  temporal: temporalSettings(env),
  settings: workerSettings(env, 'test'),
  env,
  workflowBundle: { code },
});
process.once('SIGTERM', () => worker.stop());
await worker.ended;
