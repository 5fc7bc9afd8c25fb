/** Finding and deleting a sync in the state. */
import type { SyncDocument } from './documents.ts';
import { notFound } from './failure.ts';
import type { Reader, Transaction } from './store.ts';

/** The sync of this id. Throws a 404. */
export function syncOf(reader: Reader, id: string): SyncDocument {
  const sync = reader.get('sync', id);
  if (sync === undefined) throw notFound(`sync ${id}`);
  return sync;
}

/** Deletes a sync with its executions. One that is running stops when its runner finds it gone. */
export function deleteSync(transaction: Transaction, id: string): void {
  transaction.delete('sync', id);
  for (const execution of transaction.all('execution')) {
    if (execution.sync_id === id) transaction.delete('execution', execution.id);
  }
}
