/** What a Temporal server handed out and nobody answered: an attempt that reached no worker, or whose worker was killed. */
import { requiredTsToDate } from '@temporalio/common/lib/time.js';
import type { Site } from './bench.ts';
import type { Run } from './runs.ts';

/** What ran out of time, in count. Each held its run up for as long as its time-out is. */
export interface TimedOut {
  /** Activities, by name. */
  activities: Record<string, number>;
  workflowTasks: number;
  /** Runs that had one of them. */
  runs: number;
}

/**
 * Reads from the histories of runs what ran out of time, after `since` if that is given. An activity counts once however often it
 * did: history keeps the last of its attempts alone, with what became of the one before.
 */
export async function timedOut(client: Site['client'], runs: readonly Run[], since = new Date(0)): Promise<TimedOut> {
  const found: TimedOut = { activities: {}, workflowTasks: 0, runs: 0 };
  for (const { workflowId } of runs) {
    const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
    const names = new Map<string, string>();
    const before = found.workflowTasks + sumOf(found.activities);
    for (const event of events ?? []) {
      const { activityTaskScheduledEventAttributes: scheduled, activityTaskStartedEventAttributes: started } = event;
      names.set(String(event.eventId), scheduled?.activityType?.name ?? '');
      if (requiredTsToDate(event.eventTime, 'eventTime') < since) continue;
      if (started?.lastFailure?.timeoutFailureInfo) {
        const name = names.get(String(started.scheduledEventId)) ?? '';
        found.activities[name] = (found.activities[name] ?? 0) + 1;
      }
      if (event.workflowTaskTimedOutEventAttributes) found.workflowTasks += 1;
    }
    if (found.workflowTasks + sumOf(found.activities) > before) found.runs += 1;
  }
  return found;
}

function sumOf(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
