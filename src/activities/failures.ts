/**
 * What each way of failing means for the run: whether Temporal tries again, when, and what a person is told.
 * Every failure of an activity is made here, and its code stands in docs/errors.md.
 */

import { ApplicationFailure } from '@temporalio/activity';
import { ApplicationFailureCategory, type RetryPolicy } from '@temporalio/common';
import { ApiError, NoAnswerError, PolytomicError, UnexpectedAnswerError } from '../polytomic/errors.ts';
import { SecretError } from '../request/secrets.ts';
import { shorten } from '../request/shorten.ts';

/** The codes of failures, with whether trying again can help. */
export const FAILURE_CODES = {
  /** 401: the API key is missing, wrong or revoked. */
  ApiKeyRefused: { retryable: false },
  /** 403: the API key's user may not do this. */
  NotPermitted: { retryable: false },
  /** 404: what the step works on is not there, or not any more. */
  NotFound: { retryable: false },
  /** 400, 422 and the rest of 4xx: Polytomic, Snowflake or LinkedIn refuses what was asked. */
  Refused: { retryable: false },
  /** The request asks for what is not among the things that are allowed here: an account, audience, field, column or mode. */
  NotAllowed: { retryable: false },
  /** A name fits several things. */
  Ambiguous: { retryable: false },
  /** What was to be made is there already, and was not made by this run. */
  NameTaken: { retryable: false },
  /** Something of this name appeared while the answer to our create was lost: it may be ours or not. */
  Unclear: { retryable: false },
  /** What was written was taken back by somebody else, again and again. */
  NotKept: { retryable: false },
  /** A sync's first execution ended otherwise than completed. */
  ExecutionFailed: { retryable: false },
  /** A notice's target may not be called, or does not take the notice: a redirect, or a 4xx that will not pass. */
  NoticeRefused: { retryable: false },
  /** The worker may not, or cannot, read a secret that the request refers to. */
  SecretUnavailable: { retryable: false },
  /** Nobody has signed in to LinkedIn yet, as watched for by `options.signIn.poll`. */
  NotSignedInYet: { retryable: true },
  /** A fresh connection whose cache is still being filled. */
  NotReady: { retryable: true },
  /** 429. */
  RateLimited: { retryable: true },
  /** 409: the same create is still in flight. Or it may be, although it was answered. */
  InFlight: { retryable: true },
  /** 5xx, from Polytomic or a proxy before it. */
  Unavailable: { retryable: true },
  /** No answer: time-out, reset, or an answer that broke off. */
  NoAnswer: { retryable: true },
  /** A success whose body is not as documented. */
  UndocumentedAnswer: { retryable: true },
} as const;

/** The type of an activity's failure, as the Temporal Web UI shows it and docs/errors.md explains it. */
export type FailureCode = keyof typeof FAILURE_CODES;

/**
 * What an activity found to stand in its way. {@link toFailure} turns it into the failure that Temporal records, and says in
 * front of it what was being done.
 */
export class ActivityProblem extends Error {
  override readonly name = 'ActivityProblem';
  readonly code: FailureCode;
  /** When to try again, in ms from now, in place of the step's own back-off. */
  readonly nextRetryDelayMs: number | undefined;

  /** `message` goes on after "Creating model “X”: " and is a whole sentence or several. */
  constructor(code: FailureCode, message: string, nextRetryDelayMs?: number) {
    super(message);
    this.code = code;
    this.nextRetryDelayMs = nextRetryDelayMs;
  }
}

/** A job of Polytomic ended without making what it was to make. */
export class JobFailed extends Error {
  override readonly name = 'JobFailed';
}

/** A job is not there any more, so that nobody can say what came of it. */
export class JobLost extends Error {
  override readonly name = 'JobLost';
}

/** An API that asks to be called less, a cache that fills, a person who is out: no fault of the worker, nor in its error metrics. */
const EXPECTED: readonly FailureCode[] = ['RateLimited', 'NotReady', 'NotSignedInYet'];

/** How long a fresh connection's cache is waited for, in ms since the step was first scheduled. */
export const NOT_READY_PATIENCE_MS = 30 * 60 * 1000;

/**
 * How Polytomic says that a fresh connection's schema cache is still being filled: 422 "cache refresh in progress" or
 * 400 "did not provide any schemas" (seen by Polytomic's Terraform provider; not in the API reference).
 */
const NOT_READY_WORDS = /cache refresh (is )?in progress|did not provide any schemas/i;

/** Whether these words of the API say that a fresh connection's cache is still being filled. */
export function isNotReady(apiMessage: string | undefined): boolean {
  return NOT_READY_WORDS.test(apiMessage ?? '');
}

/** The longest wait between two looks at a cache that is not ready, in ms. */
const MAX_NOT_READY_DELAY_MS = 60_000;

/** The shortest wait that a server can ask for, in ms: a `Retry-After` of 0, or a date in our past, must not end in a hot loop. */
const MIN_RETRY_AFTER_MS = 1_000;

/** When and where a failure happened, as far as it decides about the next attempt. */
export interface AttemptTiming {
  /** Number of the attempt, from 1. */
  attempt: number;
  /** How long ago the step was first scheduled, in ms. */
  elapsedMs: number;
  /** By which Temporal tries the step again. Absent where it does not tell, as of what it gives out eagerly: then its defaults. */
  retryPolicy?: RetryPolicy | undefined;
}

/** The longest message of a failure, in characters: a sync with two hundred wrong fields would have more to say. */
export const MAX_MESSAGE = 8_000;

