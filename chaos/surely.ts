/** Calls of the harness itself go through, whatever is killed meanwhile: what is to be lost is the program's, not its own. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isGrpcServiceError } from '@temporalio/client';
import { NoAnswerError } from '../src/client.ts';
import { ApiError, PolytomicError } from '../src/polytomic/errors.ts';

/** How long it is tried, in ms: a server is back within seconds, but an answer of a run may take minutes where calls fail. */
const PATIENCE_MS = 600_000;

/** How long it rests between two tries, in ms. */
const REST_MS = 300;

/**
 * Status codes of gRPC that speak of the connection, or of a server that is starting or of a worker that has just gone: cancelled,
 * unknown, time-out, exhausted, failed precondition, aborted, internal, unavailable.
 */
const PASSING_GRPC: readonly number[] = [1, 2, 4, 8, 9, 10, 13, 14];

/** What `call` gives, in the end. What no trying again changes is thrown at once. */
export async function surely<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!isPassing(error) || Date.now() > deadline || signal?.aborted === true) throw error;
      await sleep(REST_MS, undefined, signal === undefined ? {} : { signal });
    }
  }
}

/** Whether this says nothing but that somebody was not there to answer. */
function isPassing(error: unknown): boolean {
  if (error instanceof NoAnswerError) return true;
  if (error instanceof ApiError) return error.status >= 500 || [408, 409, 429].includes(error.status);
  if (error instanceof PolytomicError) return true;
  if (isGrpcServiceError(error)) return PASSING_GRPC.includes(error.code);
  if (!(error instanceof Error)) return false;
  if (error.name === 'FetchError' || error.name === 'WorkflowUpdateRPCTimeoutOrCancelledError') return true;
  return error.cause !== undefined && isPassing(error.cause);
}
