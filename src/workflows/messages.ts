/**
 * Everything one can say to a provisioning run and hear from it: the contract between the workflow, the client library,
 * the CLI and whoever types into the Temporal Web UI. No name of a message stands anywhere else as a string.
 */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { ExecutionCounts } from '../polytomic/executions.ts';
import type { AudienceSpec, Choice } from '../request/schema.ts';
import type { UndoEntry, UndoOutcome } from './undo-entries.ts';

export type { Choice } from '../request/schema.ts';

/** The workflow's type name, as the Temporal Web UI lists it. */
export const WORKFLOW_TYPE = 'AudienceProvisioning';

/** The type name of the workflow that cleans up after a provisioning. */
export const UNDO_WORKFLOW_TYPE = 'AudienceUndo';

const WORKFLOW_ID_PREFIX = 'audience-provisioning/';

/** The workflow id of what cleans up after the provisioning called `name`. */
export function undoWorkflowIdOf(name: string): string {
  return `audience-undo/${name}`;
}

/** The workflow id of the provisioning called `name`. Its inverse is {@link provisioningName}. */
export function workflowIdOf(name: string): string {
  return `${WORKFLOW_ID_PREFIX}${name}`;
}

/** The name of the provisioning that runs under a workflow id; `undefined` where the id is not one of ours. */
export function provisioningName(workflowId: string): string | undefined {
  return workflowId.startsWith(WORKFLOW_ID_PREFIX) ? workflowId.slice(WORKFLOW_ID_PREFIX.length) : undefined;
}

/**
 * "The sign-in is done", or, with a {@link SignInDenial}, "it was denied". A hint only: the run asks Polytomic whether it is
 * there, and goes on waiting if it is not. It needs no payload, may be sent early, twice or falsely.
 */
export const oauthCompletedSignal = defineSignal<[payload?: unknown]>('oauthCompleted');

/** Where the run stands. Answers in every stage, also after the run has ended. */
export const statusQuery = defineQuery<ProvisioningStatus>('status');

/** All that the run has made or may have made so far, in the order of its making: what an undo goes through backwards. */
export const undoEntriesQuery = defineQuery<UndoEntry[]>('undoEntries');

/** What an {@link UNDO_WORKFLOW_TYPE} has undone so far. */
export const undoStatusQuery = defineQuery<UndoResult>('status');

/** The sign-in link; a fresh one if it is older than the request's `options.signIn.linkTtl`. */
export const signInLinkUpdate = defineUpdate<SignInLink, []>('signInLink');

/** A fresh sign-in link in any case; older ones stop working. */
export const refreshSignInLinkUpdate = defineUpdate<SignInLink, []>('refreshSignInLink');

/** Which ad accounts to enable, where the request leaves it to a person. */
export const selectAccountsUpdate = defineUpdate<AdAccount[] | 'kept until it is asked', [SelectAccounts]>(
  'selectAccounts',
);

/** Which audience a sync writes to, where the request leaves it to a person. */
export const chooseAudienceUpdate = defineUpdate<string, [ChooseAudience]>('chooseAudience');

/** What there is to choose from, searched: a question lists the first fifty at most. */
export const findChoicesUpdate = defineUpdate<Choices, [FindChoices]>('findChoices');

/** Tries a blocked step again, with a change to its piece of the request or without. */
export const retryStepUpdate = defineUpdate<{ step: string; generation: number }, [RetryStep]>('retryStep');

/** Ends the run, which then undoes or keeps what it made, as `options.onFailure` says. */
export const giveUpUpdate = defineUpdate<void, [given: GiveUp | undefined]>('giveUp');

/** A sign-in that came back without consent, in the words of whoever tells: a person, or LinkedIn through a callback. */
export interface SignInDenial {
  /** `true`, or LinkedIn's `error` of the callback, e.g. `user_cancelled_login`. */
  denied?: boolean;
  error?: string;
  error_description?: string;
}

/** Where a person signs in. */
export interface SignInLink {
  url: string;
  /** When Polytomic gave it, RFC 3339. */
  since: string;
}

/** Answer to the question for ad accounts: labels or values, or all. */
export interface SelectAccounts {
  accounts: 'all' | string[];
}

