/** Sabotage: whoever looks for what a lost answer may have made finds nothing. */
import { runChaosWorker } from './chaos-worker.js';

await runChaosWorker(({ connections, models, syncs, targets }) => {
  connections.list = async () => [];
  models.list = async () => [];
  syncs.list = async () => [];
  const list = targets.list.bind(targets);
  targets.list = async (...args) => {
    const found = await list(...args);
    // Audiences that were there before a run are chosen, not looked up.
    return { ...found, data: found.data.filter(({ name }) => !/ of run-\d+$/.test(name)) };
  };
});
