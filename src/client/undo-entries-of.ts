/** What a run that has ended made, as the run itself tells when its history is replayed. */
import {
  ApplicationFailure,
  type Client,
  isGrpcServiceError,
  QueryNotRegisteredError,
  type WorkflowExecutionDescription,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { type RunToUndo, undoEntriesQuery, WORKFLOW_TYPE } from '../workflows/messages.ts';
import { isOpen, type UndoEntry } from '../workflows/undo-entries.ts';

/** How long after a run was ended from outside one of its attempts may still make something, in ms: its time-out, and some. */
const LAST_ATTEMPT_MS = 60_000;

/** `INVALID_ARGUMENT` of gRPC. */
const INVALID_ARGUMENT = 3;

/**
 * The undo entries of a run. A worker must be there to replay it; the one that asks will do. `now` in ms.
 *
 * @throws ApplicationFailure, not to be retried, if the run is not to be undone: it still runs, or goes on under another run
 * id, or has completed, or is no provisioning, or is not there. One to be retried while an attempt may be under way.
 */
export async function undoEntriesOf(
  client: Client,
  { workflowId, runId }: RunToUndo,
  now = Date.now(),
): Promise<UndoEntry[]> {
  const run = await describe(client, workflowId, runId);
  const refusal = refusalOf(run, await describe(client, workflowId));
  if (refusal !== undefined) throw ApplicationFailure.nonRetryable(refusal, 'NotNow');
  if (!(await hasBegun(client, run))) return [];
  const entries = await client.workflow
    .getHandle(workflowId, runId)
    .query(undoEntriesQuery)
    .catch((error: unknown) => {
      if (!(error instanceof QueryNotRegisteredError)) throw error;
      throw ApplicationFailure.nonRetryable(
        `Run ${runId} of ${workflowId} is of a version that does not tell what it made. Look at its history.`,
        'NotNow',
      );
    });
  const endedAt = run.closeTime?.getTime() ?? now;
  const unsure = entries.some(isOpen);
  // A run that ends by itself has waited for what was under way; one that is ended has not.
  const endedFromOutside = ['TERMINATED', 'TIMED_OUT'].includes(run.status.name);
  const wait = endedAt + LAST_ATTEMPT_MS - now;
  if (unsure && endedFromOutside && wait > 0) {
    throw ApplicationFailure.create({
      type: 'InFlight',
      message: `An attempt of run ${runId} may still be under way. Waiting for its end.`,
      nextRetryDelay: wait,
      category: 'BENIGN',
    });
  }
  const until = new Date(endedAt).toISOString();
  return entries.map((entry) => ({ ...entry, until }));
}

async function describe(client: Client, workflowId: string, runId?: string): Promise<WorkflowExecutionDescription> {
  const which = `${workflowId}${runId === undefined ? '' : `, run ${runId},`}`;
  try {
    return await client.workflow.getHandle(workflowId, runId).describe();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError)
      throw ApplicationFailure.nonRetryable(
        `Workflow ${which} is not there. Temporal keeps a run until its namespace's retention ends.`,
        'NotFound',
      );
    const cause = error instanceof Error ? error.cause : undefined;
    if (isGrpcServiceError(cause) && cause.code === INVALID_ARGUMENT)
      throw ApplicationFailure.nonRetryable(`Workflow ${which} cannot be there: ${cause.details}`, 'InvalidRequest');
    throw error;
  }
}

/** Why the run is not to be undone, if that is so. `latest` is the newest run under the same workflow id. */
function refusalOf(
  { workflowId, runId, type, status }: WorkflowExecutionDescription,
  latest: WorkflowExecutionDescription,
): string | undefined {
  const run = `Run ${runId} of ${workflowId}`;
  if (type !== WORKFLOW_TYPE) return `${run} is of type ${type}, and no ${WORKFLOW_TYPE}.`;
  if (status.name === 'RUNNING') return `${run} still runs: cancel it, give it up, or terminate it.`;
  if (status.name === 'COMPLETED') return `${run} has completed: what it made is in use.`;
  if (status.name === 'CONTINUED_AS_NEW') return `${run} was continued; its last run is ${latest.runId}.`;
  // A run that was reset is a new one with the same history, and one that was started again may use what there was.
  if (latest.runId !== runId && ['RUNNING', 'COMPLETED'].includes(latest.status.name))
    return `${run} was reset or started again: what it made is in use by run ${latest.runId}.`;
  return undefined;
}

/** Whether any worker has worked on the run; one that ended before has made nothing, and cannot be asked. */
async function hasBegun(client: Client, { workflowId, runId }: WorkflowExecutionDescription): Promise<boolean> {
  const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  return (events ?? []).some((event) => event.workflowTaskCompletedEventAttributes != null);
}
