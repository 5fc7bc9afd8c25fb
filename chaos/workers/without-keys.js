/** Sabotage: every create is sent as if it had no idempotency key. */
import { randomUUID } from 'node:crypto';
import { runChaosWorker } from './chaos-worker.js';

await runChaosWorker(({ connections, models, syncs }) => {
  for (const [resource, method] of [
    [connections, 'create'],
    [models, 'createAsync'],
    [syncs, 'create'],
    [syncs, 'startExecution'],
  ]) {
    const send = resource[method].bind(resource);
    // One that nobody has sent before is as good as none.
    resource[method] = (...args) => send(...args.slice(0, -1), { ...args.at(-1), idempotencyKey: randomUUID() });
  }
});
