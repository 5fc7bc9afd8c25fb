/** Runs the worker as it ships, but for some texts of its workflows' code, on what `npm run build` made. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { temporalSettings } from '../../dist/temporal/connection.js';
import { startWorker } from '../../dist/worker.js';
import { workerSettings } from '../../dist/worker-settings.js';
import { changed } from './changed-code.js';

/** Resolves when it was told to end, by SIGTERM, and has drained. `changes` as {@link changed} takes them. */
export async function runChangedWorker(changes) {
  Runtime.install({ logger: new DefaultLogger('WARN'), shutdownSignals: [] });
  const { env } = process;
  const bundle = await readFile(fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url)), 'utf8');
  const worker = await startWorker({
    temporal: temporalSettings(env),
    settings: workerSettings(env, 'test'),
    env,
    workflowBundle: { code: changed(bundle, changes) },
  });
  process.once('SIGTERM', () => worker.stop());
  await worker.ended;
}
