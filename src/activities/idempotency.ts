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
  /** Number of the send that is under way or comes next, from 1; part of the key. */
  send: number;
  /** When this run's first send left, ms since the epoch. */
  firstSentAt: number;
  /** Whether to look the thing up before sending again: it may exist although the answer was an error. */
  lookUpFirst: boolean;
  /** Ids of what had this name before the first send, so was surely not made by it. */
  before: string[];
  /** How often the answer was 409, "still in flight", to the present key. */
  conflicts: number;
  /** Id of a piece that an earlier send of unknown outcome left, and this send builds on. Part of what the key stands for. */
  leftover?: string;
}

/** How often a create that is still in flight (409) is asked after with the same key, before the step fails. */
export const MAX_CONFLICTS = 20;

/** What came back of a send, as far as it decides about the key. `none`: no answer, or one that broke off. */
export type Answer = { kind: 'none' } | { kind: 'undocumented' } | { kind: 'status'; status: number };

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

/** The table of the API reference: what next after this answer to a create. Success (2xx) is not asked about. */
export function nextAfter(answer: Answer): Next {
  if (answer.kind === 'none') return 'same-key';
  if (answer.kind === 'undocumented') return 'look-up';
  if (answer.status === 409) return 'same-key';
  // A 408 is a proxy's: it waited for Polytomic, or for us, and what became of the request is as open as after a 5xx.
  if (answer.status >= 500 || answer.status === 408) return 'look-up';
  return 'new-key';
}

/** The record after an answer that was not a success. */
export function recordAfter(record: SendRecord, answer: Answer): SendRecord {
  const next = nextAfter(answer);
  if (next === 'same-key') return { ...record, conflicts: record.conflicts + (answer.kind === 'status' ? 1 : 0) };
  return { ...record, send: record.send + 1, lookUpFirst: next === 'look-up', conflicts: 0 };
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
 * `look`: an earlier send may have made it and its key is spent or too old: look it up.
 * `unsure`: no record, but an earlier attempt, run or generation may have sent: look it up too.
 */
export type Beginning = 'fresh' | 'resend' | 'look' | 'unsure';

/** Decides how an attempt begins. */
export function beginningOf({ record, now, attempt, laterRun, afterUnclear }: AttemptFacts): Beginning {
  if (record === undefined) return attempt > 1 || laterRun || afterUnclear ? 'unsure' : 'fresh';
  return record.lookUpFirst || now - record.firstSentAt >= KEY_LIFETIME_MS ? 'look' : 'resend';
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
  | { kind: 'absent' | 'theirs' | 'resend' }
  | { kind: 'ours'; id: string }
  | { kind: 'clash'; ids: string[] };

/** On what a look-up is judged. */
export interface Evidence extends AttemptFacts {
  /** Whether what carries it (a model's connection, a sync's model) was made by this run, so that nobody else builds on it. */
  parentMade: boolean;
  /** Whether Polytomic keeps names of this kind unique, so that sending once more can never make a second one. */
  uniqueName: boolean;
}

/**
 * Judges what a look-up found. A thing is taken for this run's own only if it was not there before the first send, was made
 * since then, and is what was asked for in every field; or stands on something that this run made.
 */
export function judge(found: readonly Candidate[], evidence: Evidence): Verdict {
  const { record, scheduledAt, now, laterRun, afterUnclear, parentMade, uniqueName } = evidence;
  if (found.length === 0) return { kind: 'absent' };
  const beginning = beginningOf(evidence);
  if (beginning === 'fresh') return { kind: 'theirs' };

  const since = record?.firstSentAt ?? (laterRun || afterUnclear ? Number.NEGATIVE_INFINITY : scheduledAt);
  const early = (c: Candidate) => c.createdAt !== undefined && c.createdAt < since - CLOCK_TOLERANCE_MS;
  const recent = found.filter((c) => !early(c) && !record?.before.includes(c.id));
  if (recent.length === 0) return { kind: 'theirs' };

  // Of an earlier generation no key is known, so none can tell.
  if (record === undefined && !afterUnclear) {
    const young = (c: Candidate) => c.createdAt !== undefined && now - c.createdAt < KEY_LIFETIME_MS;
    const onlyFirstKeySent = !laterRun && now - scheduledAt < KEY_LIFETIME_MS;
    if (onlyFirstKeySent || (uniqueName && recent.every(young))) return { kind: 'resend' };
  }
  const [only, ...others] = recent;
  const evident = record !== undefined || parentMade;
  if (only?.matches && others.length === 0 && evident) return { kind: 'ours', id: only.id };
  return { kind: 'clash', ids: recent.map((c) => c.id) };
}
