/**
 * The walkthrough as a workflow: two branches side by side, which meet at the syncs.
 *
 *   Snowflake connection ─> models ──────────────────────────────────────────┐
 *   LinkedIn connection ─> WAIT for sign-in ─> ad accounts ─> audiences ─────┴─> syncs
 */
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  condition,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/activities.ts';
import type { InspectedAudience } from '../activities/audiences.ts';
import type { StepContext } from '../activities/create-once.ts';
import type { ProvidedLinkedInConnection } from '../activities/linkedin-connection.ts';
import type { ProvidedModel } from '../activities/models.ts';
import { columnsOf, type ModelRequest, type ProvisioningRequest, parseRequest } from '../request/schema.ts';
import { PROVISIONING_STAGE } from '../temporal/search-attributes.ts';
import { currentDetails } from './current-details.ts';
import {
  type AdAccount,
  FAILURE,
  oauthCompletedSignal,
  type ProvisioningResult,
  type Resource,
  type Stage,
  type StepFailure,
  statusQuery,
} from './messages.ts';
import { type Outcome, Progress, STEP } from './progress.ts';

/**
 * One attempt makes a few calls of at most 15 s each; a lost attempt is noticed when this runs out, so it is kept close.
 * Attempts are not limited: what cannot succeed says so itself, and an outage may last a night.
 */
const STEP_OPTIONS = {
  startToCloseTimeout: '45 seconds',
  // Said, since the SDK's documented default is not its real one: a run that is cancelled waits for a create under way, else
  // nobody would know what it made.
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
} as const;
const activities = proxyActivities<Activities>(STEP_OPTIONS);
/** A model's query may take many minutes: the heartbeat, not the time-out, tells that the worker is alive. */
const longActivities = proxyActivities<Activities>({
  ...STEP_OPTIONS,
  startToCloseTimeout: '1 hour',
  heartbeatTimeout: '20 seconds',
});
const { searchAttributesRegistered } = proxyLocalActivities<Activities>({
  startToCloseTimeout: '5 seconds',
  retry: { maximumAttempts: 2 },
});

/** How much of a failure's message is kept, in characters: a query engine's can quote the whole query. */
const MAX_MESSAGE = 4000;

/** Makes a LinkedIn Ads audience fed from a Snowflake query. Input: a request as docs/request.md describes it. */
export async function AudienceProvisioning(input: ProvisioningRequest): Promise<ProvisioningResult> {
  const run = new Provisioning();
  const request = run.accept(input);
  return run.provision(request);
}

/** A step failed for good, and is recorded in the progress; its branch goes no further. */
class StepFailed extends Error {
  override readonly name = 'StepFailed';
}

/** A wait for a person ended because the run will fail anyway: nobody is asked to sign in for nothing. */
class WaitAbandoned extends Error {
  override readonly name = 'WaitAbandoned';
}

interface SnowflakeBranch {
  connection: Resource;
  models: ReadonlyMap<string, ProvidedModel>;
}

interface LinkedInBranch {
  connection: Resource;
  accounts: AdAccount[];
  /** In the order of the request's syncs. */
  audiences: InspectedAudience[];
}

class Provisioning {
  private readonly progress = new Progress(workflowInfo().startTime, () => this.show());
  private claims = 0;
  private failing = false;
  private searchable = false;
  private publishedStage: Stage | undefined;

  constructor() {
    setHandler(statusQuery, () => this.progress.status(), {
      description: 'Where the run stands: its stage, each step with what it made, and whom it waits for.',
    });
    setHandler(
      oauthCompletedSignal,
      () => {
        this.claims += 1;
      },
      {
        description:
          'Say that the LinkedIn sign-in is done. No input needed: the run asks Polytomic whether it is there.',
      },
    );
  }

  /** Refuses a bad request with all of its faults, however the run was started. Echoes no value of it. */
  accept(input: unknown): ProvisioningRequest {
    const parsed = parseRequest(input);
    if (parsed.ok) return parsed.request;
    this.progress.end('failed');
    const faults = parsed.faults.map(({ path, message }) => ({ path, message }));
    const list = faults.map(({ path, message }) => `${path.join('.') || '(request)'}: ${message}`).join('\n');
    throw ApplicationFailure.nonRetryable(
      shorten(`The request is not valid:\n${list}`),
      FAILURE.invalidRequest,
      faults,
    );
  }

