/** What a run that has ended made, as the run itself tells when its history is replayed. */
import { ApplicationFailure, type Client } from '@temporalio/client';
import { type RunToUndo, undoEntriesQuery, WORKFLOW_TYPE } from '../workflows/messages.ts';
import type { UndoEntry } from '../workflows/undo-entries.ts';

/**
 * The undo entries of a run. A worker must be there to replay it; the one that asks will do.
 *
 * @throws ApplicationFailure, not to be retried, if the run still runs, has completed, or is no provisioning.
 */
export async function undoEntriesOf(client: Client, { workflowId, runId }: RunToUndo): Promise<UndoEntry[]> {
  const handle = client.workflow.getHandle(workflowId, runId);
  const { status, type } = await handle.describe();
  if (type !== WORKFLOW_TYPE) throw refused(`Workflow ${workflowId} is of type ${type}, and no ${WORKFLOW_TYPE}.`);
  if (status.name === 'RUNNING') throw refused(`Run ${runId} of ${workflowId} still runs: cancel it, or give it up.`);
  if (status.name === 'CONTINUED_AS_NEW')
    throw refused(`Run ${runId} of ${workflowId} went on as another run: name the last one of them.`);
  if (status.name === 'COMPLETED')
    throw refused(`Run ${runId} of ${workflowId} has completed: what it made is in use.`);
  return handle.query(undoEntriesQuery);
}

function refused(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'NotNow');
}
