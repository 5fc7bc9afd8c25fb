/** What lists have told of a run. */
import { decodedHistory } from '../../src/temporal/history.ts';
import type { History } from '../../src/temporal/history-json.ts';

/** The stages that a list has told of the run, from its start on. */
export async function listedStagesIn(history: History): Promise<string[]> {
  const text = JSON.stringify(await decodedHistory(history));
  return [...text.matchAll(/"ProvisioningStage":"(\w+)"/g)].map(([, stage = '']) => stage);
}
