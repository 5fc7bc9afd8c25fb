/**
 * When a create is sent again, and with which key. Pure: no clock, no I/O, so that it can be checked exhaustively.
 *
 * Polytomic pins the first answer to an `Idempotency-Key` for at least 24 hours, errors included, so "the same key over
 * all retries" turns one bad moment into a day of failures, and "a new key each time" makes things twice. Hence a key a
 * send, and a rule for what comes after each answer (Polytomic's API reference, Idempotency).
 *
 * One attempt of an activity sends at most one create. What it knows is kept in heartbeat details, which the SDK flushes
 * with the attempt's failure; a killed worker can lose only the newest, and an older record merely repeats a key.
 */
import { createHash } from 'node:crypto';

/** Keys are sure to live this long on the server, in ms; the hour less than the documented 24 allows for clocks that disagree. */
export const KEY_LIFETIME_MS = 23 * 60 * 60 * 1000;

/** How far the clocks of the worker, of Temporal and of Polytomic may disagree, in ms, before evidence by time is doubted. */
export const CLOCK_TOLERANCE_MS = 5 * 60 * 1000;

/**
 * How long after it left a request can still be under way, in ms: it may take a call's longest 15 s to arrive, and Polytomic ends
 * its work on a request within 10 s.
 */
export const UNDER_WAY_MS = 30 * 1000;

/**
 * For how long what was seen stands for a look right before a send, in ms: not longer than the answer to such a look may take,
 * in which as much can happen.
 */
export const SIGHT_LASTS_MS = 15 * 1000;

/** What identifies a create over all its sends. */
export interface CreateIdentity {
  workflowId: string;
  /** Of the *first* run of the chain, so that a reset meets its predecessor's keys instead of making things twice. */
  firstRunId: string;
  /** The step's id. */
  step: string;
  /** How often a person asked for the step to be tried, from 1. */
  generation: number;
}

/** What an activity remembers between its attempts about the create it sends. */
export interface SendRecord {
  /** Number of the present key, from 1. */
  send: number;
  /** Number of the attempt that wrote this, from 1. If it is not the last one before the present, that one left no record. */
  attempt: number;
  /** When this run's first send left, or may have left, ms since the epoch. */
  firstSentAt: number;
  /**
   * When sends with the present key left, or may have left, that nothing is known of: the first and the last one, ms since
   * the epoch. Absent if there are surely none.
   */
  unanswered?: { first: number; last: number };
  /** Whether to look the thing up before sending again: it may exist although the answer was an error. */
  lookUpFirst: boolean;
  /**
   * Until when a send of an earlier key can still take effect, ms since the epoch. A look-up before then that finds nothing
   * proves nothing. Absent if it cannot any more.
   */
  settlesAt?: number;
  /** Ids of what had this name before the first send, or came when nothing that was sent could make it: surely not made by us. */
  before: string[];
  /** Ids of what may come of a send that left no record, or be somebody else's: taken for ours only on what carries it. */
  doubtful: string[];
  /** How often the answer was 409, "still in flight", to the present key. */
  conflicts: number;
  /** The answer to the present key, where more comes of it (a job): what is known need not be asked for again. */
  answer?: unknown;
  /** Id of a piece that an earlier send of unknown outcome left, and this send builds on. Part of what the key stands for. */
  leftover?: string;
}

/** How often a create that is still in flight (409) is asked after with the same key, before the step fails. */
export const MAX_CONFLICTS = 20;

/** Who is calling, may they, how often: refused before a key is looked at, so that it says nothing about an earlier send with it. */
const BEFORE_THE_KEY: readonly number[] = [401, 403, 429];

/**
 * What came back of a send, as far as it decides about the key. `none`: no answer, or one that broke off. `undocumented`: a
 * success that is not as documented. `unsent`: it never left. `documented`: whether an error has the shape that Polytomic gives
 * its own.
 */
export type Answer =
  | { kind: 'none' | 'unsent' | 'undocumented' }
  | { kind: 'status'; status: number; documented: boolean };

/**
 * What the next attempt does. `same-key`: send the same again. `new-key`: this send surely made nothing.
 * `look-up`: it may have made the thing, and the key is spent: look for it, and only if it is not there take a new key.
 */
export type Next = 'same-key' | 'new-key' | 'look-up';

