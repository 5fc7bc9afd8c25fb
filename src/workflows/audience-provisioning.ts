/**
 * The walkthrough as a workflow: two branches side by side, which meet at the syncs.
 *
 *   Snowflake connection ─> models ──────────────────────────────────────────┐
 *   LinkedIn connection ─> WAIT for sign-in ─> ad accounts ─> audiences ─────┴─> syncs ─> first executions
 *
 * A step that fails for good is blocked until a person has mended it; `run.ts` has how.
 */
import {
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  CancelledFailure,
  condition,
  continueAsNew,
  isCancellation,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { EnabledAccounts } from '../activities/ad-accounts.ts';
import type { AudienceInspection } from '../activities/audiences.ts';
import type { StepContext } from '../activities/create-once.ts';
import type { ProvidedLinkedInConnection } from '../activities/linkedin-connection.ts';
import type { ProvidedModel } from '../activities/models.ts';
import {
  columnsOf,
  jsonBytes,
  linesWithin,
  type ProvisioningRequest,
  parseChange,
  parseRequest,
  replaced,
  type SyncRequest,
  shorten,
} from '../request/schema.ts';
import { followingActivities, longActivities, stepActivities } from './activity-proxies.ts';
import { Choices, faultsText } from './choices.ts';
import {
  FAILURE,
  type FirstExecution,
  giveUpUpdate,
  INVALID_CHANGE,
  type ProvisioningResult,
  type Resource,
  type RetryStep,
  retryStepUpdate,
  statusQuery,
  undoEntriesQuery,
} from './messages.ts';
import { STEP } from './progress.ts';
import { type PiecePath, Run, StepFailed, WaitAbandoned } from './run.ts';
import { MAX_CARRIED_BYTES, newRunState, type RunState } from './run-state.ts';
import { SignIn } from './sign-in.ts';
import { findAllKept, undoAll } from './undo.ts';
import type { UndoEntry } from './undo-entries.ts';
import { firstOf, named, refusal, refuseOtherKeys } from './update-input.ts';

/** LinkedIn serves an audience only with at least so many matched members, in count. */
const LEAST_MEMBERS = 300;

/** How long the reason of one who gives up may be, in characters. */
const MAX_REASON = 1000;

/**
 * Makes a LinkedIn Ads audience fed from a Snowflake query. Input: a request as docs/request.md describes it. `carried` is
 * what a run that has lived long hands to the one that continues it; from anybody else it is ignored.
 */
export async function AudienceProvisioning(
  input: ProvisioningRequest,
  carried?: RunState,
): Promise<ProvisioningResult> {
  const { startTime, firstExecutionRunId } = workflowInfo();
  // Nobody can know a chain's id before it runs, so a state that bears it comes from within.
  const continued = carried?.chain === firstExecutionRunId ? carried : undefined;
  const state = continued ?? newRunState(input, startTime, firstExecutionRunId);
  const provisioning = new Provisioning(state, continued === undefined);
  return Promise.race([provisioning.provision(), provisioning.continueWhenLong(input)]);
}

interface SnowflakeBranch {
  connection: Resource;
  models: ReadonlyMap<string, ProvidedModel>;
}

interface LinkedInBranch {
  connection: Resource;
  accounts: EnabledAccounts['enabled'];
  /** In the order of the request's syncs. Each is for one try: the sync takes it, and a run that lives long need not carry it. */
  audiences: Array<AudienceInspection | null>;
}

type CreatedSync = ProvisioningResult['syncs'][number];

class Provisioning {
  private readonly run: Run;
  private readonly signIn: SignIn;
  private readonly choices: Choices;
  private readonly scope = new CancellationScope();
  /** Whether no run of the chain was before it. */
  private readonly begins: boolean;
  /** What a person who gave up said of it. */
  private givenUp: string | undefined;

  constructor(state: RunState, begins: boolean) {
    this.run = new Run(state);
    this.begins = begins;
    setHandler(statusQuery, () => this.run.progress.status(), {
      description: 'Where the run stands: its stage, each step with what it made, and whom it waits for.',
    });
    setHandler(undoEntriesQuery, () => this.run.state.undo, {
      description: 'What the run has made or may have made, for an undo.',
    });
    if (begins) this.accept(state.request);
    // What came before the run's first task is handed over at this moment: only now is there a plan to check it by.
    this.signIn = new SignIn(this.run);
    this.choices = new Choices(this.run);
    setHandler(retryStepUpdate, (retry) => this.retryStep(retry), {
      validator: (retry) => this.checkRetry(retry),
      description: 'Try a blocked step again, with a change or without: {"step": "model active-users", "change": {…}}',
    });
    setHandler(giveUpUpdate, (given) => this.giveUp(given?.reason), {
      validator: (given) => this.checkGiveUp(given),
      description: 'End the run; what it made is kept or undone, as the request says. Input: none, or {"reason": "…"}',
    });
  }

  /** Refuses a bad request with all of its faults, however the run was started. Echoes no value of it. */
  private accept(input: unknown): void {
    const parsed = parseRequest(input);
    if (parsed.ok) {
      this.run.state.request = parsed.request;
      this.run.progress.plan(parsed.request);
      return;
    }
    this.run.ending = true;
    this.run.state.request = {} as ProvisioningRequest;
    this.run.progress.end('failed');
    const faults = parsed.faults.map(({ path, message }) => ({ path, message }));
    throw ApplicationFailure.nonRetryable(
      shorten(`The request is not valid:\n${faultsText(faults)}`),
      FAILURE.invalidRequest,
      faults,
    );
  }

  async provision(): Promise<ProvisioningResult> {
    const publishing = this.run.publish(this.begins);
    try {
      const result = await this.scope.run(() => this.walkthrough());
      await publishing;
      // Its last call was waited for. Whoever was told that the run will end is not handed a run that has completed.
      if (this.scope.consideredCancelled) throw new CancelledFailure('Cancelled during its last step');
      // What is done is not undone by somebody who cancels while the last notice is being delivered.
      return await CancellationScope.nonCancellable(async () => {
        this.end('completed');
        this.run.notify({ event: 'done' });
        await this.closed();
        return { ...result, warnings: this.run.state.warnings };
      });
    } catch (error) {
      return await CancellationScope.nonCancellable(async () => {
        await publishing;
        throw await this.endingOf(error);
      });
    }
  }

  /**
   * A run that lives for months continues as new when Temporal suggests it, while nothing is under way that would be lost. One
   * that knows too much to hand it on stays as it is: Temporal takes no more than 2000 updates of a run, so that its history
   * stays far below the 51 200 events that are the end of one.
   */
  async continueWhenLong(input: ProvisioningRequest): Promise<never> {
    return CancellationScope.nonCancellable(async () => {
      await condition(
        () =>
          workflowInfo().continueAsNewSuggested &&
          this.run.idle &&
          !this.isEnding &&
          allHandlersFinished() &&
          jsonBytes([input, this.run.state]) <= MAX_CARRIED_BYTES,
      );
      return continueAsNew<typeof AudienceProvisioning>(input, this.run.state);
    });
  }

  private async walkthrough(): Promise<Omit<ProvisioningResult, 'warnings'>> {
    const [snowflake, linkedin] = await allOf([this.snowflakeBranch(), this.linkedinBranch()]);
    const syncs = await this.syncs(snowflake, linkedin);
    return {
      name: this.run.request.name,
      snowflakeConnection: snowflake.connection,
      linkedinConnection: linkedin.connection,
      adAccounts: linkedin.accounts,
      models: Object.fromEntries([...snowflake.models].map(([key, { resource }]) => [key, resource])),
      syncs,
    };
  }

  private async snowflakeBranch(): Promise<SnowflakeBranch> {
    const connection = await this.run.step<Resource>(STEP.snowflakeConnection, {
      work: (step, making) => {
        const { connection: spec } = this.run.request.snowflake;
        if (!('use' in spec)) making({ kind: 'connection', ...since(step), ...shareable(spec), type: 'snowflake' });
        return this.run.call(() =>
          stepActivities.provideSnowflakeConnection.executeWithOptions(
            { summary: summaryOf('Snowflake connection', spec) },
            [{ step, spec }],
          ),
        );
      },
      outcome: (resource) => ({ resources: [{ kind: 'connection', ...resource }] }),
      piece: this.pieceOf(STEP.snowflakeConnection),
      made: madeBy,
    });
    const models = await allOf(
      Object.keys(this.run.request.models).map(async (key) => [key, await this.model(key, connection)] as const),
    );
    return { connection, models: new Map(models) };
  }

  private model(key: string, connection: Resource): Promise<ProvidedModel> {
    const id = STEP.model(key);
    const spec = () => this.piece(this.run.request.models[key], id);
    return this.run.step<ProvidedModel>(id, {
      work: (step, making) => {
        const { syncs } = this.run.request;
        const model = spec();
        if (!('use' in model)) {
          making({ kind: 'model', ...since(step), name: model.name, query: model.query, connection });
        }
        const columns = [...new Set(syncs.filter((sync) => sync.model === key).flatMap(columnsOf))];
        return this.run.call(() =>
          longActivities.provideModel.executeWithOptions({ summary: summaryOf('Model', model) }, [
            { step, spec: model, columns, connection },
          ]),
        );
      },
      outcome: ({ resource }) => ({ resources: [{ kind: 'model', ...resource }] }),
      piece: this.pieceOf(id),
      made: (entry, { resource }) => madeBy(entry, resource),
    });
  }

  private async linkedinBranch(): Promise<LinkedInBranch> {
    const provided = await this.run.step<ProvidedLinkedInConnection>(STEP.linkedinConnection, {
      work: (step, making) => {
        const { connection: spec } = this.run.request.linkedinAds;
        if (!('use' in spec)) making({ kind: 'connection', ...since(step), ...shareable(spec), type: 'linkedinads' });
        return this.run.call(() =>
          stepActivities.provideLinkedInConnection.executeWithOptions(
            { summary: summaryOf('LinkedIn Ads connection', spec) },
            [{ step, spec }],
          ),
        );
      },
      outcome: ({ resource }) => ({ resources: [{ kind: 'connection', ...resource }] }),
      piece: this.pieceOf(STEP.linkedinConnection),
      made: (entry, { resource }) => madeBy(entry, resource),
    });
    const { resource: connection } = provided;
    await this.run.step<string>(STEP.signIn, {
      work: () => this.signIn.wait(provided.authUrl),
      outcome: (note) => ({ note }),
      wakes: () => this.signIn.hasClaim,
    });
    const accounts = await this.run.step<EnabledAccounts>(STEP.adAccounts, {
      work: async (step, making) =>
        this.signIn.takeEnabled() ??
        this.choices.accounts(connection, () =>
          // With a connection that this run made, its accounts go too.
          connection.made ? () => undefined : making({ kind: 'accounts', ...since(step), connection }),
        ),
      outcome: ({ enabled }) => ({ note: shorten(enabled.map(({ label }) => label).join(', '), 200) }),
      piece: this.pieceOf(STEP.adAccounts),
      made: (entry, { added }) => {
        // What an earlier try added, besides these, nobody knows.
        if (entry.kind !== 'accounts' || entry.unclear) return entry;
        return added.length === 0 ? undefined : { ...entry, added };
      },
    });
    const audiences = await this.run.step<LinkedInBranch['audiences']>(STEP.audiences, {
      work: () => this.choices.inspect(connection, this.run.request.syncs, longActivities),
      outcome: () => ({}),
    });
    return { connection, accounts: accounts.enabled, audiences };
  }

  private syncs({ models }: SnowflakeBranch, linkedin: LinkedInBranch): Promise<CreatedSync[]> {
    const steps = this.run.progress.syncSteps;
    return allOf(
      steps.map(async (step, index) => {
        const created = await this.sync(step, index, models, linkedin);
        const firstExecution = await this.firstExecution(created, index);
        return firstExecution === undefined ? created : { ...created, firstExecution };
      }),
    );
  }

  private sync(
    id: string,
    index: number,
    models: ReadonlyMap<string, ProvidedModel>,
    { connection, audiences }: LinkedInBranch,
  ): Promise<CreatedSync> {
    const spec = () => this.piece(this.run.request.syncs[index], id);
    const model = () => this.piece(models.get(spec().model), id);
    return this.run.step<CreatedSync>(id, {
      work: async (step, making) => {
        const inspected = step.generation === 1 ? audiences[index] : null;
        audiences[index] = null;
        const audience = await this.choices.audience(id, spec(), connection, inspected ?? undefined);
        const { seen: _, ...chosen } = audience;
        this.run.state.chosen[id] = chosen;
        const sync = spec();
        making({
          kind: 'sync',
          ...since(step),
          name: sync.name,
          connection,
          model: model().resource,
          ...('create' in audience
            ? { audience: { name: audience.create.name, account: audience.create.account } }
            : {}),
        });
        const created = await this.run.call(() =>
          stepActivities.createSync.executeWithOptions({ summary: summaryOf('Sync', sync) }, [
            { step, sync, model: modelFor(sync, model()), connection, audience },
          ]),
        );
        return { ...created.resource, model: sync.model, audience: created.audience };
      },
      outcome: ({ audience, ...sync }) => ({
        resources: [
          { kind: 'audience', id: audience.id, name: audience.name, made: audience.made },
          { kind: 'sync', id: sync.id, name: sync.name, made: sync.made },
        ],
      }),
      piece: this.pieceOf(id),
      made: (entry, { audience, id: syncId, name, made }) => {
        const known = madeBy(entry, { id: syncId, name, made });
        return known?.kind === 'sync' && audience.made ? { ...known, madeAudience: audience } : known;
      },
    });
  }

  /** Starts the first execution and follows it, as far as the request says. */
  private firstExecution(sync: CreatedSync, index: number): Promise<FirstExecution> | undefined {
    const { firstRun } = this.run.settings;
    if (firstRun === 'none') return undefined;
    const id = this.piece(this.run.progress.executionSteps[index], 'first execution');
    return this.run.step<FirstExecution>(id, {
      work: async (step) => {
        const started = await this.run.call(() =>
          stepActivities.startFirstExecution.executeWithOptions({ summary: summaryOf('First execution', sync) }, [
            { step, sync },
          ]),
        );
        if (firstRun === 'start') return started;
        const execution = await this.run.call(() =>
          followingActivities.followExecution.executeWithOptions({ summary: summaryOf('Follow', sync) }, [
            { sync, executionId: started.id },
          ]),
        );
        this.warnOfFew(sync, execution);
        const { errors, ...rest } = execution;
        return errors === undefined ? rest : { ...rest, errors: linesWithin(errors, this.run.progress.roomOfStep) };
      },
      outcome: ({ status, counts }) => ({ note: countsText(status, counts) }),
    });
  }

  private warnOfFew({ audience, name }: CreatedSync, { counts }: FirstExecution): void {
    if (counts?.total === undefined) return;
    const sent = counts.total - (counts.error ?? 0);
    if (sent >= LEAST_MEMBERS) return;
    this.run.progress.warn(
      `Sync ${name} sent ${sent} records to audience ${audience.name}. LinkedIn serves an audience only with at least ${LEAST_MEMBERS} matched members, and takes 24 to 48 hours to match them.`,
    );
  }

  private checkRetry(retry: RetryStep): void {
    if (this.isEnding) throw refusal('The run is ending.');
    refuseOtherKeys(retry, ['step', 'change']);
    const blocked = this.run.progress.blockedSteps;
    // A list of one name reads like the name, and no step is found by it.
    const step = typeof retry.step === 'string' ? this.run.progress.find(retry.step) : undefined;
    if (step === undefined || step.state !== 'blocked') {
      const which = blocked.length === 0 ? 'none is' : `blocked: ${firstOf(blocked)}`;
      throw refusal(`Step ${named(retry.step)} is not blocked; ${which}.`);
    }
    if (retry.change === undefined || retry.change === null) return;
    const path = this.pieceOf(step.id);
    if (path === undefined)
      throw refusal(`Step ${step.id} has no piece of the request to change; leave out \`change\`.`);
    const parsed = parseChange(this.run.request, path, retry.change);
    if (!parsed.ok) throw refusal(faultsText(parsed.faults), INVALID_CHANGE, parsed.faults);
  }

  /** The change was checked when it was accepted; replay must not depend on today's schema. */
  private retryStep({ step, change }: RetryStep): { step: string; generation: number } {
    if (this.run.progress.of(step).state !== 'blocked') throw refusal('Somebody else has retried it already.');
    const path = this.pieceOf(step);
    if (change !== undefined && change !== null && path !== undefined) {
      this.run.state.request = replaced(this.run.request, path, change);
    }
    this.choices.forget(step);
    return { step, generation: this.run.progress.again(step) };
  }

  /** Which piece of the request a change to this step replaces. */
  private pieceOf(step: string): PiecePath | undefined {
    const { request, progress } = this.run;
    if (step === STEP.snowflakeConnection) return ['snowflake', 'connection'];
    if (step === STEP.linkedinConnection) return ['linkedinAds', 'connection'];
    if (step === STEP.adAccounts) return ['linkedinAds', 'accounts'];
    const model = Object.keys(request.models).find((key) => STEP.model(key) === step);
    if (model !== undefined) return ['models', model];
    const index = progress.syncSteps.indexOf(step);
    return index < 0 ? undefined : ['syncs', index];
  }

  private checkGiveUp(given: { reason?: string } | undefined): void {
    if (this.isEnding) throw refusal('The run is ending already.');
    if (given === undefined || given === null) return;
    refuseOtherKeys(given, ['reason']);
    const { reason } = given;
    if (reason !== undefined && (typeof reason !== 'string' || reason.length > MAX_REASON)) {
      throw refusal(`\`reason\` must be a text of at most ${MAX_REASON} characters.`, 'InvalidInput');
    }
  }

  private giveUp(reason: string | undefined): void {
    this.givenUp = `Given up${reason === undefined ? '' : `: ${reason}`}`;
    this.run.progress.warn(this.givenUp);
    this.scope.cancel();
  }

  /** Whether the run is about to end, or does so already: what is under way is waited for, and nothing else begins. */
  private get isEnding(): boolean {
    return this.run.ending || this.scope.consideredCancelled;
  }

  /** Ends the run: as cancelled, or with every failure and all that is left. A fault of this code is left as it is. */
  private async endingOf(error: unknown): Promise<unknown> {
    const cancelled = isCancellation(error) && this.givenUp === undefined;
    if (!(isCancellation(error) || error instanceof StepFailed || error instanceof WaitAbandoned)) return error;
    this.run.ending = true;
    if (this.run.settings.onFailure === 'undo') await this.undo();
    else await this.findKept();
    this.end(cancelled ? 'cancelled' : 'failed');
    const outcome = this.outcome();
    const left = outcome.leftBehind.map(({ kind, name, id }) => `${kind} ${name} (${id})`);
    const lines = [...outcome.failures.map((failure) => `${failure.step}: ${failure.message}`), ...outcome.notUndone];
    const message = `${shorten(lines.join('\n'))}\nLeft in Polytomic: ${firstOf(left) || 'nothing'}.`;
    this.run.notify({ event: cancelled ? 'cancelled' : 'failed', message });
    await this.closed();
    return cancelled ? error : ApplicationFailure.nonRetryable(message, FAILURE.provisioningFailed, outcome);
  }

  private outcome() {
    const outcome = this.run.progress.outcome();
    if (this.givenUp === undefined) return outcome;
    return { ...outcome, failures: [...outcome.failures, { step: 'run', type: 'GivenUp', message: this.givenUp }] };
  }

  private async undo(): Promise<void> {
    const { progress, state } = this.run;
    progress.undo();
    await undoAll(state.undo, (entry, { undone, left }) => {
      if (undone !== undefined) {
        state.undone.push(undone);
        progress.undone(entry.step, undone);
      }
      state.notUndone.push(...left);
      // A run that is cancelled has no failure to tell it.
      for (const line of left) progress.warn(line);
      if (left.length === 0) state.undo = state.undo.filter((one) => one !== entry);
    });
  }

  /** Whoever keeps what the run made is to know all of it, also what was being made when an answer was lost. */
  private async findKept(): Promise<void> {
    const { progress, state } = this.run;
    await findAllKept(state.undo, (entry, { found, left }) => {
      if (found !== undefined) {
        const made = { id: found.id, name: found.name, made: true };
        progress.found(entry.step, { kind: found.kind, ...made });
        state.undo = state.undo.map((one) => (one === entry && one.kind !== 'accounts' ? { ...one, made } : one));
      }
      state.notUndone.push(...left);
      for (const line of left) progress.warn(line);
    });
  }

  private end(how: 'completed' | 'failed' | 'cancelled'): void {
    this.run.ending = true;
    this.run.progress.end(how);
  }

  /** Nobody who asks or is told is left without an answer. */
  private async closed(): Promise<void> {
    await this.run.noticesDelivered();
    await condition(allHandlersFinished);
  }

  private piece<T>(piece: T | undefined, step: string): T {
    if (piece === undefined) throw new TypeError(`${step} has lost its piece of the request`);
    return piece;
  }
}

/** Waits until every one has settled, so that nothing under way is left unknown; then fails as a cancelled one or the first did. */
async function allOf<T extends readonly unknown[]>(work: { [K in keyof T]: Promise<T[K]> }): Promise<T>;
async function allOf<T>(work: Array<Promise<T>>): Promise<T[]> {
  const settled = await Promise.allSettled(work);
  const reasons = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  if (reasons.length > 0) throw reasons.find(isCancellation) ?? reasons[0];
  return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}

/** The model as one of its syncs needs to know it: each sync is told of its own columns, or all would be told of all. */
function modelFor(sync: SyncRequest, { resource, columns }: ProvidedModel): ProvidedModel {
  const read = columnsOf(sync);
  return { resource, columns: columns.filter((column) => read.includes(column)) };
}

/** Since when what a step makes is its own. */
function since({ step }: StepContext): { step: string; since: string } {
  return { step, since: new Date().toISOString() };
}

/** Under which name a connection is made, and whether others may share it. */
function shareable({ name, orUse }: { name: string; orUse?: boolean | undefined }): { name: string; shared?: true } {
  return { name, ...(orUse ? { shared: true } : {}) };
}

/** The entry with what was made; nothing to undo where it was there before. */
function madeBy(entry: UndoEntry, resource: Resource): UndoEntry | undefined {
  if (!resource.made || entry.kind === 'accounts') return undefined;
  return { ...entry, made: { id: resource.id, name: resource.name, made: true } };
}

function countsText(status: string, counts: FirstExecution['counts']): string {
  const shown = Object.entries(counts ?? {}).flatMap(([what, count]) =>
    count === 0 && what !== 'total' ? [] : [`${what} ${count}`],
  );
  return [status, ...shown].join(', ');
}

/** One line for the Web UI. Temporal takes 400 bytes. */
function summaryOf(what: string, spec: { use: string } | { name: string }): string {
  return shorten(`${what} “${'use' in spec ? spec.use : spec.name}”`, 100);
}