/** Answer to the question for a sync's audience, as a request says it. */
export interface ChooseAudience {
  /** Name of the sync in the request. */
  sync: string;
  audience: Exclude<AudienceSpec, 'ask'>;
}

/** Which run of a provisioning to undo. */
export interface RunToUndo {
  workflowId: string;
  runId: string;
}

/** What came of undoing a run. */
export interface UndoResult {
  undone: Array<NonNullable<UndoOutcome['undone']>>;
  /** What is still there, or may be, and why: a sentence each. */
  left: string[];
}

/** What to search: the choices of this step whose label or value has these words. */
export interface FindChoices {
  /** `ad accounts`, or `sync <name>`. */
  step: string;
  search?: string;
}

/** A step to try again. */
export interface RetryStep {
  step: string;
  /** What replaces the step's piece of the request ({@link StepStatus.piece}), in the words of a request. */
  change?: unknown;
}

/** Type of the failure of a {@link retryStepUpdate} whose change is not valid. Details: `[Fault[]]`. */
export const INVALID_CHANGE = 'InvalidChange';

/** Why a person gives up, if they say. */
export interface GiveUp {
  reason?: string;
}

/** The first choices there are, and how many there are in all. */
export interface Choices {
  choices: Choice[];
  total: number;
}

/** Something that a person is asked. */
export interface Question extends Choices {
  /** The step that waits for the answer. */
  step: string;
  /** Which update answers: `selectAccounts` or `chooseAudience`. */
  answer: 'selectAccounts' | 'chooseAudience';
  /** Why it is asked, where the request or an earlier answer named something: it fits several, or none. */
  why?: string;
}

/** The error types a run ends with, besides cancellation. Both are non-retryable `ApplicationFailure`s. */
export const FAILURE = {
  /** The run's input is not a valid request. Details: `[Fault[]]`, each with path and message, none with a value. */
  invalidRequest: 'InvalidRequest',
  /** A step failed for good. Details: `[ProvisioningFailure]`. */
  provisioningFailed: 'ProvisioningFailed',
} as const;

/** The stages of a run, in the order in which one that goes well passes through them, then the ways to end otherwise. */
export const STAGES = [
  'connecting',
  'awaiting_sign_in',
  'awaiting_choice',
  'blocked',
  'preparing',
  'syncing',
  'undoing',
  'completed',
  'failed',
  'cancelled',
] as const;

/**
 * Where the whole run stands.
 * `connecting`: the connections are being made. `awaiting_sign_in`: a person is asked to sign in to LinkedIn.
 * `awaiting_choice`: a person is asked to choose. `blocked`: nothing but a blocked step is left to wait for.
 * `preparing`: ad accounts, models and audiences. `syncing`: the syncs are being created. `undoing`: what was made is
 * deleted. The rest: how it ended.
 */
export type Stage = (typeof STAGES)[number];

/** Where a run begins. */
export const FIRST_STAGE = 'connecting' satisfies Stage;

/** The stages in which a run goes on and waits for nobody. */
const WORKING_STAGES = ['connecting', 'preparing', 'syncing'] as const satisfies readonly Stage[];

/** How {@link ListedStage} tells all of them. */
export const WORKING = 'working';

/**
 * A stage as search attribute `ProvisioningStage` and lists tell it: whom a run waits for, not how far it has come. Each change
 * of a search attribute is an action that Temporal Cloud bills, and a write of the server's.
 */
export type ListedStage = Exclude<Stage, (typeof WORKING_STAGES)[number]> | typeof WORKING;

/** The stage as lists tell it. */
export function listedStage(stage: Stage | ListedStage): ListedStage {
  return isWorking(stage) ? WORKING : stage;
}

function isWorking(stage: Stage | ListedStage): stage is (typeof WORKING_STAGES)[number] {
  return WORKING_STAGES.some((one) => one === stage);
}

/** All of them, in the order of {@link STAGES}. */
export const LISTED_STAGES: readonly ListedStage[] = [...new Set(STAGES.map(listedStage))];

/** One resource's piece of work. `waiting`: for a person's answer. `blocked`: failed for good, until a person mends it. */
export type StepState = 'pending' | 'running' | 'waiting' | 'blocked' | 'done' | 'failed' | 'undone';

