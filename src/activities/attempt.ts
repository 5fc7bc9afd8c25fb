/** One attempt of an activity, from its work to the failure that Temporal records. */
import { setMaxListeners } from 'node:events';
import { activityInfo, Context, cancellationSignal, cancelled, heartbeat } from '@temporalio/activity';
import { toFailure } from './failures.ts';

/** How often an attempt says that it is alive, in ms. */
const HEARTBEAT_MS = 5_000;

/**
 * Runs one activity's work and turns what it throws into the failure that Temporal records. `doing` names the act.
 * Work that was broken off because the activity is cancelled, or its worker stops, ends as cancelled.
 */
export async function attempt<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (cancellationSignal().aborted) await cancelled();
    const { attempt: number, scheduledTimestampMs, retryPolicy } = activityInfo();
    throw toFailure(error, doing, { attempt: number, elapsedMs: Date.now() - scheduledTimestampMs, retryPolicy });
  }
}

/**
 * For calls that only read: broken off when the activity is cancelled or its worker stops. A create is never broken off:
 * it would leave its outcome unknown for the sake of a second.
 */
export function reading(): { signal: AbortSignal } {
  const signal = cancellationSignal();
  // Several calls side by side listen to it, each until it has ended; Node takes more than ten for a leak, and says so.
  setMaxListeners(0, signal);
  return { signal };
}

/**
 * For following what goes on whoever listens: heard out when somebody cancels the run, so that an undo knows what there is,
 * and broken off when the worker stops, or the run is gone.
 */
export function hearingOut(): { signal: AbortSignal } {
  // A listener is called outside of the activity, and would not find its context.
  const context = Context.current();
  const broken = new AbortController();
  const interrupted = () => {
    if (context.cancellationDetails?.cancelRequested !== true) broken.abort();
  };
  if (context.cancellationSignal.aborted) interrupted();
  else context.cancellationSignal.addEventListener('abort', interrupted, { once: true });
  return { signal: broken.signal };
}

/**
 * Says that the attempt is alive for as long as `work` is under way. A heartbeat replaces the details of the one before, so
 * each repeats them.
 */
export async function heartbeating<T>(details: () => unknown, work: () => Promise<T>): Promise<T> {
  const alive = setInterval(() => heartbeat(details()), HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(alive);
  }
}
