/** Sends a create to Polytomic so that over all attempts, answers and restarts one thing is made, and its id is known. */
import { activityInfo, heartbeat } from '@temporalio/activity';
import { ApiError, UnexpectedAnswerError } from '../polytomic/errors.ts';
import { heartbeating } from './attempt.ts';
import { ActivityProblem, JobFailed, JobLost } from './failures.ts';
import {
  type Answer,
  type AttemptFacts,
  beginningOf,
  type Candidate,
  type Evidence,
  idempotencyKey,
  judge,
  MAX_CONFLICTS,
  recordAfter,
  recordAfterLookUp,
  recordOfAnswer,
  recordOfSend,
  recordToResend,
  type SendRecord,
} from './idempotency.ts';

/** Which piece of the run an activity works on. Comes from the workflow and identifies the create. */
export interface StepContext {
  /** The step's id, e.g. `model active-users`. */
  step: string;
  /** Of the first run of the workflow's chain: part of the keys. */
  firstRunId: string;
  /** Of the run that began this one's history: the same over resets, another after a continue-as-new. */
  originalRunId: string;
  /** How often a person asked for this step to be tried, from 1. */
  generation: number;
  /** The generation before ended `Unclear`: what it sent, under keys of its own, may have made the thing. */
  afterUnclear?: true;
}

/** Something found under the name that is to be created. */
export interface Found<T> extends Candidate {
  item: T;
}

/** What is to be created, and how. `S` is the answer to the POST, `T` what comes of it in the end. */
export interface Creation<S, T> {
  context: StepContext;
  /** Everything that has this name now. */
  lookUp: () => Promise<Array<Found<T>>>;
  /** One POST with this key; the activity's only one in an attempt. `leftover` as {@link Creation.leftovers} found it. */
  send: (key: string, leftover: string | undefined) => Promise<S>;
  /** What the answer leads to, e.g. the model that a job makes. May fail and be tried again with the same answer. */
  settle: (sent: S) => Promise<T>;
  /**
   * Whether the answer is kept in heartbeat details, so that it must be short and hold no secret. Else the next attempt asks
   * for it once more, with the same key: wrong where much time may pass, in which Polytomic's answer may turn into an error.
   */
  keepAnswer?: boolean;
  /**
   * Ids of pieces that a failed send can leave although what it was to make is not there. None may be there before the
   * first send; one that is there after a send of unknown outcome is built on, not made again.
   */
  leftovers?: () => Promise<string[]>;
  /** If something of this name was there before: `use` it, `refuse`, or make `another` beside it where names may repeat. */
  existing: 'use' | 'refuse' | 'another';
  /** How a person can go on after `NameTaken`, `Ambiguous` or `Unclear`. */
  advice: string;
  parentMade: boolean;
  uniqueName: boolean;
}

/** The thing, and whether this run made it. */
export interface Created<T> {
  item: T;
  made: boolean;
}

/**
 * The thing, made now or by an earlier attempt (`made`), or found (`made: false`).
 * Throws typed failures; between attempts it remembers its sends in heartbeat details.
 */
export async function createOnce<S, T>(creation: Creation<S, T>): Promise<Created<T>> {
  const info = activityInfo();
  let record: SendRecord | undefined = info.heartbeatDetails ?? undefined;
  const remember = (next: SendRecord) => {
    record = next;
    heartbeat(next);
  };
  return heartbeating(
    () => record,
    async () => {
      if (record?.answer !== undefined) return settle(creation, record.answer as S, record, remember);
      const { context, parentMade, uniqueName } = creation;
      const begun = await begin(creation, { ...factsOf(context, record), parentMade, uniqueName });
      return 'item' in begun ? begun : sendAndSettle(creation, begun, remember);
    },
  );
}

/** What is known when this attempt of a step begins. */
export function factsOf({ originalRunId, afterUnclear }: StepContext, record: SendRecord | undefined): AttemptFacts {
  const { attempt, scheduledTimestampMs: scheduledAt } = activityInfo();
  return {
    record,
    now: Date.now(),
    scheduledAt,
    attempt,
    laterRun: isLaterRun(originalRunId),
    afterUnclear: afterUnclear ?? false,
  };
}

/**
 * Whether this run was reset, so that the one before it may have done the step already. A run that was continued as new
 * was not: it carries what is done, and continues only while no activity is in flight.
 */
export function isLaterRun(originalRunId: string): boolean {
  return workflowExecution().runId !== originalRunId;
}

