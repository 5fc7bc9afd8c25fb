/** The points at which a run may be handed to a worker that has to replay it. */
import type { History } from './history-json.ts';

type HistoryEvent = NonNullable<History['events']>[number];

/**
 * All beginnings of a history that a server would send to a worker that does not have the run in its cache, shortest first:
 *
 * - up to each `WorkflowTaskStarted`: what comes with a workflow task;
 * - up to each `WorkflowTaskCompleted` with the events that its commands became: what comes with a query. Only here does
 *   replay compare that task's commands. Without those events, which core takes for a task without commands to compare,
 *   the same prefix proves nothing.
 *
 * Each can be given to `Worker.runReplayHistory`. It must not be given less than the first workflow task: core then waits
 * for one for ever (seen with SDK 1.24).
 */
export function historyPrefixes(history: History): History[] {
  const events = history.events ?? [];
  const prefixes: History[] = [];
  for (const [index, event] of events.entries()) {
    if (event.workflowTaskStartedEventAttributes) prefixes.push({ events: events.slice(0, index + 1) });
    if (event.workflowTaskCompletedEventAttributes)
      prefixes.push({ events: events.slice(0, endOfTask(events, index)) });
  }
  return prefixes;
}

/** Where the events end that the workflow task completed at `index` led to. */
function endOfTask(events: readonly HistoryEvent[], index: number): number {
  const completedId = String(events[index]?.eventId);
  let end = index + 1;
  for (let next = events[end]; next !== undefined && isOfTask(next, completedId); next = events[end]) end += 1;
  return end;
}

function isOfTask(event: HistoryEvent, completedId: string): boolean {
  // Answers to updates are written with the task too, but do not say with which.
  if (event.workflowExecutionUpdateAcceptedEventAttributes || event.workflowExecutionUpdateCompletedEventAttributes)
    return true;
  return Object.entries(event).some(
    ([name, attributes]: [string, unknown]) =>
      name.endsWith('EventAttributes') &&
      typeof attributes === 'object' &&
      attributes !== null &&
      'workflowTaskCompletedEventId' in attributes &&
      String(attributes.workflowTaskCompletedEventId) === completedId,
  );
}