/** What kind of resource something in Polytomic is. */
export type ResourceKind = 'connection' | 'model' | 'sync' | 'audience';

/** A resource that the run made or used. */
export interface Resource {
  /** Polytomic's id. */
  id: string;
  name: string;
  /** True if this run made it; false if it was there before and the run only uses it. */
  made: boolean;
}

/** A {@link Resource} together with what it is, for lists that mix kinds. */
export interface KindOfResource extends Resource {
  kind: ResourceKind;
}

/** A LinkedIn ad account as Polytomic names it. */
export interface AdAccount {
  value: string;
  label: string;
}

/** Why a step failed for good. */
export interface StepFailure {
  /** The failed step's id, e.g. `model active-users`. */
  step: string;
  /** One of the codes in docs/errors.md. */
  type: string;
  /** What was being done, what came back, what to do next. */
  message: string;
}

/** One line of the run's plan. */
export interface StepStatus {
  /** E.g. `snowflake connection`, `sign-in`, `model active-users`, `sync New audience`. Unique in the run. */
  id: string;
  state: StepState;
  /** What the step made or used; empty until it is known. */
  resources: KindOfResource[];
  /** What came of it, or what it waits for, in a few words. */
  note?: string;
  /** Why it is blocked, or failed. */
  failure?: StepFailure;
  /** While it is blocked: which piece of the request would mend it, e.g. `models.active-users`; absent where none would. */
  piece?: string;
  /** How often a person asked for it to be tried, from 1. */
  generation: number;
}

/** The LinkedIn sign-in that a person gives. */
export interface SignInStatus {
  /** Where to sign in; only while it is needed, and absent where the run has no link to offer. */
  url?: string;
  /** Why no link can be offered, where that is so. */
  hint?: string;
  /** When the run began to wait, RFC 3339. */
  since: string;
  /** When Polytomic gave the link, RFC 3339; absent without a link. */
  linkSince?: string;
  /** When the wait ends, RFC 3339. */
  until: string;
  /** How often somebody has said `oauthCompleted` so far. */
  claims: number;
  /** What came of the latest claim; absent before the first. */
  lastCheck?: { at: string; outcome: 'not_yet' | 'denied' | 'no_accounts'; reason: string };
}

/** The answer of query `status`. */
export interface ProvisioningStatus {
  name: string;
  requester?: string;
  stage: Stage;
  /** When the run began, RFC 3339. */
  startedAt: string;
  steps: StepStatus[];
  /** Present only while somebody is asked to sign in. */
  signIn?: SignInStatus;
  /** What people are asked to choose. */
  questions: Question[];
  /** What the run wants a person to know although it goes on. */
  warnings: string[];
}

/** What a completed run returns: every id that it made or used. */
export interface ProvisioningResult {
  name: string;
  snowflakeConnection: Resource;
  linkedinConnection: Resource;
  /** The ad accounts that the request asked for, all enabled by now. */
  adAccounts: AdAccount[];
  /** By the request's model key. */
  models: Record<string, Resource>;
  /** In the request's order. */
  syncs: Array<Resource & { model: string; audience: Resource; firstExecution?: FirstExecution }>;
  warnings: string[];
}

/** The first execution of a sync. With `firstRun: start` only its id is known. */
export interface FirstExecution {
  id: string;
  /** Polytomic's word, e.g. `completed`. */
  status: string;
  /** Records, in count, as Polytomic counts them. */
  counts?: ExecutionCounts;
  /** Some of its errors, in Polytomic's words. */
  errors?: string[];
}

/** The details of a {@link FAILURE.provisioningFailed} failure. */
export interface ProvisioningFailure {
  /** Every step that failed, in the plan's order; at least one. */
  failures: StepFailure[];
  /** Everything in Polytomic that the run made and that is still there, in the order of its making. */
  leftBehind: KindOfResource[];
  /** What was deleted again, with `onFailure: undo`, in the order of its deletion. */
  undone: KindOfResource[];
  /** What could not be undone, or may be there although nobody can tell: a line each, with the reason. */
  notUndone: string[];
  /** What the run used without making it. */
  used: KindOfResource[];
}