/** What is there already and settles the matter, or the record of the send to be made. */
async function begin<S, T>(creation: Creation<S, T>, evidence: Evidence): Promise<Created<T> | SendRecord> {
  const { existing } = creation;
  const { record } = evidence;
  const beginning = beginningOf(evidence);
  if (beginning === 'resend' && record !== undefined) return recordToResend(record, evidence);

  const [found, leftovers] = await Promise.all([creation.lookUp(), creation.leftovers?.() ?? []]);
  const verdict = judge(found, evidence);
  if (verdict.kind === 'ours') return { item: itemOf(found, verdict.id), made: true };
  if (verdict.kind === 'clash' && existing !== 'use') throw unclear(creation, verdict.ids);
  if (verdict.kind === 'clash' || (verdict.kind === 'theirs' && existing !== 'another'))
    return useOrRefuse(creation, found);

  const [leftover] = leftovers;
  if (beginning === 'fresh' && leftover !== undefined) throw nameTaken(creation, leftovers);
  // Without a record nobody knows what was there before the first send; only what the first key brings back is sure.
  const earlierSends = evidence.laterRun || evidence.afterUnclear;
  if (leftovers.length > 1 || (leftover !== undefined && record === undefined && earlierSends)) {
    throw unclear(creation, leftovers);
  }
  return {
    ...recordAfterLookUp(found, verdict, evidence),
    ...(record !== undefined && leftover !== undefined ? { leftover } : {}),
  };
}

async function sendAndSettle<S, T>(
  creation: Creation<S, T>,
  record: SendRecord,
  remember: (record: SendRecord) => void,
): Promise<Created<T>> {
  const { context, uniqueName, advice } = creation;
  let sent: S;
  try {
    sent = await sendOnce(context, record, remember, (key) => creation.send(key, record.leftover), advice);
  } catch (error) {
    if (uniqueName && error instanceof ApiError && error.status === 422) {
      // Somebody may have taken the name since it was looked up: say so, instead of the API's words for it.
      const found = await creation.lookUp();
      const doubtful = context.afterUnclear ? found.map(({ id }) => id) : record.doubtful;
      if (found.length > 0) return useOrRefuse(creation, found, doubtful);
    }
    throw error;
  }
  const answered = recordOfAnswer(record, creation.keepAnswer ? sent : undefined, activityInfo().attempt);
  if (creation.keepAnswer) remember(answered);
  return settle(creation, sent, answered, remember);
}

/**
 * One POST with the record's key; that it leaves is remembered before, and what follows from its answer afterwards. Where it
 * has been in flight too often to go on, that is a problem, and `advice` says how a person can.
 */
export async function sendOnce<S>(
  context: StepContext,
  record: SendRecord,
  remember: (record: SendRecord) => void,
  post: (key: string) => Promise<S>,
  advice: string,
): Promise<S> {
  const { attempt } = activityInfo();
  const sentAt = Date.now();
  remember(recordOfSend(record, attempt, sentAt));
  try {
    return await post(idempotencyKey({ workflowId: workflowExecution().workflowId, ...context }, record.send));
  } catch (error) {
    const next = recordAfter(record, answerOf(error), attempt, sentAt);
    remember(next);
    if (next.conflicts <= MAX_CONFLICTS) throw error;
    throw new ActivityProblem(
      'Unclear',
      `Polytomic has said ${MAX_CONFLICTS} times that it is still in flight. ${advice}`,
    );
  }
}

/** `record` is as it is after the answer. */
async function settle<S, T>(
  creation: Creation<S, T>,
  sent: S,
  record: SendRecord,
  remember: (record: SendRecord) => void,
): Promise<Created<T>> {
  const after = (answer: Answer) => recordAfter(record, answer, activityInfo().attempt, Date.now());
  try {
    return { item: await creation.settle(sent), made: true };
  } catch (error) {
    // The job's end is what the key brings back from now on, so going on needs a new one.
    if (error instanceof JobFailed) remember(after({ kind: 'status', status: 422 }));
    if (error instanceof JobLost) remember(after({ kind: 'undocumented' }));
    throw error;
  }
}

/** What is there is used where the request allows that, though it may be this run's own (`doubtful`); else it is refused. */
function useOrRefuse<S, T>(creation: Creation<S, T>, found: Array<Found<T>>, doubtful: string[] = []): Created<T> {
  const { existing, advice } = creation;
  const [first] = found;
  if (existing === 'use' && first !== undefined && found.length === 1) return { item: first.item, made: false };
  const ids = found.map(({ id }) => id);
  if (existing === 'use')
    throw new ActivityProblem('Ambiguous', `there are several of this name (${ids.join(', ')}). ${advice}`);
  throw ids.some((id) => doubtful.includes(id)) ? unclear(creation, ids) : nameTaken(creation, ids);
}

function nameTaken<S, T>({ advice }: Creation<S, T>, ids: string[]): ActivityProblem {
  return new ActivityProblem(
    'NameTaken',
    `there is one of this name already (${ids.join(', ')}), which this run did not make. ${advice}`,
  );
}

function unclear<S, T>({ advice }: Creation<S, T>, ids: string[]): ActivityProblem {
  return new ActivityProblem(
    'Unclear',
    `an answer was lost, and there is something of this name now (${ids.join(', ')}) that this run cannot prove to be its own. ${advice}`,
  );
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

/** The run that this activity belongs to. */
function workflowExecution(): { workflowId: string; runId: string } {
  const { workflowExecution } = activityInfo();
  if (workflowExecution === undefined)
    throw new Error('a create needs an activity of a workflow: its key is made of the run');
  return workflowExecution;
}
