/** Makes models in the background. Jobs that a stop interrupted are begun again at the next start. */
import { Fields } from './body.ts';
import { CallFailure } from './failure.ts';
import { prepareModel, readModelRequest, TooSlow } from './model-making.ts';
import type { World } from './world.ts';

/** How long a query may take in a job, in ms. */
const JOB_LIMIT_MS = 10 * 60 * 1_000;

export class JobRunner {
  readonly #running = new Set<Promise<void>>();

  /** Begins all jobs that are not ended. */
  resume(world: World): void {
    for (const { id, status } of world.store.all('job')) {
      if (status === 'created' || status === 'running') this.start(world, id);
    }
  }

  /** Begins a job that has been put. */
  start(world: World, id: string): void {
    const run = runJob(world, id)
      .catch((error: unknown) => world.settings.log(`job ${id} failed: ${String(error)}`))
      .finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  /** Waits for what runs to stop, after the world was told to. */
  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }
}

async function runJob(world: World, id: string): Promise<void> {
  const { store, stopping } = world;
  const job = store.get('job', id);
  if (job === undefined) return;
  await store.transaction((transaction) => transaction.put('job', { ...job, status: 'running' }));
  try {
    const put = await prepareModel(world, readModelRequest(new Fields(job.request)), JOB_LIMIT_MS);
    await store.transaction((transaction) => {
      if (transaction.get('job', id) === undefined) return;
      transaction.put('job', { ...job, status: 'done', model_id: put(transaction).id });
    });
  } catch (error) {
    // A query that the stop itself interrupted says nothing about the job.
    if (stopping.aborted) return;
    if (!(error instanceof CallFailure || error instanceof TooSlow)) throw error;
    await store.transaction((transaction) => {
      if (transaction.get('job', id) === undefined) return;
      transaction.put('job', { ...job, status: 'failed', error: error.message });
    });
  }
}
