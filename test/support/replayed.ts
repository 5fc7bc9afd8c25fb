/** Replaying histories, as a worker does that has not run them itself. */
import { type ReplayWorkerOptions, Worker, type WorkflowBundleOption } from '@temporalio/worker';
import { dataConverter } from '../../src/temporal/data-converter.ts';
import type { History } from '../../src/temporal/history.ts';

/** The errors of replaying each of these histories, `undefined` where it went well. */
export async function replayed(workflowBundle: WorkflowBundleOption, histories: History[]): Promise<unknown[]> {
  const options: ReplayWorkerOptions = { workflowBundle, dataConverter: dataConverter() };
  const errors: unknown[] = [];
  const named = histories.map((history) => ({ workflowId: 'replayed', history }));
  for await (const { error } of Worker.runReplayHistories(options, named)) errors.push(error);
  return errors;
}