/** What an error means: its code, what a person is told, and when to try again, in ms, where that is not left to the back-off. */
interface Meaning {
  code: FailureCode;
  message: string;
  waitMs?: number | undefined;
}

function failure(code: FailureCode, message: string, waitMs?: number): Meaning {
  return { code, message, waitMs };
}

/**
 * Turns whatever an activity ran into into the failure that Temporal records. `doing` names the act, e.g. `creating model
 * “Active Users”`. What is no error of the API or of a secret is returned as it is: Temporal retries it as a plain error.
 */
export function toFailure(error: unknown, doing: string, timing: AttemptTiming): unknown {
  const meaning = meaningOf(error, doing, timing);
  if (meaning === undefined) return error;
  const { code, message, waitMs } = meaning;
  const { retryable } = FAILURE_CODES[code];
  const delay = waitMs ?? (retryable ? backOffMs(timing.attempt, timing.retryPolicy) : undefined);
  return ApplicationFailure.create({
    type: code,
    message: shorten(message, MAX_MESSAGE),
    nonRetryable: !retryable,
    ...(delay === undefined ? {} : { nextRetryDelay: delay }),
    ...(EXPECTED.includes(code) ? { category: ApplicationFailureCategory.BENIGN } : {}),
  });
}

function meaningOf(error: unknown, doing: string, timing: AttemptTiming): Meaning | undefined {
  if (error instanceof ActivityProblem)
    return failure(error.code, `${capital(doing)}: ${error.message}`, error.nextRetryDelayMs);
  if (error instanceof SecretError) return failure('SecretUnavailable', `${capital(doing)}: ${error.message}`);
  if (error instanceof NoAnswerError) return failure('NoAnswer', `${capital(doing)}: ${error.message}. Trying again.`);
  if (error instanceof UnexpectedAnswerError)
    return failure('UndocumentedAnswer', `${capital(doing)}: ${error.message}. Trying again.`);
  if (error instanceof ApiError) return apiFailure(error, doing, timing);
  if (error instanceof JobFailed) return refusal(error.message, `${capital(doing)}: ${error.message}`, timing);
  if (error instanceof JobLost)
    return failure('UndocumentedAnswer', `${capital(doing)}: ${error.message}. Trying again.`);
  if (error instanceof PolytomicError) return failure('Refused', `${capital(doing)}: ${error.message}`);
  return undefined;
}

/** Whether this is an answer of Polytomic that no trying again changes: a 4xx, but for those that pass. */
export function isFinal(error: unknown): error is ApiError {
  return (
    error instanceof ApiError &&
    error.status < 500 &&
    ![408, 409, 429].includes(error.status) &&
    !isNotReady(error.apiMessage)
  );
}

/** Whether a step that runs into this is not tried again by itself: a problem of that kind, or a final answer of Polytomic. */
export function endsForGood(error: unknown): error is ActivityProblem | ApiError {
  return error instanceof ActivityProblem ? !FAILURE_CODES[error.code].retryable : isFinal(error);
}

function apiFailure(error: ApiError, doing: string, timing: AttemptTiming): Meaning {
  const said = `${capital(doing)}: ${error.message}`;
  const { status, retryAfterMs } = error;
  const wait = retryDelay(retryAfterMs);
  if (status === 401) return failure('ApiKeyRefused', `${said}. Check POLYTOMIC_API_KEY of the worker.`);
  if (status === 403)
    return failure('NotPermitted', `${said}. The user of the worker's POLYTOMIC_API_KEY needs permission for this.`);
  if (status === 404) return failure('NotFound', said);
  if (status === 409) return failure('InFlight', `${said}. Asking again with the same key.`, wait);
  if (status === 429) return failure('RateLimited', `${said}. Trying again as told.`, wait);
  if (status >= 500 || status === 408) return failure('Unavailable', `${said}. Trying again.`, wait);
  return refusal(error.apiMessage, said, timing);
}

/** A refusal that patience mends, or one for good. `reason` is in the words of the API. */
function refusal(reason: string | undefined, said: string, { attempt, elapsedMs }: AttemptTiming): Meaning {
  if (!isNotReady(reason) || elapsedMs > NOT_READY_PATIENCE_MS) return failure('Refused', said);
  // Five seconds longer each time, as Polytomic's own Terraform provider waits for the same answer.
  return failure('NotReady', `${said}. Trying again.`, Math.min(attempt * 5_000, MAX_NOT_READY_DELAY_MS));
}

/**
 * How long to wait where a server asks for `retryAfterMs`: up to a fifth longer, so that workers who were refused together do
 * not come back together. `undefined` where it asks for nothing.
 */
export function retryDelay(retryAfterMs: number | undefined): number | undefined {
  if (retryAfterMs === undefined) return undefined;
  return Math.round(Math.max(retryAfterMs, MIN_RETRY_AFTER_MS) * (1 + Math.random() / 5));
}

/**
 * How long after the failure of this attempt the next one waits by the step's own policy, in ms: a time between half of the
 * policy's interval and the whole of it. Temporal's server would wait exactly that interval, so that all steps which met an
 * outage together would come back together. `random` is from 0 to 1.
 */
export function backOffMs(
  attempt: number,
  { initialInterval = 1_000, backoffCoefficient = 2, maximumInterval }: RetryPolicy = {},
  random = Math.random(),
): number {
  // An activity is told its policy in ms.
  const first = Number(initialInterval);
  const longest = maximumInterval === undefined ? 100 * first : Number(maximumInterval);
  const interval = Math.min(first * backoffCoefficient ** (attempt - 1), longest);
  return Math.round((interval * (1 + random)) / 2);
}

/** With a capital letter, to begin a sentence. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
