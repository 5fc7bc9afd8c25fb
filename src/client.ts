/**
 * What a service imports to have LinkedIn Ads audiences made: start a provisioning, see where it stands, say that the
 * sign-in is done, wait for the result. Talks to Temporal only; the work is done by workers (`worker.ts`).
 */
import {
  type Client,
  isGrpcServiceError,
  QueryNotRegisteredError,
  WorkflowExecutionAlreadyStartedError,
  type WorkflowExecutionDescription,
  WorkflowFailedError,
  type WorkflowHandleWithFirstExecutionRunId,
  WorkflowNotFoundError,
  type WorkflowStartOptions,
  WorkflowUpdateFailedError,
  type WorkflowUpdateHandle,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure, TerminatedFailure, type UpdateDefinition } from '@temporalio/common';
import { requiredTsToDate } from '@temporalio/common/lib/time.js';
import {
  EndedBeforeError,
  InvalidRequestError,
  NoAnswerError,
  NotFoundError,
  ProvisioningEndedError,
  RefusedError,
  RequestDiffersError,
} from './client/errors.ts';
import {
  attributesOf,
  type ProvisioningReport,
  type ProvisioningSummary,
  reportOf,
  summaryOf,
} from './client/report.ts';
import { requestDetails } from './client/request-details.ts';
import { isReplayFailure, replayFailureOf, resetPointOf } from './client/reset-point.ts';
import { requestDifference, requestDigest } from './request/digest.ts';
import { type Fault, type ProvisioningRequest, parseRequest } from './request/schema.ts';
import { connectClient, temporalSettings } from './temporal/connection.ts';
import { decodedHistory } from './temporal/history.ts';
import { untilRegistered } from './temporal/register-search-attributes.ts';
import { BLOCKED_STEP, PROVISIONING_STAGE, REQUESTER } from './temporal/search-attributes.ts';
import { taskQueueOf } from './worker-settings.ts';
import type { AudienceProvisioning } from './workflows/audience-provisioning.ts';
import type { AudienceUndo } from './workflows/audience-undo.ts';
import {
  type AdAccount,
  type Choices,
  type ChooseAudience,
  chooseAudienceUpdate,
  FAILURE,
  type FindChoices,
  findChoicesUpdate,
  giveUpUpdate,
  INVALID_CHANGE,
  type KindOfResource,
  type ListedStage,
  oauthCompletedSignal,
  type ProvisioningFailure,
  type ProvisioningResult,
  type ProvisioningStatus,
  type RetryStep,
  refreshSignInLinkUpdate,
  retryStepUpdate,
  type SignInLink,
  type Stage,
  selectAccountsUpdate,
  signInLinkUpdate,
  statusQuery,
  UNDO_WORKFLOW_TYPE,
  type UndoResult,
  undoStatusQuery,
  undoWorkflowIdOf,
  WORKFLOW_TYPE,
  WORKING,
  workflowIdOf,
} from './workflows/messages.ts';

export {
  EndedBeforeError,
  InvalidRequestError,
  NoAnswerError,
  NotFoundError,
  ProvisioningEndedError,
  RefusedError,
  RequestDiffersError,
} from './client/errors.ts';
export type { ExecutionState, PendingActivity, ProvisioningReport, ProvisioningSummary } from './client/report.ts';
export type { Notice, NoticeEvent } from './notices/notice.ts';
export { NOTICE_HEADERS, verifyNotice } from './notices/signature.ts';
export type { Fault, ProvisioningRequest } from './request/schema.ts';
export { TemporalSettingsError, TemporalUnreachableError } from './temporal/connection.ts';
export type {
  AdAccount,
  Choice,
  Choices,
  ChooseAudience,
  FindChoices,
  FirstExecution,
  KindOfResource,
  ListedStage,
  ProvisioningResult,
  ProvisioningStatus,
  Question,
  Resource,
  ResourceKind,
  RetryStep,
  SignInLink,
  SignInStatus,
  Stage,
  StepFailure,
  StepState,
  StepStatus,
  UndoResult,
} from './workflows/messages.ts';

/** How long a worker may take to answer a query before it is said to be silent, in ms. */
const QUERY_DEADLINE_MS = 2_500;

