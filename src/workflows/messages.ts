/**
 * Everything one can say to a provisioning run and hear from it: the contract between the workflow, the client library,
 * the CLI and whoever types into the Temporal Web UI. No name of a message stands anywhere else as a string.
 */
import { defineQuery, defineSignal } from '@temporalio/workflow';

/** The workflow's type name, as the Temporal Web UI lists it. */
export const WORKFLOW_TYPE = 'AudienceProvisioning';

const WORKFLOW_ID_PREFIX = 'audience-provisioning/';

/** The workflow id of the provisioning called `name`. Its inverse is {@link provisioningName}. */
export function workflowIdOf(name: string): string {
  return `${WORKFLOW_ID_PREFIX}${name}`;
}

/** The name of the provisioning that runs under a workflow id; `undefined` where the id is not one of ours. */
export function provisioningName(workflowId: string): string | undefined {
  return workflowId.startsWith(WORKFLOW_ID_PREFIX) ? workflowId.slice(WORKFLOW_ID_PREFIX.length) : undefined;
}

/**
 * "The sign-in is done." A hint only: the run asks Polytomic whether it is true, and goes on waiting if it is not.
 * It needs no payload, may be sent early, twice or falsely, and whatever it carries is ignored.
 */
export const oauthCompletedSignal = defineSignal('oauthCompleted');

/** Where the run stands. Answers in every stage, also after the run has ended. */
export const statusQuery = defineQuery<ProvisioningStatus>('status');

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
  'preparing',
  'syncing',
  'completed',
  'failed',
  'cancelled',
] as const;

/**
 * Where the whole run stands; also the value of search attribute `ProvisioningStage`.
 * `connecting`: the connections are being made. `awaiting_sign_in`: a person is asked to sign in to LinkedIn.
 * `preparing`: ad accounts, models and audiences. `syncing`: the syncs are being created. The rest: how it ended.
 */
export type Stage = (typeof STAGES)[number];

/** One resource's piece of work. `waiting`: for a person. */
export type StepState = 'pending' | 'running' | 'waiting' | 'done' | 'failed';

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
  failure?: StepFailure;
}

/** The LinkedIn sign-in that a person gives. */
export interface SignInStatus {
  /** Where to sign in; only while it is needed, and absent where the run has no link to offer. */
  url?: string;
  /** Why no link can be offered, where that is so. */
  hint?: string;
  /** When the run began to wait, RFC 3339. */
  since: string;
  /** How often somebody has said `oauthCompleted` so far. */
  claims: number;
  /** What Polytomic answered to the latest claim; absent before the first. */
  lastCheck?: { at: string; reason: string };
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
  syncs: Array<Resource & { model: string; audience: Resource }>;
  warnings: string[];
}

/** The details of a {@link FAILURE.provisioningFailed} failure. */
export interface ProvisioningFailure {
  /** Every step that failed, in the plan's order; at least one. */
  failures: StepFailure[];
  /** Everything in Polytomic that the run made before it failed, and that is still there, in the order of its making. */
  leftBehind: KindOfResource[];
  /** What the run used without making it. */
  used: KindOfResource[];
}