  async provision(request: ProvisioningRequest): Promise<ProvisioningResult> {
    this.progress.plan(request);
    const publishing = this.publishStages();
    try {
      const [snowflake, linkedin] = await allOf([this.snowflakeBranch(request), this.linkedinBranch(request)]);
      const syncs = await this.createSyncs(request, snowflake, linkedin);
      await publishing;
      this.progress.end('completed');
      return {
        name: request.name,
        snowflakeConnection: snowflake.connection,
        linkedinConnection: linkedin.connection,
        adAccounts: linkedin.accounts,
        models: Object.fromEntries([...snowflake.models].map(([key, { resource }]) => [key, resource])),
        syncs,
        warnings: this.progress.warnings,
      };
    } catch (error) {
      await CancellationScope.nonCancellable(() => publishing);
      throw this.endingOf(error);
    }
  }

  private async snowflakeBranch(request: ProvisioningRequest): Promise<SnowflakeBranch> {
    const { connection: spec } = request.snowflake;
    const connection = await this.step(
      STEP.snowflakeConnection,
      (step) =>
        activities.provideSnowflakeConnection.executeWithOptions({ summary: summaryOf('Snowflake connection', spec) }, [
          { step, spec },
        ]),
      (resource) => ({ resources: [{ kind: 'connection', ...resource }] }),
    );
    const models = await allOf(
      Object.entries(request.models).map(async ([key, model]) => {
        const columns = [...new Set(request.syncs.filter((sync) => sync.model === key).flatMap(columnsOf))];
        return [key, await this.provideModel(key, model, columns, connection)] as const;
      }),
    );
    return { connection, models: new Map(models) };
  }

  private provideModel(
    key: string,
    spec: ModelRequest,
    columns: string[],
    connection: Resource,
  ): Promise<ProvidedModel> {
    return this.step(
      STEP.model(key),
      (step) =>
        longActivities.provideModel.executeWithOptions({ summary: summaryOf('Model', spec) }, [
          { step, spec, columns, connection },
        ]),
      ({ resource }) => ({ resources: [{ kind: 'model', ...resource }] }),
    );
  }

  private async linkedinBranch(request: ProvisioningRequest): Promise<LinkedInBranch> {
    const { connection: spec, accounts: wanted } = request.linkedinAds;
    const provided = await this.step(
      STEP.linkedinConnection,
      (step) =>
        activities.provideLinkedInConnection.executeWithOptions(
          { summary: summaryOf('LinkedIn Ads connection', spec) },
          [{ step, spec }],
        ),
      ({ resource }) => ({ resources: [{ kind: 'connection', ...resource }] }),
    );
    const connection = provided.resource;
    const mayReconnect = connection.made || spec.reconnect === 'allowed';
    await this.step(
      STEP.signIn,
      () => this.signIn(provided, mayReconnect),
      (note) => ({ note }),
    );
    const accounts = await this.step(
      STEP.adAccounts,
      () =>
        activities.enableAdAccounts.executeWithOptions({ summary: 'Enable the ad accounts' }, [{ connection, wanted }]),
      (enabled) => ({ note: shorten(enabled.map(({ label }) => label).join(', '), 200) }),
    );
    const audiences = await this.step(
      STEP.audiences,
      () =>
        activities.inspectAudiences.executeWithOptions({ summary: 'Look at the audiences there are' }, [
          { connection, syncs: request.syncs, firstRunId: workflowInfo().firstExecutionRunId },
        ]),
      () => ({}),
    );
    return { connection, accounts, audiences };
  }

  /**
   * Waits for a person's sign-in for as long as it takes. A claim that it is done is only a hint: Polytomic is asked, and
   * a false one changes nothing. Claims made before the wait, or while a check is running, are kept. Returns what came of it.
   */
  private async signIn({ resource, authUrl }: ProvidedLinkedInConnection, mayReconnect: boolean): Promise<string> {
    const verify = () =>
      activities.verifySignIn.executeWithOptions({ summary: 'Ask Polytomic whether the sign-in is there' }, [
        { connection: resource },
      ]);
    if (authUrl === undefined && (await verify()).state === 'signed_in') return 'was signed in already';

    const url = authUrl ?? (mayReconnect ? await this.freshSignInLink(resource) : undefined);
    const hint = `Sign in to LinkedIn on connection ${resource.name} in Polytomic; with reconnect: allowed there would be a link here.`;
    this.progress.askForSignIn(url === undefined ? { hint } : { url }, new Date());

    for (let checked = 0; ; ) {
      await condition(() => this.claims > checked || this.failing);
      if (this.claims === checked) throw new WaitAbandoned('not waited for, since another step failed');
      checked = this.claims;
      const check = await verify();
      if (check.state === 'signed_in') return 'signed in';
      this.progress.signInMissing(checked, check.reason, new Date());
    }
  }

