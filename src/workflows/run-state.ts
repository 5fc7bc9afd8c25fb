/**
 * All that a run knows, as data. A run that has lived long continues as new with it: whatever is not in here, and cannot be
 * told from it, is forgotten then. Times are absolute, so that a deadline outlives the run that set it.
 */
import type { InspectedAudience } from '../activities/audiences.ts';
import type { AudienceSpec, ProvisioningRequest } from '../request/schema.ts';
import type { Question, SignInStatus, StepStatus } from './messages.ts';
import type { UndoEntry, UndoOutcome } from './undo-entries.ts';

/** What is known of the LinkedIn sign-in. */
export interface SignInState {
  /** How often somebody has said that it is done, or was denied. */
  claims: number;
  /** How many of the claims have been checked. */
  checked: number;
  /** What the latest claim says of a denial. */
  denial?: string;
  /** Whether somebody has been asked, or it was looked whether somebody must be. */
  begun?: true;
  /** Present while somebody is asked. */
  asked?: SignInStatus;
  /** When the next reminder is due, RFC 3339. */
  nextReminderAt?: string;
  /** The generation of the step whose wait has ended without a sign-in. */
  timedOut?: number;
}

/** The state of one run. */
export interface RunState {
  /** First run id of the chain of runs that hand the state on. */
  chain: string;
  /** When the first run of the chain began, RFC 3339. */
  startedAt: string;
  /** The request with every accepted change. */
  request: ProvisioningRequest;
  /** The plan, in the order in which a reader expects it. */
  steps: StepStatus[];
  /** What each step that is done gave to those after it, by step id. */
  results: Record<string, unknown>;
  signIn: SignInState;
  questions: Question[];
  /** Answers of people, by the step they are for. An answer may come before its question. */
  answers: { accounts?: 'all' | string[]; audiences: Record<string, Exclude<AudienceSpec, 'ask'>> };
  /** Audiences that people chose and Polytomic confirmed, by the sync's step id. */
  chosen: Record<string, InspectedAudience>;
  /** Steps whose generation before could not tell what it had made. */
  afterUnclear: string[];
  undo: UndoEntry[];
  undone: Array<NonNullable<UndoOutcome['undone']>>;
  notUndone: string[];
  warnings: string[];
  /** Whether its search attribute is a `ListedStage`, as of a run that a client has begun as `working`; else it is the stage. */
  listsWorking?: true;
}

/** How much a run hands on, in bytes of JSON: Temporal takes 2 MB, and a task that hands on more would be retried for ever. */
export const MAX_CARRIED_BYTES = 1_900_000;

/** The state of a run that begins. */
export function newRunState(request: ProvisioningRequest, startedAt: Date, chain: string): RunState {
  return {
    chain,
    startedAt: startedAt.toISOString(),
    request,
    steps: [],
    results: {},
    signIn: { claims: 0, checked: 0 },
    questions: [],
    answers: { audiences: {} },
    chosen: {},
    afterUnclear: [],
    undo: [],
    undone: [],
    notUndone: [],
    warnings: [],
  };
}
