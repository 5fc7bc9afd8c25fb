/** The executions of syncs in the state. */
import { randomUUID } from 'node:crypto';
import type { ExecutionDocument, ExecutionStatus } from './documents.ts';
import type { Reader, Transaction } from './store.ts';

const ENDED: readonly ExecutionStatus[] = ['canceled', 'completed', 'failed'];

/** Whether an execution in this status goes on no more. */
export function hasEnded({ status }: ExecutionDocument): boolean {
  return ENDED.includes(status);
}

/** The execution of a sync that has not ended; there is one at most. */
export function runningExecution(reader: Reader, syncId: string): ExecutionDocument | undefined {
  return reader.all('execution').find((each) => each.sync_id === syncId && !hasEnded(each));
}

/** Puts an execution, for the runner to take up. */
export function newExecution(
  transaction: Transaction,
  syncId: string,
  cause: ExecutionDocument['cause'],
  options: { test?: boolean; identities?: string[] } = {},
): ExecutionDocument {
  const { test = false, identities } = options;
  const execution: ExecutionDocument = {
    id: randomUUID(),
    sequence: transaction.nextSequence(),
    sync_id: syncId,
    cause,
    status: 'created',
    test,
    ...(identities === undefined ? {} : { identities }),
    created_at: new Date().toISOString(),
  };
  transaction.put('execution', execution);
  return execution;
}