/**
 * How long a worker may take to accept an update, or to begin an undo, in ms. Temporal looks for the worker that had the run
 * last for up to ten seconds, before it asks another.
 */
const ACCEPTANCE_DEADLINE_MS = 15_000;

/** How long an update that was accepted may take, in ms: it may ask Polytomic, and try again for a minute. */
const UPDATE_DEADLINE_MS = 75_000;

/** How often a watch looks, in ms, unless told otherwise. */
const WATCH_INTERVAL_MS = 1_000;

/** How much of a history's end is read to see why a run stands still, in events. */
const HISTORY_END = 100;

/** `RESET_REAPPLY_TYPE_ALL_ELIGIBLE` of Temporal's API: signals, updates and a wish to cancel. */
const REAPPLY_ALL = 3;

/** The stages in which a run has ended. */
const ENDINGS: ReadonlySet<Stage | ListedStage> = new Set(['completed', 'failed', 'cancelled']);

/** gRPC status codes of Temporal's API that are told apart here. */
const GRPC = { cancelled: 1, invalidArgument: 3, deadlineExceeded: 4, failedPrecondition: 9, unavailable: 14 } as const;

/** What came of asking for a start. `joined`: one of this name with the same request runs, or has completed, already. */
export interface StartOutcome {
  outcome: 'started' | 'joined';
  name: string;
  workflowId: string;
  runId: string;
}

/** Where a run went on from that stood still. */
export interface Recovery {
  name: string;
  /** The id under which it goes on. */
  runId: string;
  /** The event of its history that it went back to. */
  eventId: number;
  /** When that was, RFC 3339. */
  at: string;
  /** What the worker said that could not replay the history. */
  failure: string;
}

/** Which provisionings to list. */
export interface ListFilter {
  stage?: ListedStage;
  requester?: string;
  blocked?: boolean;
  limit?: number;
}

/** Starts and follows provisionings in one Temporal namespace. Make it with {@link connectAudienceClient}. */
export class AudienceClient {
  private readonly temporal: Client;
  private readonly taskQueue: string;
  /** Whether the namespace has our search attributes. */
  private readonly registered: () => Promise<boolean>;

  /** For a service that has a Temporal client already; else see {@link connectAudienceClient}. */
  constructor({ temporal, taskQueue }: { temporal: Client; taskQueue: string }) {
    this.temporal = temporal;
    this.taskQueue = taskQueue;
    this.registered = untilRegistered(temporal.connection, temporal.options.namespace);
  }

