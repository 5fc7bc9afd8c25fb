/**
 * The worker as it ships, but for its workflow's patience: an attempt that a killed worker took with it is noticed after three
 * seconds and made up for a second later, so that a test can kill many. Runs as a process of its own.
 */
import { runChangedWorker } from './changed-worker.js';

/** Time-outs and pauses of the workflow's code, by the text that sets them. */
await runChangedWorker([
  ["startToCloseTimeout: '45 seconds'", "startToCloseTimeout: '3 seconds'"],
  ["heartbeatTimeout: '20 seconds'", "heartbeatTimeout: '3 seconds'"],
  ["maximumInterval: '1 minute'", "maximumInterval: '1 second'"],
]);