/** The key of one send: 43 characters of base64url, within Polytomic's 8 to 255 of letters, digits, `-` and `_`. */
export function idempotencyKey(identity: CreateIdentity, send: number): string {
  const parts = [identity.workflowId, identity.firstRunId, identity.step, identity.generation, send];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

/**
 * The table of the API reference: what next after this answer to a create. Success (2xx) is not asked about.
 * `record` is as it was before the send, which left at `sentAt`, ms since the epoch.
 */
export function nextAfter(answer: Answer, { unanswered }: Pick<SendRecord, 'unanswered'>, sentAt: number): Next {
  if (answer.kind === 'none' || answer.kind === 'unsent') return 'same-key';
  // Polytomic may still be at work on the request, or have done it: then the same key brings back what became of it.
  if (!isPolytomics(answer)) return sentAt - (unanswered?.first ?? sentAt) < UNDER_WAY_MS ? 'same-key' : 'look-up';
  const { status } = answer;
  if (status === 409) return 'same-key';
  const open = status >= 500;
  if (!open && answer.documented && !BEFORE_THE_KEY.includes(status)) return 'new-key';
  if (unanswered === undefined) return open ? 'look-up' : 'new-key';
  // It may not be the key's own answer but a limiter's, or one of an overload, and then it says nothing about an earlier send
  // with this key: while that one can be under way, a look-up proves nothing and a new key could make a second thing.
  return sentAt - unanswered.last < UNDER_WAY_MS ? 'same-key' : 'look-up';
}

/** Whether this is surely Polytomic's answer to the key: not a proxy's that gave up waiting, as a 408 always is. */
function isPolytomics(answer: Answer): answer is Extract<Answer, { kind: 'status' }> {
  return answer.kind === 'status' && answer.status !== 408 && (answer.status < 500 || answer.documented);
}

/** The record of a send that leaves now. */
export function recordOfSend(record: SendRecord, attempt: number, now: number): SendRecord {
  return { ...record, attempt, unanswered: { first: record.unanswered?.first ?? now, last: now } };
}

/** The record after a success of which more comes. */
export function recordOfAnswer(record: SendRecord, answer: unknown, attempt: number): SendRecord {
  const { unanswered: _answered, ...rest } = record;
  return { ...rest, attempt, answer };
}

/**
 * The record after an answer that was not a success. `record` is as it was before the send, which left at `sentAt`. A create
 * that was answered can still take effect until `settlesWithinMs` after it was sent.
 */
export function recordAfter(
  record: SendRecord,
  answer: Answer,
  attempt: number,
  sentAt: number,
  settlesWithinMs: number,
): SendRecord {
  if (answer.kind === 'unsent') return { ...record, attempt };
  const next = nextAfter(answer, record, sentAt);
  if (next === 'same-key') {
    const conflict = answer.kind === 'status' && answer.status === 409;
    return {
      ...(isPolytomics(answer) && !conflict ? { ...record, attempt } : recordOfSend(record, attempt, sentAt)),
      conflicts: record.conflicts + (conflict ? 1 : 0),
    };
  }
  const { unanswered: _spent, answer: _failed, ...rest } = record;
  const spent = { ...rest, attempt, send: record.send + 1, conflicts: 0 };
  if (next === 'new-key') return { ...spent, lookUpFirst: false };
  return {
    ...spent,
    lookUpFirst: true,
    settlesAt: sentAt + settlesWithinMs + (isPolytomics(answer) ? 0 : UNDER_WAY_MS),
  };
}

/**
 * Until when what was sent can still take effect, ms since the epoch: a look-up before then that finds nothing proves nothing.
 * A create that was answered can still take effect until `settlesWithinMs` after it was sent.
 */
export function settlementOf(
  { record, scheduledAt, laterRun, afterUnclear }: AttemptFacts,
  settlesWithinMs: number,
): number {
  const longest = UNDER_WAY_MS + settlesWithinMs;
  // What an earlier run or generation sent had left by the time when this one was scheduled.
  if (record === undefined) return laterRun || afterUnclear ? scheduledAt + longest : 0;
  const { settlesAt, unanswered } = record;
  return settlesAt ?? (unanswered === undefined ? 0 : unanswered.last + longest);
}

/** What is known when an attempt of a create begins. */
export interface AttemptFacts {
  record: SendRecord | undefined;
  /** Now, ms since the epoch. */
  now: number;
  /** When Temporal scheduled the activity's first attempt, ms since the epoch. No send of this run is older. */
  scheduledAt: number;
  /** Number of the attempt, from 1. */
  attempt: number;
  /** Whether this run was reset, so that an earlier one may have sent already, with the same keys. */
  laterRun: boolean;
  /** Whether an earlier generation of the step may have sent already, with keys of its own. */
  afterUnclear: boolean;
}

/**
 * How an attempt of a create begins.
 * `fresh`: nothing was ever sent; look what is there under the name, to know it apart from ours later.
 * `resend`: the answer was lost and the key lives: the same key brings back what it made, and makes it only if it did not.
 * Or the key is new and all before it surely made nothing.
 * `look`: an earlier send may have made it and its key is spent, too old or of unknown age: look it up.
 * `unsure`: no record, but an earlier attempt, run or generation may have sent: look it up too.
 */
export type Beginning = 'fresh' | 'resend' | 'look' | 'unsure';

/** Decides how an attempt begins. */
export function beginningOf({ record, now, attempt, laterRun, afterUnclear }: AttemptFacts): Beginning {
  if (record === undefined) return attempt > 1 || laterRun || afterUnclear ? 'unsure' : 'fresh';
  const ageUnknown = record.unanswered === undefined && attemptsWereLost(record, attempt);
  return record.lookUpFirst || isExpired(record, now) || ageUnknown ? 'look' : 'resend';
}

/** Whether an attempt after the one that wrote this ended without a record of its own, so that it may have sent. */
function attemptsWereLost(record: SendRecord, attempt: number): boolean {
  return attempt > record.attempt + 1;
}

function isExpired({ unanswered }: SendRecord, now: number): boolean {
  return unanswered !== undefined && now - unanswered.first >= KEY_LIFETIME_MS;
}

/** Whether what was sent before may have made the thing, as far as anybody knows. */
export function isOpen(facts: AttemptFacts): boolean {
  const { record } = facts;
  if (record === undefined) return beginningOf(facts) === 'unsure';
  const { unanswered, lookUpFirst, answer, leftover } = record;
  return lookUpFirst || [unanswered, answer, leftover].some((one) => one !== undefined);
}

/** What a look-up found under the name that was asked for. */
export interface Candidate {
  id: string;
  /** When it was made, ms since the epoch; `undefined` where Polytomic does not say. */
  createdAt: number | undefined;
  /** Whether it is in every field what was asked for. */
  matches: boolean;
}

/**
 * What a look-up means. `absent`: nothing there that could be ours. `ours`: made by an earlier send of this run.
 * `theirs`: all of it was there before us. `resend`: it may be ours, and the first key, still alive, will tell.
 * `clash`: it may be ours or not, and nobody can tell.
 */
export type Verdict =
  | { kind: 'absent' | 'theirs' }
  | { kind: 'ours'; id: string }
  | { kind: 'resend' | 'clash'; ids: string[] };

/** On what a look-up is judged. */
export interface Evidence extends AttemptFacts {
  /** Whether what carries it (a model's connection, a sync's model) was made by this run, so that nobody else builds on it. */
  parentMade: boolean;
  /** Whether Polytomic keeps names of this kind unique, so that sending once more can never make a second one. */
  uniqueName: boolean;
  /** How long after it was sent a create that was answered by an error may still make the thing, in ms. */
  settlesWithinMs: number;
}

/**
 * Judges what a look-up found. A thing is taken for this run's own only if it was not there before the first send, was made
 * since then and while something that was sent could make it, and is what was asked for in every field or stands on something
 * that this run made.
 */
export function judge(found: readonly Candidate[], evidence: Evidence): Verdict {
  const { record, scheduledAt, now, laterRun, afterUnclear, parentMade, uniqueName } = evidence;
  if (found.length === 0) return { kind: 'absent' };
  if (beginningOf(evidence) === 'fresh') return { kind: 'theirs' };

  const since = record?.firstSentAt ?? (laterRun || afterUnclear ? Number.NEGATIVE_INFINITY : scheduledAt);
  const early = (c: Candidate) => c.createdAt !== undefined && c.createdAt < since - CLOCK_TOLERANCE_MS;
  const late = (c: Candidate) => record !== undefined && isLate(c, record, evidence);
  // What came late may be of an attempt that nothing is known of.
  const lost = record !== undefined && attemptsWereLost(record, evidence.attempt);
  const theirs = (c: Candidate) => early(c) || record?.before.includes(c.id) === true || (late(c) && !lost);
  const doubtful = (c: Candidate) => record?.doubtful.includes(c.id) === true;
  const possible = found.filter((c) => doubtful(c) || !theirs(c));
  if (possible.length === 0) return { kind: 'theirs' };

  const ids = possible.map(({ id }) => id);
  // Of an earlier generation no key is known, so none can tell.
  if (record === undefined && !afterUnclear) {
    const young = (c: Candidate) => c.createdAt !== undefined && now - c.createdAt < KEY_LIFETIME_MS;
    if (onlyFirstKeySent(evidence) || (uniqueName && possible.every(young))) return { kind: 'resend', ids };
  }
  const [only, ...others] = possible;
  const proven = (c: Candidate) => parentMade || (record !== undefined && !doubtful(c) && !late(c));
  if (only?.matches && others.length === 0 && proven(only)) return { kind: 'ours', id: only.id };
  return { kind: 'clash', ids };
}

/** Whether it was made when nothing could take effect any more of what the record tells of. */
function isLate({ createdAt }: Candidate, record: SendRecord, { settlesWithinMs, ...facts }: Evidence): boolean {
  const settled = Math.max(settlementOf({ ...facts, record }, settlesWithinMs), record.firstSentAt);
  return createdAt !== undefined && createdAt > settled + CLOCK_TOLERANCE_MS;
}

/** Whether, without a record, a send of this generation can only have left with its first key, and that key is alive. */
export function onlyFirstKeySent({ laterRun, now, scheduledAt }: AttemptFacts): boolean {
  return !laterRun && now - scheduledAt < KEY_LIFETIME_MS;
}

/** The record with which an attempt sends the present key again, without a look-up. */
export function recordToResend(record: SendRecord, { attempt, now }: AttemptFacts): SendRecord {
  if (record.unanswered === undefined || !attemptsWereLost(record, attempt)) return record;
  return { ...record, unanswered: { ...record.unanswered, last: now } };
}

/** The record of a first send, of which these were there before. */
export function recordOfFirst(before: string[], { attempt, now }: Pick<AttemptFacts, 'attempt' | 'now'>): SendRecord {
  return { send: 1, attempt, firstSentAt: now, lookUpFirst: false, before, doubtful: [], conflicts: 0 };
}

/**
 * Whether what was seen after `at`, by Temporal's clock, stands for a look now. When the step was scheduled is by the same
 * clock; how long it waited for a worker is by the worker's.
 */
export function isRecent(at: number, { scheduledAt, now }: Pick<AttemptFacts, 'scheduledAt' | 'now'>): boolean {
  return Math.max(scheduledAt, now) - at <= SIGHT_LASTS_MS;
}

/** The record with which an attempt sends after a look-up that did not settle the matter. */
export function recordAfterLookUp(
  found: ReadonlyArray<Pick<Candidate, 'id'>>,
  verdict: Verdict,
  facts: AttemptFacts,
): SendRecord {
  const { record, now, attempt, scheduledAt, laterRun } = facts;
  const base = { attempt, lookUpFirst: false, conflicts: 0 };
  if (record !== undefined) {
    const { firstSentAt, before, doubtful, lookUpFirst } = record;
    // An expired key is a new request to Polytomic anyway; a number of its own keeps the log readable.
    const send = isExpired(record, now) && !lookUpFirst ? record.send + 1 : record.send;
    const lost = attemptsWereLost(record, attempt) ? { unanswered: { first: now, last: now } } : {};
    // Seen before the next send: that one's time is not to be held for theirs.
    const known = [...before, ...found.map(({ id }) => id).filter((id) => !before.includes(id))];
    return { ...base, send, firstSentAt, before: known, doubtful, ...lost };
  }
  const doubtful = verdict.kind === 'resend' ? verdict.ids : [];
  const before = found.map(({ id }) => id).filter((id) => !doubtful.includes(id));
  // Neither an earlier attempt nor an earlier run has sent this key.
  if (attempt === 1 && !laterRun) return { ...recordOfFirst(before, facts), doubtful };
  const first = onlyFirstKeySent(facts) ? scheduledAt : now;
  return { ...base, send: 1, firstSentAt: first, unanswered: { first, last: now }, before, doubtful };
}
