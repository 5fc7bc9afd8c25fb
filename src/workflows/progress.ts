/** The run's plan and how far it has come, for query `status`, the Web UI and the search attributes. */
import {
  addedWithin,
  askWithin,
  type ProvisioningRequest,
  textWithin,
  WARNINGS_BYTES,
  WORDS_BYTES,
} from '../request/schema.ts';
import type {
  KindOfResource,
  ProvisioningFailure,
  ProvisioningStatus,
  Question,
  SignInStatus,
  Stage,
  StepFailure,
  StepState,
  StepStatus,
} from './messages.ts';
import type { RunState } from './run-state.ts';
import type { UndoOutcome } from './undo-entries.ts';

/** The ids of the steps, each made in one place. */
export const STEP = {
  snowflakeConnection: 'snowflake connection',
  linkedinConnection: 'linkedin connection',
  signIn: 'sign-in',
  adAccounts: 'ad accounts',
  audiences: 'audiences',
  model: (key: string) => `model ${key}`,
  sync: (name: string) => `sync ${name}`,
  firstExecution: (name: string) => `first execution ${name}`,
} as const;

/** What a step that is done tells of itself. */
export interface Outcome {
  resources?: KindOfResource[];
  note?: string;
}

/** How a run ends. */
export type Ending = Extract<Stage, 'completed' | 'failed' | 'cancelled'>;

/** Keeps the steps of a {@link RunState}. Each change calls `changed`, once. */
export class Progress {
  private readonly state: RunState;
  private readonly changed: () => void;
  private undoing = false;
  private ended: Ending | undefined;

  constructor(state: RunState, changed: () => void) {
    this.state = state;
    this.changed = changed;
  }

  /** Lays out every step of the request, in the order in which a reader expects them. */
  plan(request: ProvisioningRequest): void {
    const followed = (request.options?.firstRun ?? 'none') !== 'none';
    const ids = [
      STEP.snowflakeConnection,
      ...Object.keys(request.models).map(STEP.model),
      STEP.linkedinConnection,
      STEP.signIn,
      STEP.adAccounts,
      STEP.audiences,
      ...request.syncs.flatMap(({ name }) => [STEP.sync(name), ...(followed ? [STEP.firstExecution(name)] : [])]),
    ];
    this.state.steps = ids.map((id) => ({ id, state: 'pending', resources: [], generation: 1 }));
    this.changed();
  }

  /** The step of this id, which the plan has. */
  of(id: string): StepStatus {
    const step = this.find(id);
    if (step === undefined) throw new TypeError(`the plan has no step ${id}`);
    return step;
  }

  /** The step of this id, if the plan has it. */
  find(id: string): StepStatus | undefined {
    return this.state.steps.find((step) => step.id === id);
  }

  running(id: string): void {
    this.set(id, { state: 'running' });
  }

  done(id: string, outcome: Outcome): void {
    this.set(id, { state: 'done', ...outcome });
  }

  failed(failure: StepFailure): void {
    this.set(failure.step, { state: 'failed', failure: this.brief(failure) });
  }

  /** It failed for good; a change to `piece` of the request might mend it. Returns as much of the failure as is kept. */
  blocked(failure: StepFailure, piece: string | undefined): StepFailure {
    const kept = this.brief(failure);
    this.set(kept.step, { state: 'blocked', failure: kept, ...(piece === undefined ? {} : { piece }) });
    return kept;
  }

  /** A person asked for it to be tried again. Returns the number of the try. */
  again(id: string): number {
    const generation = this.of(id).generation + 1;
    this.set(id, { state: 'pending', generation });
    return generation;
  }

  /** A step of which nothing is known any more, since the run will fail anyway. */
  abandoned(id: string, note: string): void {
    this.set(id, { state: 'pending', note });
  }

  /** What it made has been deleted again, or taken back. Its failure, if there is one, is still why the run fails. */
  undone(id: string, gone: NonNullable<UndoOutcome['undone']>): void {
    const { resources, failure } = this.of(id);
    const isGone = (one: KindOfResource) => 'id' in gone && one.kind === gone.kind && one.id === gone.id;
    this.set(id, {
      state: 'undone',
      resources: resources.filter((one) => !isGone(one)),
      note: 'id' in gone ? `deleted ${gone.kind} ${gone.name} (${gone.id})` : `took back ${gone.labels.join(', ')}`,
      ...(failure === undefined ? {} : { failure }),
    });
  }

  /** The step did not end, and made this all the same. */
  found(id: string, resource: KindOfResource): void {
    const { resources } = this.of(id);
    this.state.steps = this.state.steps.map((step) =>
      step.id === id ? { ...step, resources: [...resources, resource] } : step,
    );
    this.changed();
  }

  /** Asks a person for the sign-in, or tells them what has changed about it. */
  askForSignIn(asked: SignInStatus): void {
    this.state.signIn.asked = asked;
    this.set(STEP.signIn, { state: 'waiting', note: 'waits for a person to sign in to LinkedIn' });
  }

