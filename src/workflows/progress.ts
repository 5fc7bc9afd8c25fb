/** What a run knows of itself: the steps of its plan, what each made, whom it waits for. Query `status` shows all of it. */
import type { ProvisioningRequest } from '../request/schema.ts';
import type {
  KindOfResource,
  ProvisioningFailure,
  ProvisioningStatus,
  SignInStatus,
  Stage,
  StepFailure,
  StepState,
  StepStatus,
} from './messages.ts';

/** The ids of the steps, each made in one place. */
export const STEP = {
  snowflakeConnection: 'snowflake connection',
  linkedinConnection: 'linkedin connection',
  signIn: 'sign-in',
  adAccounts: 'ad accounts',
  audiences: 'audiences',
  model: (key: string) => `model ${key}`,
  sync: (name: string) => `sync ${name}`,
} as const;

/** What a step that is done tells of itself. */
export interface Outcome {
  resources?: KindOfResource[];
  note?: string;
}

/** The run's plan and how far it has come. Each change calls `changed`, once. */
export class Progress {
  readonly warnings: string[] = [];
  private readonly steps = new Map<string, StepStatus>();
  private name = '';
  private requester: string | undefined;
  private signIn: SignInStatus | undefined;
  private ended: Extract<Stage, 'completed' | 'failed' | 'cancelled'> | undefined;
  private readonly startedAt: Date;
  private readonly changed: () => void;

  constructor(startedAt: Date, changed: () => void) {
    this.startedAt = startedAt;
    this.changed = changed;
  }

  /** Lays out every step of the request, in the order in which a reader expects them. */
  plan(request: ProvisioningRequest): void {
    this.name = request.name;
    this.requester = request.requester;
    const ids = [
      STEP.snowflakeConnection,
      ...Object.keys(request.models).map(STEP.model),
      STEP.linkedinConnection,
      STEP.signIn,
      STEP.adAccounts,
      STEP.audiences,
      ...request.syncs.map((sync) => STEP.sync(sync.name)),
    ];
    for (const id of ids) this.steps.set(id, { id, state: 'pending', resources: [] });
    this.changed();
  }

  running(id: string): void {
    this.set(id, { state: 'running' });
  }

  done(id: string, outcome: Outcome): void {
    this.set(id, { state: 'done', ...outcome });
  }

  failed(failure: StepFailure): void {
    this.set(failure.step, { state: 'failed', failure });
  }

  /** A step of which nothing is known any more, since the run will fail anyway. */
  abandoned(id: string, note: string): void {
    this.set(id, { state: 'pending', note });
  }

  /** Begins to ask a person for the sign-in: by a link, or by a hint where the run has none to offer. */
  askForSignIn(ask: { url: string } | { hint: string }, at: Date): void {
    this.signIn = { ...ask, since: at.toISOString(), claims: 0 };
    this.set(STEP.signIn, { state: 'waiting', note: 'waits for a person to sign in to LinkedIn' });
  }

  /** Somebody said that the sign-in is done; Polytomic says it is not. */
  signInMissing(claims: number, reason: string, at: Date): void {
    if (this.signIn === undefined) return;
    this.signIn = { ...this.signIn, claims, lastCheck: { at: at.toISOString(), reason } };
    this.changed();
  }

  warn(warning: string): void {
    this.warnings.push(warning);
    this.changed();
  }

  end(how: 'completed' | 'failed' | 'cancelled'): void {
    this.signIn = undefined;
    this.ended = how;
    this.changed();
  }

  /** The failures and what they leave behind, in the plan's order. */
  outcome(): ProvisioningFailure {
    const steps = [...this.steps.values()];
    const resources = steps.flatMap((step) => step.resources);
    return {
      failures: steps.flatMap((step) => step.failure ?? []),
      leftBehind: resources.filter((resource) => resource.made),
      used: resources.filter((resource) => !resource.made),
    };
  }

  get stage(): Stage {
    if (this.ended !== undefined) return this.ended;
    if (this.signIn !== undefined) return 'awaiting_sign_in';
    const steps = [...this.steps.values()];
    if (steps.some((step) => step.id.startsWith('sync ') && step.state !== 'pending')) return 'syncing';
    const connected = [STEP.snowflakeConnection, STEP.signIn].every((id) => this.steps.get(id)?.state === 'done');
    return connected ? 'preparing' : 'connecting';
  }

  status(): ProvisioningStatus {
    return {
      name: this.name,
      ...(this.requester === undefined ? {} : { requester: this.requester }),
      stage: this.stage,
      startedAt: this.startedAt.toISOString(),
      steps: [...this.steps.values()],
      ...(this.signIn === undefined ? {} : { signIn: this.signIn }),
      warnings: this.warnings,
    };
  }

  private set(id: string, change: Outcome & { state: StepState; failure?: StepFailure }): void {
    // Whoever has the sign-in link can connect an account, so it is shown only while it is needed.
    if (id === STEP.signIn && change.state !== 'waiting') this.signIn = undefined;
    const resources = this.steps.get(id)?.resources ?? [];
    this.steps.set(id, { id, resources, ...change });
    this.changed();
  }
}
