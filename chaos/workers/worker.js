/**
 * The worker as it ships, but for what `changes.js` says. Runs as a process of its own on what `npm run build` made.
 */
import { readFile } from 'node:fs/promises';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { changed, OF_WORKFLOW } from './changes.js';

register('./changes.js', import.meta.url);
// Only now, so that they are loaded with the changes.
const { temporalSettings } = await import('../../dist/temporal/connection.js');
const { startWorker } = await import('../../dist/worker.js');
const { workerSettings } = await import('../../dist/worker-settings.js');

Runtime.install({ logger: new DefaultLogger('WARN'), shutdownSignals: [] });
const { env } = process;
const bundle = await readFile(fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url)), 'utf8');
const worker = await startWorker({
  temporal: temporalSettings(env),
  settings: workerSettings(env, 'chaos'),
  env,
  workflowBundle: { code: changed(bundle, OF_WORKFLOW) },
});
process.once('SIGTERM', () => worker.stop());
await worker.ended;
