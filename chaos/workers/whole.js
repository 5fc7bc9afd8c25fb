/** A worker from which nothing is taken away. */
import { runChaosWorker } from './chaos-worker.js';

await runChaosWorker();