  /**
   * Starts a provisioning under the request's name, or joins the one that runs, or has completed, with the same request.
   * `again` allows a start after one that failed, was cancelled, terminated or timed out.
   *
   * @throws InvalidRequestError with all faults, before anything is started.
   * @throws RequestDiffersError if one of this name runs, or has completed, with another request.
   * @throws EndedBeforeError if one of this name ended otherwise, without `again`.
   */
  async start(input: ProvisioningRequest, { again = false }: { again?: boolean } = {}): Promise<StartOutcome> {
    const parsed = parseRequest(input);
    if (!parsed.ok) throw new InvalidRequestError(parsed.faults);
    const { request } = parsed;
    const { name } = request;
    const workflowId = workflowIdOf(name);
    const digest = requestDigest(request);
    const options: WorkflowStartOptions<typeof AudienceProvisioning> = {
      workflowId,
      taskQueue: this.taskQueue,
      args: [request],
      memo: { name, requestDigest: digest },
      staticSummary: `LinkedIn Ads audience ${name}`,
      staticDetails: requestDetails(request),
      workflowIdReusePolicy: again ? 'ALLOW_DUPLICATE_FAILED_ONLY' : 'REJECT_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
    };
    try {
      const handle = await this.startListed(options, request);
      return { outcome: 'started', name, workflowId, runId: handle.firstExecutionRunId };
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
    const description = await this.describe(name);
    const { state, runId } = summaryOf(description);
    if (state !== 'running' && state !== 'completed')
      throw new EndedBeforeError(name, state, await this.leftBehind(name));
    // One that was started from outside has no digest; its input tells as well.
    const same = description.memo?.['requestDigest'] === digest;
    const difference = same ? [] : await this.differenceFrom(description, request);
    if (difference.length > 0) throw new RequestDiffersError(name, state, difference);
    return { outcome: 'joined', name, workflowId, runId };
  }

  /** With the search attributes from the first moment on, where the namespace has all of them: else the run would have to ask, and set them. */
  private async startListed(
    options: WorkflowStartOptions<typeof AudienceProvisioning>,
    { requester }: ProvisioningRequest,
  ): Promise<WorkflowHandleWithFirstExecutionRunId> {
    const typedSearchAttributes = [
      { key: PROVISIONING_STAGE, value: WORKING },
      ...(requester === undefined ? [] : [{ key: REQUESTER, value: requester }]),
    ];
    // Whoever may not ask starts without them.
    const registered = await this.registered().catch(() => false);
    try {
      if (registered) return await this.temporal.workflow.start(WORKFLOW_TYPE, { ...options, typedSearchAttributes });
    } catch (error) {
      // A cluster may need some seconds until all of it has heard of a new attribute.
      if (grpcCode(error) !== GRPC.invalidArgument) throw error;
    }
    return this.temporal.workflow.start(WORKFLOW_TYPE, options);
  }

  /**
   * Where it stands: what the run says of itself, and what Temporal knows of its activities, so that an outage shows. If no
   * worker answers within a few seconds, it says so and shows the rest.
   *
   * @throws NotFoundError
   */
  async status(name: string): Promise<ProvisioningReport> {
    const ask = () => this.found(name, () => this.ask(name));
    const [description, answer] = await Promise.all([this.describe(name), ask()]);
    // It may have ended between the two answers. What it says of itself then must not be older than its end.
    const ended = summaryOf(description).state !== 'running';
    const outrun = ended && 'status' in answer && !ENDINGS.has(answer.status.stage);
    if (outrun) return reportOf(description, await ask());
    if ('status' in answer || ended) return reportOf(description, answer);
    const { problem, replayFailure = await this.replayFailure(description) } = answer;
    return reportOf(description, {
      problem: replayFailure === undefined ? problem : standstillText(name, replayFailure),
    });
  }

  /**
   * The report now, and again whenever it has changed; ends with the one of the run's end, or when `signal` aborts.
   * `intervalMs` is how often it looks, in ms; default 1000.
   *
   * @throws NotFoundError
   */
  async *watch(
    name: string,
    { intervalMs = WATCH_INTERVAL_MS, signal }: { intervalMs?: number; signal?: AbortSignal } = {},
  ): AsyncGenerator<ProvisioningReport, void, undefined> {
    for (let last = ''; signal?.aborted !== true; ) {
      const report = await this.status(name);
      const text = JSON.stringify(report);
      if (text !== last) yield report;
      last = text;
      if (report.state !== 'running') return;
      await pause(intervalMs, signal);
    }
  }

  /**
   * Says that the LinkedIn sign-in is done. The run asks Polytomic whether that is true, and goes on waiting if not.
   *
   * @throws NotFoundError also if the run has ended.
   */
  async completeSignIn(name: string): Promise<void> {
    await this.mustRun(name);
    await this.found(name, () => this.temporal.workflow.getHandle(workflowIdOf(name)).signal(oauthCompletedSignal));
  }

  /**
   * Where to sign in; a fresh link if the one there is has become too old, or if `fresh` asks for one. Older ones stop
   * working then.
   *
   * @throws NotFoundError, RefusedError (nobody is asked to sign in now), NoAnswerError
   */
  signInLink(name: string, { fresh = false }: { fresh?: boolean } = {}): Promise<SignInLink> {
    return this.update(name, fresh ? refreshSignInLinkUpdate : signInLinkUpdate, []);
  }

  /**
   * Chooses the ad accounts, by label or value, or all. Before it is asked, the answer is kept.
   *
   * @throws NotFoundError, RefusedError (with what is allowed), NoAnswerError
   */
  selectAccounts(name: string, accounts: 'all' | string[]): Promise<AdAccount[] | 'kept until it is asked'> {
    return this.update(name, selectAccountsUpdate, [{ accounts }]);
  }

  /**
   * Chooses the audience that a sync writes to: one that exists, or one to make. Before it is asked, the answer is kept.
   *
   * @throws NotFoundError, RefusedError (with what is allowed), NoAnswerError
   */
  chooseAudience(name: string, choice: ChooseAudience): Promise<string> {
    return this.update(name, chooseAudienceUpdate, [choice]);
  }

  /**
   * What there is to choose from for a step, as far as it has the words of `search`; the first of it, and how much it is.
   *
   * @throws NotFoundError, RefusedError, NoAnswerError
   */
  findChoices(name: string, wanted: FindChoices): Promise<Choices> {
    return this.update(name, findChoicesUpdate, [wanted]);
  }

  /**
   * Tries a blocked step again. `change` replaces the step's piece of the request, in the words of a request.
   *
   * @throws NotFoundError, RefusedError (it is not blocked; or what is wrong with the change), NoAnswerError
   */
  retryStep(name: string, retry: RetryStep): Promise<{ step: string; generation: number }> {
    return this.update(name, retryStepUpdate, [retry]);
  }

  /**
   * Ends the run as failed. What it made is kept or undone, as the request's `options.onFailure` says.
   *
   * @throws NotFoundError, RefusedError, NoAnswerError
   */
  giveUp(name: string, { reason }: { reason?: string } = {}): Promise<void> {
    return this.update(name, giveUpUpdate, [reason === undefined ? undefined : { reason }]);
  }

  /**
   * Lets a run go on that stands still since no worker can replay its history: goes back to before the event at which they fail.
   * What people said since is said again by Temporal, and what comes too early then is asked for once more; what was made since is
   * met again, not made twice. If workers of another version have taken it up, start the right ones instead: that cannot be told
   * from here.
   *
   * @throws NotFoundError also if the run has ended.
   * @throws RefusedError if it does not stand still for that reason.
   * @throws NoAnswerError if no worker is there to tell.
   */
  async recover(name: string): Promise<Recovery> {
    const { runId, historyLength } = await this.mustRun(name);
    const execution = { workflowId: workflowIdOf(name), runId };
    const history = await this.found(name, () =>
      this.temporal.workflow.getHandle(execution.workflowId, runId).fetchHistory(),
    );
    const events = history.events ?? [];
    const failure = replayFailureOf(events) ?? (await this.replayFailureOfQuery(name));
    const fine = `Provisioning “${name}” does not stand still for a history that no worker can read. \`audience status ${name}\` tells what it waits for.`;
    if (failure === undefined) throw new RefusedError(fine);
    const point = resetPointOf(events, failure);
    if (point === undefined) {
      throw new RefusedError(
        `No worker can read the history of “${name}”, but what they say names no point to go back to (${failure}). Choose one by *Reset* in the Temporal Web UI.`,
      );
    }
    // Temporal would reset one that goes on, or has completed, as well.
    const now = await this.mustRun(name);
    if (now.runId !== runId || now.historyLength !== historyLength) throw new RefusedError(fine);
    const reset = await this.temporal.workflowService.resetWorkflowExecution({
      namespace: this.namespace,
      workflowExecution: execution,
      reason: `audience recover: ${failure}`,
      workflowTaskFinishEventId: point.eventId ?? null,
      // Two who recover it at once recover it once.
      requestId: `audience-recover-${runId}`,
      resetReapplyType: REAPPLY_ALL,
    });
    return {
      name,
      runId: reset.runId,
      eventId: Number(point.eventId),
      at: requiredTsToDate(point.eventTime, 'eventTime').toISOString(),
      failure,
    };
  }

  /**
   * Deletes what a run left that was terminated, failed, was cancelled or timed out, by a workflow of its own, and waits for
   * its end, which an outage of Polytomic may put off for a day. Again is no harm. What cannot be deleted is told.
   *
   * @throws NotFoundError
   * @throws RefusedError if it still runs, or has completed.
   * @throws NoAnswerError if no worker begins with it. One that comes later does it all the same.
   */
  async undo(name: string): Promise<UndoResult> {
    const description = await this.describe(name);
    const { workflowId, runId } = description;
    const { state } = summaryOf(description);
    if (state === 'running') throw new RefusedError(`Provisioning “${name}” still runs: cancel it, or give it up.`);
    if (state === 'completed') throw new RefusedError(`Provisioning “${name}” has completed: what it made is in use.`);
    try {
      const undo = await this.temporal.workflow.start<typeof AudienceUndo>(UNDO_WORKFLOW_TYPE, {
        workflowId: undoWorkflowIdOf(name),
        taskQueue: this.taskQueue,
        args: [{ workflowId, runId }],
        staticSummary: `Undo of LinkedIn Ads audience ${name}`,
        workflowIdConflictPolicy: 'USE_EXISTING',
      });
      await this.temporal.withDeadline(Date.now() + ACCEPTANCE_DEADLINE_MS, () => undo.query(undoStatusQuery));
      return await undo.result();
    } catch (error) {
      if (isSilence(error)) throw new NoAnswerError(name, this.taskQueue);
      throw error instanceof WorkflowFailedError ? refusedBy(error) : error;
    }
  }

  /**
   * Waits for the end and returns what was made.
   *
   * @throws NotFoundError
   * @throws ProvisioningEndedError if it ends without a result, with every failed step and what is left behind.
   */
  async result(name: string): Promise<ProvisioningResult> {
    try {
      return await this.found(name, () =>
        this.temporal.workflow.getHandle<typeof AudienceProvisioning>(workflowIdOf(name)).result(),
      );
    } catch (error) {
      if (!(error instanceof WorkflowFailedError)) throw error;
      const { state } = summaryOf(await this.describe(name));
      const { cause } = error;
      // One that was recovered goes on under another run id.
      if (state === 'running' && cause instanceof TerminatedFailure) return this.result(name);
      throw new ProvisioningEndedError(name, state, {
        reason: cause?.message ?? error.message,
        failures: failureDetails(error)?.failures ?? [],
        leftBehind: await this.leftBehind(name),
      });
    }
  }

  /**
   * The provisionings there are, newest first. `stage` chooses those that stand there now, or ended so; `requester` whose
   * they are; `blocked` those with a step that waits to be mended. At most `limit`, default 100. Temporal's list may lag
   * behind by some seconds.
   */
  async list({ stage, requester, blocked, limit = 100 }: ListFilter = {}): Promise<ProvisioningSummary[]> {
    const summaries: ProvisioningSummary[] = [];
    // One that was terminated while it waited keeps the search attribute, and waits no more.
    const open = stage === undefined || ENDINGS.has(stage) ? '' : ` AND ExecutionStatus = 'Running'`;
    const filters = [
      ...(stage === undefined ? [] : [`${PROVISIONING_STAGE.name} IN (${attributesOf(stage)})${open}`]),
      ...(requester === undefined ? [] : [requesterFilter(requester)]),
      ...(blocked ? [`${BLOCKED_STEP.name} IS NOT NULL AND ExecutionStatus = 'Running'`] : []),
    ];
    // A run that continued as new is told by the one that it goes on as.
    const ours = `WorkflowType = '${WORKFLOW_TYPE}' AND ExecutionStatus != 'ContinuedAsNew'`;
    const query = [ours, ...filters].join(' AND ');
    try {
      for await (const execution of this.temporal.workflow.list({ query, pageSize: Math.min(limit, 1000) })) {
        if (summaries.length >= limit) break;
        const summary = summaryOf(execution);
        if (requester === undefined || summary.requester === requester) summaries.push(summary);
      }
    } catch (error) {
      if (filters.length === 0 || grpcCode(error) !== GRPC.invalidArgument) throw error;
      throw new Error(
        `Listing by stage, requester or blocked step needs search attributes, which namespace ${this.namespace} does not have. Run \`audience setup\` once.`,
        { cause: error },
      );
    }
    return summaries;
  }

  /**
   * Asks the run to stop. It ends as cancelled once its calls under way are through; what it made is kept or undone, as the
   * request's `options.onFailure` says.
   *
   * @throws NotFoundError also if the run has ended.
   */
  async cancel(name: string): Promise<void> {
    // Temporal takes a request to cancel what has ended, and does nothing.
    await this.mustRun(name);
    await this.found(name, () => this.temporal.workflow.getHandle(workflowIdOf(name)).cancel());
  }

  /** Closes the connection to Temporal, if this client owns it. */
  async close(): Promise<void> {
    await this.temporal.connection.close();
  }

  /** Sends an update and waits for its answer. A worker must be there: an update that none takes is not kept. */
  private async update<Result, Args extends unknown[]>(
    name: string,
    definition: UpdateDefinition<Result, Args>,
    args: Args,
  ): Promise<Result> {
    await this.mustRun(name);
    // The SDK's overloads tell updates with arguments from those without; here it is either.
    const handle: {
      startUpdate(
        update: UpdateDefinition<Result, Args>,
        options: { args: Args; waitForStage: 'ACCEPTED' },
      ): Promise<WorkflowUpdateHandle<Result>>;
    } = this.temporal.workflow.getHandle(workflowIdOf(name));
    try {
      return await this.found(name, async () => {
        const accepted = await this.temporal.withDeadline(Date.now() + ACCEPTANCE_DEADLINE_MS, () =>
          handle.startUpdate(definition, { args, waitForStage: 'ACCEPTED' }),
        );
        return await this.temporal.withDeadline(Date.now() + UPDATE_DEADLINE_MS, () => accepted.result());
      });
    } catch (error) {
      if (error instanceof WorkflowUpdateFailedError) throw refusedBy(error);
      if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) throw new NoAnswerError(name, this.taskQueue);
      throw error;
    }
  }

