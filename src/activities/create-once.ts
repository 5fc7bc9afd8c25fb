/** Sends a create to Polytomic so that over all attempts, answers and restarts one thing is made, and its id is known. */
import { activityInfo, heartbeat } from '@temporalio/activity';
import { ApiError, UnexpectedAnswerError } from '../polytomic/errors.ts';
import { type AttemptTiming, failure, toFailure } from './failures.ts';
import {
  type Answer,
  beginningOf,
  type Candidate,
  type Evidence,
  idempotencyKey,
  judge,
  MAX_CONFLICTS,
  recordAfter,
  type SendRecord,
} from './idempotency.ts';

/** Which piece of the run an activity works on. Comes from the workflow and identifies the create. */
export interface StepContext {
  /** The step's id, e.g. `model active-users`. */
  step: string;
  /** Of the first run of the workflow's chain. */
  firstRunId: string;
  /** How often a person asked for this step to be tried, from 1. */
  generation: number;
}

/** Something found under the name that is to be created. */
export interface Found<T> extends Candidate {
  item: T;
}

/** What is to be created, and how. */
export interface Creation<T> {
  context: StepContext;
  /** What it is, for messages, e.g. `connection “Snowflake”`. */
  what: string;
  /** Everything that has this name now. */
  lookUp: () => Promise<Array<Found<T>>>;
  /** One POST with this key; the activity's only one in an attempt. */
  send: (key: string) => Promise<T>;
  /**
   * What to do if something of this name was there before: `use` it, `refuse` with {@link FAILURE_CODES} `NameTaken`, or make
   * `another` one beside it, where Polytomic allows several of one name.
   */
  existing: 'use' | 'refuse' | 'another';
  /** How a person can go on after `NameTaken` or `Unclear`. */
  advice: string;
  parentMade: boolean;
  uniqueName: boolean;
}

/**
 * The thing, made now or by an earlier attempt (`made`), or found (`made: false`).
 * Throws typed failures; between attempts it remembers its sends in heartbeat details.
 */
export async function createOnce<T>(creation: Creation<T>): Promise<{ item: T; made: boolean }> {
  const { context, what, existing, advice, uniqueName, parentMade } = creation;
  const info = activityInfo();
  const execution = info.workflowExecution;
  if (execution === undefined) throw new Error('createOnce needs an activity of a workflow');
  const identity = { workflowId: execution.workflowId, ...context };
  const record: SendRecord | undefined = info.heartbeatDetails ?? undefined;
  const evidence: Evidence = {
    record,
    now: Date.now(),
    scheduledAt: info.scheduledTimestampMs,
    attempt: info.attempt,
    laterRun: execution.runId !== context.firstRunId,
    parentMade,
    uniqueName,
  };

  let next: SendRecord;
  if (beginningOf(evidence) === 'resend' && record !== undefined) {
    next = record;
  } else {
    const found = await creation.lookUp();
    const verdict = judge(found, evidence);
    if (verdict.kind === 'ours') return { item: itemOf(found, verdict.id), made: true };
    if (verdict.kind === 'clash') {
      throw failure(
        'Unclear',
        `Creating ${what}: its answer was lost, and there is something of this name now (${verdict.ids.join(', ')}) that this run cannot prove to be its own. ${advice}`,
      );
    }
    if (verdict.kind === 'theirs' && existing !== 'another') return useOrRefuse(creation, found);
    next = {
      // An expired key is a new request to Polytomic anyway; a number of its own keeps the log readable.
      send: record === undefined ? 1 : record.lookUpFirst ? record.send : record.send + 1,
      firstSentAt: record?.firstSentAt ?? Date.now(),
      lookUpFirst: false,
      before: record?.before ?? (verdict.kind === 'theirs' ? found.map(({ id }) => id) : []),
      conflicts: 0,
    };
  }

  heartbeat(next);
  try {
    return { item: await creation.send(idempotencyKey(identity, next.send)), made: true };
  } catch (error) {
    const after = recordAfter(next, answerOf(error));
    heartbeat(after);
    if (after.conflicts > MAX_CONFLICTS) {
      throw failure('Unclear', `Creating ${what}: Polytomic has said ${MAX_CONFLICTS} times that it is still in flight. ${advice}`);
    }
    if (uniqueName && error instanceof ApiError && error.status === 422) {
      // Somebody may have taken the name since it was looked up: say so, instead of the API's words for it.
      const found = (await creation.lookUp()).filter(({ id }) => id !== undefined);
      if (found.length > 0) return useOrRefuse(creation, found);
    }
    throw error;
  }
}

function useOrRefuse<T>({ existing, what, advice }: Creation<T>, found: Array<Found<T>>): { item: T; made: boolean } {
  const [first] = found;
  if (existing === 'use' && first !== undefined && found.length === 1) return { item: first.item, made: false };
  const ids = found.map(({ id }) => id).join(', ');
  if (existing === 'use') throw failure('Ambiguous', `Using ${what}: there are several of this name (${ids}). ${advice}`);
  throw failure('NameTaken', `Creating ${what}: there is one of this name already (${ids}), which this run did not make. ${advice}`);
}

function itemOf<T>(found: Array<Found<T>>, id: string): T {
  const match = found.find((candidate) => candidate.id === id);
  if (match === undefined) throw new Error(`the look-up lost ${id}`);
  return match.item;
}

/** What came back of a send, as far as the rules of idempotency care. A broken or missing answer is none. */
function answerOf(error: unknown): Answer {
  if (error instanceof ApiError) return { kind: 'status', status: error.status };
  if (error instanceof UnexpectedAnswerError) return { kind: 'undocumented' };
  return { kind: 'none' };
}

/** Runs one activity's work and turns what it throws into the failure that Temporal records. */
export async function attempt<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toFailure(error, doing, timing());
  }
}

function timing(): AttemptTiming {
  const info = activityInfo();
  return { attempt: info.attempt, elapsedMs: Date.now() - info.scheduledTimestampMs };
}
