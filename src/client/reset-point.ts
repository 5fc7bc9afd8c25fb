/** A run that stands still since no worker can replay its history, and where it may go on from. Pure. */
import type { History } from '../temporal/history-json.ts';

type HistoryEvent = NonNullable<History['events']>[number];

/** `WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR` of Temporal's API. */
const NON_DETERMINISTIC_ERROR = 24;

/** Whether a worker says by this that it cannot replay a history. The number is that of Temporal's SDKs for it. */
export function isReplayFailure(message: string): boolean {
  return message.includes('[TMPRL1100]');
}

/**
 * What the worker said that could not replay the history; nothing if the newest workflow task did not fail so. Temporal writes
 * down the first such failure alone, and only counts those after it, until there is news for the run. `events` may be the
 * history's end, oldest first.
 */
export function replayFailureOf(events: readonly HistoryEvent[]): string | undefined {
  const newest = events.findLast(
    (event) =>
      event.workflowTaskCompletedEventAttributes != null ||
      event.workflowTaskFailedEventAttributes != null ||
      event.workflowTaskTimedOutEventAttributes != null,
  );
  const failed = newest?.workflowTaskFailedEventAttributes;
  return failed?.cause === NON_DETERMINISTIC_ERROR ? (failed.failure?.message ?? '') : undefined;
}

/**
 * The `WorkflowTaskCompleted` to reset to: the one that wrote the event that the failure names, or the last one before that event
 * where it came from elsewhere; where none is named, the last one before the last answer of a person. Nothing if there is none.
 * `events` is the whole history.
 */
export function resetPointOf(events: readonly HistoryEvent[], failure: string): HistoryEvent | undefined {
  const [, named] = /HistoryEvent\(id: (\d+)/.exec(failure) ?? [];
  const failing = events.findIndex(({ eventId }) => named !== undefined && String(eventId) === named);
  const written = writerOf(events[failing]);
  if (written !== undefined) return events.find(({ eventId }) => String(eventId) === written);
  const before =
    failing >= 0
      ? failing
      : events.findLastIndex((event) => event.workflowExecutionUpdateAcceptedEventAttributes != null);
  return events.slice(0, Math.max(before, 0)).findLast((event) => event.workflowTaskCompletedEventAttributes != null);
}

/** The id of the `WorkflowTaskCompleted` whose command became this event; nothing where it came from elsewhere. */
function writerOf(event: HistoryEvent | undefined): string | undefined {
  for (const attributes of Object.values(event ?? {}) as unknown[]) {
    if (typeof attributes !== 'object' || attributes === null || !('workflowTaskCompletedEventId' in attributes))
      continue;
    const id = String(attributes.workflowTaskCompletedEventId);
    if (Number(id) > 0) return id;
  }
  return undefined;
}