  private get namespace(): string {
    return this.temporal.options.namespace;
  }

  private describe(name: string): Promise<WorkflowExecutionDescription> {
    return this.found(name, () => this.temporal.workflow.getHandle(workflowIdOf(name)).describe());
  }

  private async mustRun(name: string): Promise<WorkflowExecutionDescription> {
    const description = await this.describe(name);
    const { state } = summaryOf(description);
    if (state !== 'running') throw new NotFoundError(name, this.namespace, state);
    return description;
  }

  private async found<T>(name: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) throw new NotFoundError(name, this.namespace);
      throw error;
    }
  }

  /** What the run says of itself, or why it says nothing; `replayFailure`: what the worker says that cannot replay it. */
  private async ask(
    name: string,
  ): Promise<{ status: ProvisioningStatus } | { problem: string; replayFailure?: string; silent?: true }> {
    try {
      const handle = this.temporal.workflow.getHandle(workflowIdOf(name));
      return {
        status: await this.temporal.withDeadline(Date.now() + QUERY_DEADLINE_MS, () => handle.query(statusQuery)),
      };
    } catch (error) {
      if (error instanceof QueryNotRegisteredError) {
        return {
          problem: 'The run has not begun yet, or its worker is of another version.',
          ...(isReplayFailure(error.message) ? { replayFailure: error.message } : {}),
        };
      }
      if (!isSilence(error)) throw error;
      return {
        problem: `No worker answers on task queue ${this.taskQueue}. Nothing is lost: the run goes on when one is there (\`audience worker\`).`,
        silent: true,
      };
    }
  }

  /** What the worker said that cannot replay the run, if that is why it stands still. */
  private async replayFailure({ workflowId, runId, raw }: WorkflowExecutionDescription): Promise<string | undefined> {
    if (Number(raw.pendingWorkflowTask?.attempt ?? 1) <= 1) return undefined;
    const { history } = await this.temporal.workflowService.getWorkflowExecutionHistoryReverse({
      namespace: this.namespace,
      execution: { workflowId, runId },
      maximumPageSize: HISTORY_END,
    });
    return replayFailureOf((history?.events ?? []).toReversed());
  }

  /** What the worker says that cannot replay the run when it is asked. One that waits has no workflow task that could fail. */
  private async replayFailureOfQuery(name: string): Promise<string | undefined> {
    const answer = await this.ask(name);
    if ('silent' in answer) throw new NoAnswerError(name, this.taskQueue);
    return 'problem' in answer ? answer.replayFailure : undefined;
  }

  /** What a run that ended made and left; `undefined` where neither its failure nor a worker tells. */
  private async leftBehind(name: string): Promise<KindOfResource[] | undefined> {
    const ending = await this.temporal.workflow
      .getHandle(workflowIdOf(name))
      .result()
      .catch((error: unknown) => error);
    const details = failureDetails(ending);
    if (details !== undefined) return details.leftBehind;
    const answer = await this.ask(name);
    return 'status' in answer
      ? answer.status.steps.flatMap((step) => step.resources).filter((resource) => resource.made)
      : undefined;
  }

  private async differenceFrom(
    description: WorkflowExecutionDescription,
    request: ProvisioningRequest,
  ): Promise<string[]> {
    const { history } = await this.temporal.workflowService.getWorkflowExecutionHistory({
      namespace: this.namespace,
      execution: { workflowId: description.workflowId, runId: description.runId },
      maximumPageSize: 1,
    });
    const decoded = (await decodedHistory({ events: history?.events?.slice(0, 1) ?? [] })) as {
      events?: Array<{ workflowExecutionStartedEventAttributes?: { input?: { payloads?: unknown[] } } }>;
    };
    const input = decoded.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
    const earlier = parseRequest(input);
    if (!earlier.ok) return ['the earlier request was not valid'];
    return requestDifference(earlier.request, request);
  }
}