  private freshSignInLink(connection: Resource): Promise<string> {
    return activities.startSignIn.executeWithOptions({ summary: 'Get a sign-in link' }, [{ connection }]);
  }

  private createSyncs(
    request: ProvisioningRequest,
    { models }: SnowflakeBranch,
    { connection, audiences }: LinkedInBranch,
  ): Promise<ProvisioningResult['syncs']> {
    return allOf(
      request.syncs.map(async (sync, i) => {
        const model = models.get(sync.model);
        const audience = audiences[i];
        if (model === undefined || audience === undefined)
          throw new TypeError(`sync ${sync.name} has lost its model or audience`);
        const created = await this.step(
          STEP.sync(sync.name),
          (step) =>
            activities.createSync.executeWithOptions({ summary: `Sync ${sync.name}` }, [
              { step, sync, model, connection, audience },
            ]),
          (made) => ({
            resources: [
              { kind: 'audience', ...made.audience },
              { kind: 'sync', ...made.resource },
            ],
          }),
        );
        return { ...created.resource, model: sync.model, audience: created.audience };
      }),
    );
  }

  /** Runs one step: shows it while it runs, keeps what came of it, and turns its failure into a line of the progress. */
  private async step<T>(
    id: string,
    work: (context: StepContext) => Promise<T>,
    outcome: (result: T) => Outcome,
  ): Promise<T> {
    this.progress.running(id);
    try {
      const result = await work({ step: id, firstRunId: workflowInfo().firstExecutionRunId, generation: 1 });
      this.progress.done(id, outcome(result));
      return result;
    } catch (error) {
      if (error instanceof WaitAbandoned) {
        this.progress.abandoned(id, error.message);
      } else if (error instanceof ActivityFailure && !isCancellation(error)) {
        this.failing = true;
        this.progress.failed(failureOf(id, error));
        throw new StepFailed(id);
      }
      throw error;
    }
  }

  /** Ends the run: as cancelled, or with every failure and every id made so far. A fault of this code is left as it is. */
  private endingOf(error: unknown): unknown {
    if (isCancellation(error)) {
      this.progress.end('cancelled');
      return error;
    }
    if (!(error instanceof StepFailed || error instanceof WaitAbandoned)) return error;
    this.progress.end('failed');
    const outcome = this.progress.outcome();
    const reasons = outcome.failures.map(({ step, message }) => `${step}: ${message}`);
    const left = outcome.leftBehind.map(({ kind, name, id }) => `${kind} ${name} (${id})`);
    const message = [...reasons, `Left in Polytomic: ${left.join(', ') || 'nothing'}.`].join('\n');
    return ApplicationFailure.nonRetryable(shorten(message), FAILURE.provisioningFailed, outcome);
  }

  /** From now on the stage is kept in a search attribute, if the namespace has it. Never fails: a run works without. */
  private async publishStages(): Promise<void> {
    try {
      this.searchable = await searchAttributesRegistered();
    } catch (error) {
      if (isCancellation(error)) return;
    }
    if (this.searchable) this.show();
    else
      this.progress.warn(
        `Search attribute ${PROVISIONING_STAGE.name} is not registered: run \`audience setup\` to list runs by stage.`,
      );
  }

  private show(): void {
    const { stage } = this.progress;
    setCurrentDetails(currentDetails(this.progress.status()));
    if (!this.searchable || stage === this.publishedStage) return;
    this.publishedStage = stage;
    upsertSearchAttributes([{ key: PROVISIONING_STAGE, value: stage }]);
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

function failureOf(step: string, failure: ActivityFailure): StepFailure {
  const { cause } = failure;
  const type = cause instanceof ApplicationFailure ? (cause.type ?? 'Error') : (cause?.name ?? 'Error');
  return { step, type, message: shorten(cause?.message ?? failure.message) };
}

function summaryOf(what: string, spec: { use: string } | { name: string }): string {
  return shorten(`${what} ${'use' in spec ? spec.use : spec.name}`, 100);
}

function shorten(text: string, max = MAX_MESSAGE): string {
  return text.length > max ? `${text.slice(0, max - 1)}…` : text;
}
