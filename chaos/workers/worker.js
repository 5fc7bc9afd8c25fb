/** The worker as it ships, but for what `changes.js` says. Runs as a process of its own on what `npm run build` made. */
import { register } from 'node:module';
import { OF_WORKFLOW } from './changes.js';

register('./changes.js', import.meta.url);
// Only now, so that the worker's modules are loaded with the changes.
const { runChangedWorker } = await import('../../test/support/changed-worker.js');
await runChangedWorker(OF_WORKFLOW);
