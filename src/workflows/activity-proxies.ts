/** The activities as the workflows call them, by how patient a call may be. */
import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/activities.ts';

const backOff = { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' } as const;

/**
 * One attempt makes a few calls of at most 15 s each; a lost attempt is noticed when this runs out, so it is kept close.
 * Attempts are not limited: what cannot succeed says so itself, and an outage may last a night. A run that is cancelled waits
 * for an attempt that is under way, so that an undo knows what there is. Between two attempts Temporal ends the activity at once:
 * the undo, or `findKept`, then looks for what an attempt before may have made.
 */
const STEP_OPTIONS = {
  startToCloseTimeout: '45 seconds',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: backOff,
} as const;

/** The steps of the walkthrough. */
export const stepActivities = proxyActivities<Activities>(STEP_OPTIONS);

/** Steps that take as long as Polytomic and LinkedIn take, such as a model's query: the heartbeat tells that the worker is alive. */
export const longActivities = proxyActivities<Activities>({
  ...STEP_OPTIONS,
  startToCloseTimeout: '1 hour',
  heartbeatTimeout: '20 seconds',
});

/** A first execution may take a day. Nothing is made by following it, so nobody waits for its end. */
export const followingActivities = proxyActivities<Activities>({
  startToCloseTimeout: '7 days',
  heartbeatTimeout: '20 seconds',
  cancellationType: 'TRY_CANCEL',
  retry: backOff,
});

/** Calls on behalf of a person who waits for the answer to an update. */
export const answeringActivities = proxyActivities<Activities>({
  startToCloseTimeout: '45 seconds',
  scheduleToCloseTimeout: '1 minute',
  retry: backOff,
});

/**
 * Waiting for an outside fact: each look is a retry of the server's, so that history does not grow. How long it rests between two
 * looks the activity says itself, however long that is; what is set here is for failures. Since each look counts as an attempt,
 * their back-off is at its longest soon.
 */
export const pollingActivities = proxyActivities<Activities>({
  startToCloseTimeout: '45 seconds',
  cancellationType: 'TRY_CANCEL',
  retry: backOff,
});

/** Notices: whoever receives them may be away for a night. A run that has ended does not wait so long; see `run.ts`. */
export const noticeActivities = proxyActivities<Activities>({
  startToCloseTimeout: '20 seconds',
  scheduleToCloseTimeout: '1 day',
  retry: backOff,
});

/** Undoing: given a day for an outage, after which what is left is reported. */
export const undoActivities = proxyActivities<Activities>({
  startToCloseTimeout: '45 seconds',
  scheduleToCloseTimeout: '1 day',
  retry: backOff,
});

/** Looking for what a run that keeps what it made has left: whoever ended it waits for that. */
export const findingActivities = proxyActivities<Activities>({
  startToCloseTimeout: '45 seconds',
  scheduleToCloseTimeout: '10 minutes',
  retry: backOff,
});

/** What is asked of Temporal itself at the start. */
export const localActivities = proxyLocalActivities<Activities>({
  startToCloseTimeout: '5 seconds',
  retry: { maximumAttempts: 2 },
});
