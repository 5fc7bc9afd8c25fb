/** A change to a blocked step's piece of the request: sent with a retry, and its faults found in what was written. */
import { type AudienceClient, RefusedError } from '../client.ts';
import type { LoadedValue, LocatedFault } from '../request/load.ts';
import { type Fault, pathText } from '../request/schema.ts';

/** A change, and where its parts were written. */
export type Change = Extract<LoadedValue, { ok: true }>;

/** Tries the step again with the change; or all that is wrong with it, each with its place. */
export async function retryWithChange(
  client: AudienceClient,
  name: string,
  step: string,
  change: Change,
): Promise<{ step: string; generation: number } | { faults: LocatedFault[] }> {
  try {
    return await client.retryStep(name, { step, change: change.value });
  } catch (error) {
    if (!(error instanceof RefusedError) || error.faults.length === 0) throw error;
    const { status } = await client.status(name);
    const piece = status?.steps.find(({ id }) => id === step)?.piece;
    return { faults: error.faults.flatMap((fault) => placed(fault, piece, change)) };
  }
}

/** The fault with its place in the change. One that lies elsewhere in the request has none. */
function placed(fault: Fault, piece: string | undefined, { located }: Change): LocatedFault[] {
  const { path } = fault;
  const start = path.findIndex((_, i) => pathText(path.slice(0, i + 1)) === piece);
  if (start === -1) return [{ ...fault, file: '(request)', line: 0, column: 0 }];
  return located([{ ...fault, path: path.slice(start + 1) }]).map((one) => ({ ...one, path }));
}
