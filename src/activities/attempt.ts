/** One attempt of an activity, from its work to the failure that Temporal records. */
import { activityInfo, cancellationSignal, cancelled } from '@temporalio/activity';
import { toFailure } from './failures.ts';

/**
 * Runs one activity's work and turns what it throws into the failure that Temporal records. `doing` names the act.
 * Work that was broken off because the activity is cancelled, or its worker stops, ends as cancelled.
 */
export async function attempt<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (cancellationSignal().aborted) await cancelled();
    const info = activityInfo();
    throw toFailure(error, doing, { attempt: info.attempt, elapsedMs: Date.now() - info.scheduledTimestampMs });
  }
}

/**
 * For calls that only read: broken off when the activity is cancelled or its worker stops. A create is never broken off:
 * it would leave its outcome unknown for the sake of a second.
 */
export function reading(): { signal: AbortSignal } {
  return { signal: cancellationSignal() };
}
