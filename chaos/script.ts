/** What is to happen around one run: its request, its people, and what must have come of it in the end. Data only. */
import type { ProvisioningRequest } from '../src/request/schema.ts';
import type { ChooseAudience } from '../src/workflows/messages.ts';

/** What a run is about, besides the audiences that it makes. */
export type Plot =
  /** The request is right, and people do what they are asked. */
  | 'plain'
  /** Ad accounts or audiences are left to people. */
  | 'ask'
  /** The sign-in comes with the request: a refresh token. */
  | 'token'
  /** Connections that other runs ask for too, at the same time. */
  | 'shared'
  /** The first query is wrong, until a person mends it. */
  | 'wrong query'
  /** The password is wrong, until a person mends it. */
  | 'wrong password'
  /** A stranger has taken the name of a connection, and nobody mends it. */
  | 'name taken'
  /** Cancelled at any moment; what was made is undone. */
  | 'cancel and undo'
  /** Cancelled at any moment; what was made stays. */
  | 'cancel and keep'
  /** Cancelled at any moment, and cleaned up after by `undo`. */
  | 'cancel, then undo'
  /** A step is blocked, and a person gives up; what was made is undone. */
  | 'give up and undo'
  /** A wrong query fails the run at once. */
  | 'fail at once';

/** How a run may end. `blocked`: it waits at a step for somebody who never comes. */
export type End = 'completed' | 'cancelled' | 'failed' | 'blocked';

/** The sign-in, as the person does it who is asked for it. */
export interface SignInPlan {
  /** From the moment the link is there, in ms. */
  delayMs: number;
  /** Said before anybody has signed in: an untrue claim, or a payload that is none. */
  falseClaim: 'none' | 'untrue' | 'garbage';
  /** Denies the first time. */
  denies: boolean;
  /** How often it is said that the sign-in is done. None is enough where the run polls. */
  claims: number;
}

/** A question of the run, and how people answer it. */
export interface AnswerPlan {
  /** The step that asks. */
  step: string;
  /** In ms from when it is asked. */
  delayMs: number;
  answer: { accounts: 'all' | string[] } | ChooseAudience;
  /** Given first, and to be refused. */
  wrong?: { accounts: string[] } | ChooseAudience;
  /** The right answer is given as soon as the run is there, before it asks. */
  early: boolean;
  /** Two people give it at once. */
  twice: boolean;
}

/** What is mended of a step that is blocked by design. */
export interface MendPlan {
  step: string;
  delayMs: number;
  change: unknown;
}

/** When somebody ends the run: `delayMs` after it was first seen in this stage, or after a step was blocked. */
export interface EndPlan {
  how: 'cancel' | 'give up';
  at: 'start' | 'sign-in' | 'preparing' | 'syncing' | 'blocked';
  delayMs: number;
  /** `audience undo` afterwards. */
  thenUndo: boolean;
}

/** A sync as it must be in the end. */
export interface WantedSync {
  name: string;
  model: string;
  mode: string;
  identity: { target: string; column: string; function: string };
  /** Field of the audience to column of the model. */
  fields: Record<string, string>;
  continuous: boolean;
  audience: { id: string } | { name: string; type: string; account: string };
}

/** What a completed run must have made of its request, as mended and answered. */
export interface Wanted {
  snowflake: { name: string; configuration: Record<string, string> };
  linkedin: { name: string };
  /** Values of ad accounts that must be enabled. */
  accounts: string[];
  /** By the request's key. */
  models: Record<string, { name: string; query: string }>;
  syncs: WantedSync[];
}

/** The script of one run. */
export interface Script {
  number: number;
  name: string;
  plot: Plot;
  /** In ms from when there is room for the run. */
  startDelayMs: number;
  request: ProvisioningRequest;
  /** Asked for twice, at the same moment. */
  startedTwice: boolean;
  signIn: SignInPlan;
  answers: AnswerPlan[];
  /** An answer to a question that nobody asks: to be refused. */
  uncalledFor: boolean;
  mends: MendPlan[];
  /** A step that nobody mends. */
  stuckAt?: string;
  /** Names of connections that a stranger has made before. */
  strangers: Array<{ name: string; type: 'snowflake' | 'linkedinads' }>;
  ending?: EndPlan;
  /** Ends that are right. */
  ends: End[];
  wanted: Wanted;
}