/**
 * Connects with the settings that the environment gives (`TEMPORAL_*`, `TEMPORAL_PROFILE`, `AUDIENCE_TASK_QUEUE`).
 *
 * @throws TemporalUnreachableError within a few seconds; TemporalSettingsError if the settings cannot be used.
 */
export async function connectAudienceClient(env: NodeJS.ProcessEnv = process.env): Promise<AudienceClient> {
  const { client } = await connectClient(temporalSettings(env));
  return new AudienceClient({ temporal: client, taskQueue: taskQueueOf(env) });
}

function standstillText(name: string, failure: string): string {
  return (
    `No worker can read this run's history any more, so it stands still. If workers of another version have taken it up, start the right ones; ` +
    `else let it go on from before the event at which they fail: \`audience recover ${name}\`. They say: ${failure}`
  );
}

function failureDetails(error: unknown): ProvisioningFailure | undefined {
  if (!(error instanceof WorkflowFailedError)) return undefined;
  const { cause } = error;
  if (!(cause instanceof ApplicationFailure) || cause.type !== FAILURE.provisioningFailed) return undefined;
  return cause.details?.[0] as ProvisioningFailure | undefined;
}

/** What the run said of its refusal: the innermost cause of the error. */
function refusedBy(error: Error): RefusedError {
  if (error.cause instanceof Error) return refusedBy(error.cause);
  const { type, details } = error instanceof ApplicationFailure ? error : {};
  const faults = type === INVALID_CHANGE ? (details?.[0] as Fault[] | undefined) : undefined;
  return new RefusedError(error.message, { type: type ?? 'NotNow', faults: faults ?? [] });
}

/** Whether a query had no answer since nobody is there to give it. */
function isSilence(error: unknown): boolean {
  const silent: unknown[] = [GRPC.cancelled, GRPC.deadlineExceeded, GRPC.failedPrecondition, GRPC.unavailable];
  return !(error instanceof WorkflowNotFoundError) && silent.includes(grpcCode(error));
}

/**
 * What finds the provisionings of a requester, and maybe more. The text up to the first double quote or backslash is looked
 * for: there is no way to write those in a query so that Temporal finds them.
 */
function requesterFilter(requester: string): string {
  const [findable = ''] = requester.split(/["\\]/);
  const text = `'${findable.replaceAll("'", "\\'")}'`;
  if (findable === '') return `${REQUESTER.name} IS NOT NULL`;
  return `${REQUESTER.name} ${findable === requester ? '=' : 'STARTS_WITH'} ${text}`;
}

/** The status code of a gRPC error, also of one that the SDK wrapped. */
function grpcCode(error: unknown): number | undefined {
  if (isGrpcServiceError(error)) return error.code;
  return error instanceof Error && error.cause !== undefined ? grpcCode(error.cause) : undefined;
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  // An abort that is past is not told again.
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}
