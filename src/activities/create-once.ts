/** Sends a create to Polytomic so that over all attempts, answers and restarts one thing is made, and its id is known. */
import { activityInfo, heartbeat } from '@temporalio/activity';
import { ApiError, NoAnswerError, PolytomicError, UnexpectedAnswerError } from '../polytomic/errors.ts';
import { SecretError } from '../request/secrets.ts';
import { heartbeating } from './attempt.ts';
import { ActivityProblem, endsForGood, type FailureCode, JobFailed, JobLost } from './failures.ts';
import {
  type Answer,
  type AttemptFacts,
  beginningOf,
  type Candidate,
  type Evidence,
  idempotencyKey,
  isOpen,
  judge,
  MAX_CONFLICTS,
  recordAfter,
  recordAfterLookUp,
  recordOfAnswer,
  recordOfFirst,
  recordOfSend,
  recordToResend,
  type SendRecord,
  settlementOf,
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

/** How a person can go on after `NameTaken`, `Ambiguous` or `Unclear`: what to say, with these ids of what is there. */
export type Advice = (ids: readonly string[]) => string;

/** What is to be created, and how. `S` is the answer to the POST, `T` what comes of it in the end. */
export interface Creation<S, T> {
  context: StepContext;
  /** Everything that has this name now. */
  lookUp: () => Promise<Array<Found<T>>>;
  /**
   * Ids of what has this name, where that is known without a look-up, and that none of the leftovers is there. Asked only before
   * the step's first send, about which nothing but this is to be known.
   */
  seen?: (facts: AttemptFacts) => Promise<string[] | undefined>;
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
   * Pieces that a failed send can leave although what it was to make is not there, and others of their name. None may be
   * there before the first send; one that is there after a send of unknown outcome, and is as asked for, is built on.
   */
  leftovers?: { lookUp: () => Promise<Array<Pick<Candidate, 'id' | 'matches'>>>; advice: Advice };
  /** If something of this name was there before: `use` it, `refuse`, or make `another` beside it where names may repeat. */
  existing: 'use' | 'refuse' | 'another';
  advice: Advice;
  parentMade: boolean;
  uniqueName: boolean;
  /**
   * How long after it was sent a create that was answered by an error may still make the thing, in ms, e.g. by a job that it
   * has begun. Default: not at all.
   */
  settlesWithinMs?: number;
}

/** The thing, and whether this run made it. */
export interface Created<T> {
  item: T;
  made: boolean;
}

/**
 * What `use` makes of the thing, which was made now or by an earlier attempt (`made`), or found (`made: false`). `use` is the rest
 * of the step: what ends it for good there leaves the thing unaccounted for as well.
 * Throws typed failures; between attempts it remembers its sends in heartbeat details.
 */
export async function createOnce<S, T, R>(
  creation: Creation<S, T>,
  use: (created: Created<T>) => R | Promise<R>,
): Promise<R> {
  const { context } = creation;
  let record: SendRecord | undefined = activityInfo().heartbeatDetails ?? undefined;
  const remember = (next: SendRecord) => {
    record = next;
    heartbeat(next);
  };
  return heartbeating(
    () => record,
    async () => {
      const accountingFor = <V>(work: () => V | Promise<V>) => orInDoubt(context, () => record, work);
      const created = await accountingFor(() => create(creation, record, remember));
      // That something else is there is known: what the rest of the step says of it is so.
      return created.made ? accountingFor(() => use(created)) : use(created);
    },
  );
}

/** Does part of a step that sends a create: what ends it for good while that may have made the thing ends it as `Unclear`. */
export async function orInDoubt<R>(
  context: StepContext,
  record: () => SendRecord | undefined,
  work: () => R | Promise<R>,
): Promise<R> {
  try {
    return await work();
  } catch (error) {
    throw isOpen(factsOf(context, record())) ? inDoubt(error) : error;
  }
}

async function create<S, T>(
  creation: Creation<S, T>,
  record: SendRecord | undefined,
  remember: (record: SendRecord) => void,
): Promise<Created<T>> {
  const { context, parentMade, uniqueName } = creation;
  if (record?.answer !== undefined) return settle(creation, record.answer as S, record, remember);
  const { settlesWithinMs = 0 } = creation;
  const evidence = { ...factsOf(context, record), parentMade, uniqueName, settlesWithinMs };
  const begun = await begin(creation, evidence, remember);
  return 'item' in begun ? begun : sendAndSettle(creation, begun, remember);
}

/**
 * What ends a step that may have made its thing all the same, e.g. an API key that was revoked after an answer was lost: a
 * person who has it tried again must not begin as if nothing had been sent.
 */
function inDoubt(error: unknown): unknown {
  if (!isUnsent(error) && (!endsForGood(error) || isJudgement(error))) return error;
  const why = error.message.replace(/\.$/, '');
  return new ActivityProblem(
    'Unclear',
    `it may have been made when an answer was lost, and cannot be asked after: ${why}. Mend that, then try again: it is looked for first.`,
  );
}

/** What is said where all that is there was looked at and judged: it accounts for what was sent. */
const JUDGEMENTS: readonly FailureCode[] = ['NameTaken', 'Ambiguous', 'Unclear'];

function isJudgement(error: Error): boolean {
  return error instanceof ActivityProblem && JUDGEMENTS.includes(error.code);
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
async function begin<S, T>(
  creation: Creation<S, T>,
  evidence: Evidence,
  remember: (record: SendRecord) => void,
): Promise<Created<T> | SendRecord> {
  const { existing } = creation;
  const { record, settlesWithinMs } = evidence;
  const beginning = beginningOf(evidence);
  if (beginning === 'resend' && record !== undefined) return recordToResend(record, evidence);

  const seen = beginning === 'fresh' ? await creation.seen?.(evidence) : undefined;
  if (seen !== undefined) return recordOfFirst(seen, evidence);

  const [found, leftovers] = await Promise.all([creation.lookUp(), creation.leftovers?.lookUp() ?? []]);
  const verdict = judge(found, evidence);
  if (verdict.kind === 'ours') return { item: itemOf(found, verdict.id), made: true };
  if (verdict.kind === 'clash' && existing !== 'use') throw unclear(creation, verdict.ids);
  if (record !== undefined || found.length + leftovers.length === 0)
    awaitSettlement(evidence, remember, settlesWithinMs);
  if (verdict.kind === 'clash' || (verdict.kind === 'theirs' && existing !== 'another'))
    return useOrRefuse(creation, found, verdict.kind === 'clash' ? verdict.ids : []);

  const next = recordAfterLookUp(found, verdict, evidence);
  const { advice } = creation.leftovers ?? creation;
  const [leftover] = leftovers;
  if (leftover === undefined) return next;
  const ids = leftovers.map(({ id }) => id);
  if (beginning === 'fresh') throw nameTaken({ advice }, ids);
  // Without a record nobody knows what was there before the first send; only what the first key brings back is sure.
  const { id, matches } = leftover;
  const sure =
    record === undefined ? !evidence.laterRun && !evidence.afterUnclear : matches && !record.doubtful.includes(id);
  if (leftovers.length > 1 || !sure) throw unclear({ advice }, ids);
  return record === undefined ? { ...next, doubtful: [...next.doubtful, id] } : { ...next, leftover: id };
}

/** Ends the attempt where what was sent can still take effect, so that it would prove nothing that a look-up has not found it. */
export function awaitSettlement(
  facts: AttemptFacts,
  remember: (record: SendRecord) => void,
  settlesWithinMs = 0,
): void {
  const { record, attempt, now } = facts;
  const wait = settlementOf(facts, settlesWithinMs) - now;
  if (wait <= 0) return;
  if (record !== undefined) remember({ ...record, attempt });
  throw new ActivityProblem(
    'InFlight',
    'what was sent may still be carried out, and is not there yet. Looking again.',
    wait,
  );
}

async function sendAndSettle<S, T>(
  creation: Creation<S, T>,
  record: SendRecord,
  remember: (record: SendRecord) => void,
): Promise<Created<T>> {
  const { context, uniqueName, advice, settlesWithinMs } = creation;
  let sent: S;
  try {
    const post = (key: string) => creation.send(key, record.leftover);
    sent = await sendOnce(context, record, remember, { post, advice: advice([]), settlesWithinMs });
  } catch (error) {
    if (uniqueName && error instanceof ApiError && error.status === 422) {
      // Somebody may have taken the name since it was looked up: say so, instead of the API's words for it.
      // A refusal need not be the key's own answer, so it does not tell what an earlier send has made.
      const open = context.afterUnclear || record.unanswered !== undefined;
      const found = await creation.lookUp().catch((failed: unknown) => {
        if (open) remember({ ...record, attempt: activityInfo().attempt });
        throw failed;
      });
      const doubtful = open ? found.map(({ id }) => id) : record.doubtful;
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
  {
    post,
    advice,
    settlesWithinMs = 0,
  }: { post: (key: string) => Promise<S>; advice: string; settlesWithinMs?: number | undefined },
): Promise<S> {
  const { attempt } = activityInfo();
  const sentAt = Date.now();
  remember(recordOfSend(record, attempt, sentAt));
  try {
    return await post(idempotencyKey({ workflowId: workflowExecution().workflowId, ...context }, record.send));
  } catch (error) {
    const next = recordAfter(record, answerOf(error), attempt, sentAt, settlesWithinMs);
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
  const { settlesWithinMs = 0 } = creation;
  // The job's end is what the key brings back from now on, as an error of that status would be.
  const after = (status: number) => {
    const answer: Answer = { kind: 'status', status, documented: true };
    return recordAfter(record, answer, activityInfo().attempt, Date.now(), settlesWithinMs);
  };
  try {
    return { item: await creation.settle(sent), made: true };
  } catch (error) {
    if (error instanceof JobFailed) remember(after(422));
    if (error instanceof JobLost) remember(after(500));
    throw error;
  }
}

/** What is there is used where the request allows that, though it may be this run's own (`doubtful`); else it is refused. */
function useOrRefuse<S, T>(creation: Creation<S, T>, found: Array<Found<T>>, doubtful: string[]): Created<T> {
  const { existing, advice } = creation;
  const [first] = found;
  if (existing === 'use' && first !== undefined && found.length === 1) return { item: first.item, made: false };
  const ids = found.map(({ id }) => id);
  if (ids.some((id) => doubtful.includes(id))) throw unclear(creation, ids);
  if (existing === 'use')
    throw new ActivityProblem('Ambiguous', `there are several of this name (${ids.join(', ')}). ${advice(ids)}`);
  throw nameTaken(creation, ids);
}

function nameTaken({ advice }: { advice: Advice }, ids: string[]): ActivityProblem {
  return new ActivityProblem(
    'NameTaken',
    `there is one of this name already (${ids.join(', ')}), which this run did not make. ${advice(ids)}`,
  );
}

function unclear({ advice }: { advice: Advice }, ids: string[]): ActivityProblem {
  return new ActivityProblem(
    'Unclear',
    `an answer was lost, and there is something of this name now (${ids.join(', ')}) that this run cannot prove to be its own. ${advice(ids)}`,
  );
}

/** These ids as choices of what to say, e.g. `use: id`. */
export function saying(say: (id: string) => string, ids: readonly string[]): string {
  return (ids.length === 0 ? ['<id>'] : ids).map((id) => `\`${say(id)}\``).join(' or ');
}

function itemOf<T>(found: Array<Found<T>>, id: string): T {
  const match = found.find((candidate) => candidate.id === id);
  if (match === undefined) throw new Error(`the look-up lost ${id}`);
  return match.item;
}

/** What came back of a send, as far as the rules of idempotency care. A broken or missing answer is none. */
function answerOf(error: unknown): Answer {
  if (error instanceof ApiError) return { kind: 'status', status: error.status, documented: error.documented };
  if (error instanceof UnexpectedAnswerError) return { kind: 'undocumented' };
  return { kind: isUnsent(error) ? 'unsent' : 'none' };
}

/** Whether a call was given up before it was sent: a secret that cannot be had, or an id that no path can carry. */
function isUnsent(error: unknown): error is Error {
  if (error instanceof SecretError) return true;
  if (error instanceof ApiError || error instanceof UnexpectedAnswerError || error instanceof NoAnswerError)
    return false;
  return error instanceof PolytomicError;
}

/** The run that this activity belongs to. */
function workflowExecution(): { workflowId: string; runId: string } {
  const { workflowExecution } = activityInfo();
  if (workflowExecution === undefined)
    throw new Error('a create needs an activity of a workflow: its key is made of the run');
  return workflowExecution;
}
