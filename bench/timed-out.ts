/** What a Temporal server handed out and nobody answered: an attempt that reached no worker, or whose worker was killed. */
import { requiredTsToDate } from '@temporalio/common/lib/time.js';
import type { Site } from './bench.ts';
import type { Run } from './runs.ts';

/** What ran out of time, in count. Each held its run up for as long as its time-out is: 45 s as a rule, a workflow task 10 s. */
export interface TimedOut {
  /** Activities, by name. */
  activities: Record<string, number>;
  /** Workflow tasks that a worker took and did not answer. */
  workflowTasks: number;
  /** Workflow tasks for a worker that had the run in its cache, and is gone: the next one that asks gets them, a moment later. */
  stickyWorkflowTasks: number;
  /** Runs that had one of them, sticky ones left out. */
  runs: number;
}

/**
 * Reads from the histories of runs what ran out of time, after `since` if that is given. An activity counts once however often it
 * did: history keeps the last of its attempts alone, with what became of the one before.
 */
export async function timedOut(client: Site['client'], runs: readonly Run[], since = new Date(0)): Promise<TimedOut> {
  const found: TimedOut = { activities: {}, workflowTasks: 0, stickyWorkflowTasks: 0, runs: 0 };
  for (const { workflowId } of runs) {
    const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
    const names = new Map<string, string>();
    let heldUp = false;
    for (const event of events ?? []) {
      const { activityTaskScheduledEventAttributes: scheduled, activityTaskStartedEventAttributes: started } = event;
      names.set(String(event.eventId), scheduled?.activityType?.name ?? '');
      if (requiredTsToDate(event.eventTime, 'eventTime') < since) continue;
      if (started?.lastFailure?.timeoutFailureInfo) {
        const name = names.get(String(started.scheduledEventId)) ?? '';
        found.activities[name] = (found.activities[name] ?? 0) + 1;
        heldUp = true;
      }
      const task = event.workflowTaskTimedOutEventAttributes;
      if (task && task.timeoutType === SCHEDULE_TO_START) found.stickyWorkflowTasks += 1;
      else if (task) {
        found.workflowTasks += 1;
        heldUp = true;
      }
    }
    if (heldUp) found.runs += 1;
  }
  return found;
}

/** `TIMEOUT_TYPE_SCHEDULE_TO_START` of Temporal's API. Its enum is in a package of the SDK that is not for use from outside. */
const SCHEDULE_TO_START = 2;