  /** Asks a person to choose. Returns as much of the question as is kept. */
  ask(question: Question): Question {
    const kept = askWithin(question, this.roomOfStep);
    const others = this.state.questions.filter(({ step }) => step !== kept.step);
    this.state.questions = [...others, kept];
    this.set(kept.step, { state: 'waiting', note: 'waits for a person to choose' });
    return kept;
  }

  /** The question of this step is answered. */
  answered(step: string): void {
    this.running(step);
  }

  /** The same warning twice, as of notices that cannot be delivered for months, is told once. */
  warn(warning: string): void {
    const { warnings } = this.state;
    this.state.warnings = [...addedWithin(warnings, warning, WARNINGS_BYTES, 'There are more warnings than are kept.')];
    if (this.state.warnings.length > warnings.length) this.changed();
  }

  /** From now on what was made is deleted again. */
  undo(): void {
    this.undoing = true;
    this.stop();
  }

  end(how: Ending): void {
    this.ended = how;
    this.stop();
  }

  /** The failures and what they leave behind, in the plan's order. */
  outcome(): ProvisioningFailure {
    const { steps, undone, notUndone } = this.state;
    const resources = steps.flatMap((step) => step.resources);
    return {
      failures: steps.flatMap((step) => step.failure ?? []),
      leftBehind: resources.filter((resource) => resource.made),
      used: resources.filter((resource) => !resource.made),
      undone: undone.flatMap((one) => ('id' in one ? [{ ...one, made: true }] : [])),
      notUndone,
    };
  }

  /** The steps that wait for a person to mend them. */
  get blockedSteps(): string[] {
    return this.state.steps.filter(({ state }) => state === 'blocked').map(({ id }) => id);
  }

  /** The ids of the steps that make the syncs, in the request's order. They keep the names of the request as it began. */
  get syncSteps(): string[] {
    return this.state.steps.filter(({ id }) => id.startsWith('sync ')).map(({ id }) => id);
  }

  /**
   * How much of the words of others is kept of one step, in bytes of JSON. A sync's first execution has its sync's share: it
   * begins when nothing is left to be told of that.
   */
  get roomOfStep(): number {
    return Math.floor(WORDS_BYTES / (this.state.steps.length - this.executionSteps.length));
  }

  /** The ids of the steps of first executions, in the order of the syncs; empty where none is asked for. */
  get executionSteps(): string[] {
    return this.state.steps.filter(({ id }) => id.startsWith('first execution ')).map(({ id }) => id);
  }

  get stage(): Stage {
    if (this.ended !== undefined) return this.ended;
    if (this.undoing) return 'undoing';
    const { steps, signIn, questions } = this.state;
    if (signIn.asked !== undefined) return 'awaiting_sign_in';
    if (questions.length > 0) return 'awaiting_choice';
    if (this.blockedSteps.length > 0 && !steps.some(({ state }) => state === 'running')) return 'blocked';
    if (steps.some((step) => /^(sync|first execution) /.test(step.id) && step.state !== 'pending')) return 'syncing';
    const connected = [STEP.snowflakeConnection, STEP.signIn].every((id) => this.find(id)?.state === 'done');
    return connected ? 'preparing' : 'connecting';
  }

  status(): ProvisioningStatus {
    const { request, startedAt, steps, signIn, questions, warnings } = this.state;
    return {
      name: request.name ?? '',
      ...(request.requester === undefined ? {} : { requester: request.requester }),
      stage: this.stage,
      startedAt,
      steps,
      ...(signIn.asked === undefined ? {} : { signIn: signIn.asked }),
      questions,
      warnings,
    };
  }

  private brief(failure: StepFailure): StepFailure {
    return { ...failure, message: textWithin(failure.message, this.roomOfStep) };
  }

  /** Nobody is asked any more, and nothing goes on: what is blocked now has failed. */
  private stop(): void {
    delete this.state.signIn.asked;
    this.state.questions = [];
    this.state.steps = this.state.steps.map((step) => {
      const { piece: _, note: __, ...rest } = step;
      if (step.state === 'blocked') return { ...rest, state: 'failed' };
      if (step.state === 'waiting') return { ...rest, state: 'pending', note: 'ended while it waited for a person' };
      return step.state === 'running' ? { ...rest, state: 'pending', note: 'did not end' } : step;
    });
    this.changed();
  }

  private set(
    id: string,
    change: Outcome & { state: StepState; failure?: StepFailure; piece?: string; generation?: number },
  ): void {
    if (change.state !== 'waiting') {
      // Whoever has the sign-in link can connect an account, so it is shown only while it is needed.
      if (id === STEP.signIn) delete this.state.signIn.asked;
      this.state.questions = this.state.questions.filter(({ step }) => step !== id);
    }
    const { resources, generation } = this.of(id);
    this.state.steps = this.state.steps.map((step) =>
      step.id === id ? { id, resources, generation, ...change } : step,
    );
    this.changed();
  }
}
