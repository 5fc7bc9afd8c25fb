/**
 * What all parts of a run need: its state, how a step is tried, blocked and tried again, and how the world outside is told.
 * Knows nothing of the walkthrough.
 */
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  isCancellation,
  patched,
  setCurrentDetails,
  TimeoutFailure,
  upsertSearchAttributes,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import type { StepContext } from '../activities/create-once.ts';
import type { Notice } from '../notices/notice.ts';
import {
  type ProvisioningRequest,
  pathText,
  type RunSettings,
  settingsOf,
  shorten,
  utf8Bytes,
} from '../request/schema.ts';
import { BLOCKED_STEP, PROVISIONING_STAGE, REQUESTER } from '../temporal/search-attributes.ts';
import { localActivities, noticeActivities } from './activity-proxies.ts';
import { currentDetails } from './current-details.ts';
import { FIRST_STAGE, listedStage, type StepFailure, WORKING } from './messages.ts';
import { type Outcome, Progress } from './progress.ts';
import type { RunState } from './run-state.ts';
import { isOpen, type UndoEntry } from './undo-entries.ts';

/** Where a piece of the request stands, e.g. `['models', 'active-users']`. */
export type PiecePath = Array<string | number>;

/** A step failed for good, and its branch goes no further. The progress says why. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
}

/** A wait for a person ended because the run will fail anyway: nobody is asked for nothing. */
export class WaitAbandoned extends Error {
  override readonly name = 'WaitAbandoned';

  constructor() {
    super('not waited for, since another step failed');
  }
}

/** The workflow itself finds that a step cannot go on. Blocks it, or with `fails` fails it whatever `onBlocked` says. */
export class StepFault extends Error {
  override readonly name = 'StepFault';
  readonly type: string;
  readonly fails: boolean;

  constructor(type: string, message: string, { fails = false }: { fails?: boolean } = {}) {
    super(message);
    this.type = type;
    this.fails = fails;
  }
}

/** How one step is done. */
export interface StepWork<T> {
  /**
   * What the step does; called again each time a person asks for it. Before it makes anything it says so by `making`: one
   * whose outcome nobody hears of is undone too. What `making` returns takes it back, if nothing was made after all.
   */
  work: (context: StepContext, making: (entry: UndoEntry) => () => void) => Promise<T>;
  /** What it tells of its result. */
  outcome: (result: T) => Outcome;
  /** Which piece of the request a change may mend. */
  piece?: PiecePath | undefined;
  /** Completes what `making` said once the outcome is known; `undefined` where there is nothing to undo after all. */
  made?: (entry: UndoEntry, result: T) => UndoEntry | undefined;
  /** Wakes the step while it is blocked, besides a person's `retryStep`. */
  wakes?: () => boolean;
}

/** Codes of failures after which it is sure that the step made nothing, whatever became of attempts before. */
const MADE_NOTHING: readonly string[] = ['Refused', 'NotAllowed', 'NameTaken', 'Ambiguous', 'NotFound'];

/** Codes of failures after which nobody can tell what the step made. */
const MADE_UNKNOWN: readonly string[] = ['Unclear', 'NotKept'];

/** How long a run that has ended waits for notices that have not been delivered yet: long enough for a restart of who receives them. */
const LAST_NOTICES_TIMEOUT = '5 minutes';

/** Temporal's default limit is 2 KiB for the value of a search attribute (`limit.searchAttributeSizeOfValue`). */
const MAX_ATTRIBUTE_BYTES = 1_900;

/** What a {@link Notice} says besides what the run adds to all of them. */
type NoticeText = Omit<Notice, 'id' | 'at' | 'name' | 'workflowId' | 'runId' | 'requester'>;

/** One run of the workflow. */
export class Run {
  readonly state: RunState;
  readonly progress: Progress;
  /** Whether a step has failed, so that the run will fail once all branches have settled. */
  failing = false;
  /** Whether the run is coming to its end, so that there is nothing to answer or to mend any more. */
  ending = false;
  private inFlight = 0;
  /** Notices under way. A run that is cancelled tells so all the same. */
  private readonly notices = new Set<Promise<void>>();
  private readonly noticeScope = new CancellationScope({
    cancellable: true,
    parent: new CancellationScope({ cancellable: false }),
  });

  private readonly waits = new Set<() => boolean>();
  private searchable = false;
  private published = '';

  constructor(state: RunState) {
    this.state = state;
    this.progress = new Progress(state, () => this.show());
  }

  /** The request with every accepted change. */
  get request(): ProvisioningRequest {
    return this.state.request;
  }

  /** Whether other runs may use the LinkedIn Ads connection that this one makes. */
  get sharesLinkedIn(): boolean {
    const { connection } = this.request.linkedinAds;
    return 'orUse' in connection && connection.orUse === true;
  }

  get settings(): RunSettings {
    return settingsOf(this.state.request);
  }

  /** Which execution this is, as activities need to know it: over resets, and over the whole chain. */
  get identity(): { firstRunId: string; originalRunId: string } {
    const { firstExecutionRunId, originalExecutionRunId } = workflowInfo();
    return { firstRunId: firstExecutionRunId, originalRunId: originalExecutionRunId };
  }

  /**
   * Whether nothing is under way that would be lost if the run continued as new: no activity, nor a wait that is over although
   * its step has not been told yet.
   */
  get idle(): boolean {
    return this.inFlight === 0 && ![...this.waits].some((over) => over());
  }

  /** Counts a call while it is under way. */
  async call<T>(work: () => Promise<T>): Promise<T> {
    this.inFlight += 1;
    try {
      return await work();
    } finally {
      this.inFlight -= 1;
    }
  }

  /**
   * Does one step, or gives what it gave in an earlier run of the chain. A step that fails for good is blocked until a person
   * has mended it, or fails the run, as `options.onBlocked` says.
   */
  async step<T>(id: string, step: StepWork<T>): Promise<T> {
    if (id in this.state.results) return this.state.results[id] as T;
    for (;;) {
      // One that was blocked, or asked a person, when the run continued as new goes on waiting.
      if (this.progress.of(id).state !== 'blocked') {
        try {
          return await this.attempt(id, step);
        } catch (error) {
          this.settle(id, step, error);
        }
      }
      await this.mended(id, step);
    }
  }

  private async attempt<T>(id: string, { work, outcome, made }: StepWork<T>): Promise<T> {
    // Nothing begins any more, so nothing is to be looked for either.
    if (isCancelled()) throw new CancelledFailure(`${id} has not begun`);
    if (this.progress.of(id).state !== 'waiting') this.progress.running(id);
    let entry: UndoEntry | undefined;
    const making = (announced: UndoEntry) => {
      const kept = this.remember(announced);
      entry = kept;
      return () => {
        // What an earlier try may have made stays on the list.
        if (kept === announced) this.replace(kept, undefined);
        entry = undefined;
      };
    };
    try {
      const result = await work(this.contextOf(id), making);
      this.state.results[id] = result;
      if (entry !== undefined) this.replace(entry, made?.(entry, result));
      const told = outcome(result);
      this.spare(id, told);
      this.progress.done(id, told);
      return result;
    } catch (error) {
      const type = failureOf(id, error)?.type ?? '';
      const madeNothing = MADE_NOTHING.includes(type);
      // What nobody can tell to be ours is not deleted as if it were.
      if (entry !== undefined && MADE_UNKNOWN.includes(type)) this.replace(entry, { ...entry, unclear: true });
      // What somebody else makes under the same name from now on is not to be taken for ours.
      if (entry !== undefined && madeNothing && !entry.unclear && !this.state.afterUnclear.includes(id)) {
        const audience =
          entry.kind === 'sync' && entry.audience !== undefined ? { ...entry, refused: true } : undefined;
        this.replace(entry, audience);
      }
      throw error;
    }
  }

  private contextOf(id: string): StepContext {
    return {
      step: id,
      ...this.identity,
      generation: this.progress.of(id).generation,
      ...(this.state.afterUnclear.includes(id) ? { afterUnclear: true } : {}),
    };
  }

  private remember(entry: UndoEntry): UndoEntry {
    const asMade = (one: UndoEntry) => JSON.stringify({ ...one, since: '', unclear: undefined });
    // Only those of the same step are spelt out: two hundred steps may begin at once.
    const known = this.state.undo.find((other) => other.step === entry.step && asMade(other) === asMade(entry));
    if (known === undefined) this.state.undo.push(entry);
    return known ?? entry;
  }

  /** What the step uses in the end is not deleted for what an earlier try of it may have made. */
  private spare(id: string, { resources = [] }: Outcome): void {
    const uses = resources.flatMap((resource) => (resource.made ? [] : [resource.id]));
    if (uses.length === 0) return;
    const mayBeOfIt = (one: UndoEntry) => one.step === id && one.kind !== 'accounts' && isOpen(one);
    this.state.undo = this.state.undo.map((one) => (mayBeOfIt(one) ? { ...one, uses } : one));
  }

  private replace(entry: UndoEntry, by: UndoEntry | undefined): void {
    this.state.undo = this.state.undo.flatMap((one) => (one !== entry ? [one] : by === undefined ? [] : [by]));
  }

  /** Blocks the step for what it failed with, or throws what ends its branch. */
  private settle<T>(id: string, { piece }: StepWork<T>, error: unknown): void {
    if (error instanceof WaitAbandoned) this.progress.abandoned(id, error.message);
    const failure = failureOf(id, error);
    if (failure === undefined) throw error;
    // A worker that is gone cannot say that it stops: its silence is how the attempt ended, not why the run did.
    const isSilence = error instanceof ActivityFailure && error.cause instanceof TimeoutFailure;
    if (isSilence && isCancelled() && patched('silence-is-no-failure')) {
      throw new CancelledFailure(`${id} has not ended`);
    }
    const { afterUnclear } = this.state;
    if (failure.type === 'Unclear' && !afterUnclear.includes(id)) afterUnclear.push(id);
    const fails = this.settings.onBlocked === 'fail' || (error instanceof StepFault && error.fails);
    if (fails) {
      this.failing = true;
      this.progress.failed(failure);
      throw new StepFailed(id);
    }
    const kept = this.progress.blocked(failure, piece === undefined ? undefined : pathText(piece));
    this.notify({ event: 'blocked', step: id, failure: kept });
  }

  /** Waits until a person has asked for a blocked step to be tried again. */
  private async mended<T>(id: string, { wakes }: StepWork<T>): Promise<void> {
    const blocked = () => this.progress.of(id).state === 'blocked';
    await this.untilPerson(() => !blocked() || wakes?.() === true);
    if (blocked()) this.progress.running(id);
  }

  /** Waits for what only a person can bring about. Nobody is waited for once the run is failing. */
  async untilPerson(predicate: () => boolean, timeoutMs?: number): Promise<boolean> {
    const over = () => predicate() || this.failing;
    this.waits.add(over);
    try {
      const met = timeoutMs === undefined ? await condition(over).then(() => true) : await condition(over, timeoutMs);
      if (!predicate() && this.failing) throw new WaitAbandoned();
      return met;
    } finally {
      this.waits.delete(over);
    }
  }

  /** Tells whoever the request names, beside the run's own work. A notice that cannot be delivered becomes a warning. */
  notify(text: NoticeText): void {
    const target = this.settings.notify;
    if (target === undefined) return;
    const { workflowId, runId } = workflowInfo();
    const notice: Notice = {
      ...text,
      id: uuid4(),
      at: new Date().toISOString(),
      name: this.request.name,
      workflowId,
      runId,
      ...(this.request.requester === undefined ? {} : { requester: this.request.requester }),
    };
    const sending = this.noticeScope
      .run(() =>
        this.call(() =>
          noticeActivities.sendNotice.executeWithOptions({ summary: `Notice: ${text.event}` }, [{ notice, target }]),
        ),
      )
      .catch((error: unknown) => {
        const reason = isCancellation(error)
          ? `it was tried until ${LAST_NOTICES_TIMEOUT} after the run's end.`
          : (failureOf('notice', error)?.message ?? String(error));
        const warning = `Notice ${text.event} was not delivered: ${reason}`;
        if (!this.state.warnings.includes(warning)) this.progress.warn(warning);
      })
      .finally(() => this.notices.delete(sending));
    this.notices.add(sending);
  }

  /** Resolves when every notice has been delivered or given up. Call it in a scope that cannot be cancelled. */
  async noticesDelivered(): Promise<void> {
    if (this.notices.size === 0) return;
    if (await condition(() => this.notices.size === 0, LAST_NOTICES_TIMEOUT)) return;
    const late = [...this.notices];
    this.noticeScope.cancel();
    await Promise.all(late);
  }

  /**
   * From now on stage, requester and blocked steps are search attributes, if the namespace has them: which is sure where the run
   * `begins` with them, and else asked for. Never fails.
   */
  async publish(begins: boolean): Promise<void> {
    const given = begins ? this.stageGiven() : undefined;
    if (given !== undefined) {
      this.searchable = true;
      if (given === WORKING) this.state.listsWorking = true;
      this.published = JSON.stringify([given, []]);
      return this.show();
    }
    try {
      // A run that is cancelled at once is listed as cancelled all the same.
      this.searchable = await CancellationScope.nonCancellable(() =>
        this.call(() => localActivities.searchAttributesRegistered()),
      );
    } catch {
      this.searchable = false;
    }
    if (this.searchable) return this.show();
    this.progress.warn(
      'The search attributes are not registered: run `audience setup` to list runs by stage, requester or blocked step.',
    );
  }

  /**
   * The stage that whoever started the run has set, if that is all that the run would set itself. A run of an earlier client
   * began as `connecting`, and goes on as it began: what it upserts is in its history.
   */
  private stageGiven(): string | undefined {
    const { typedSearchAttributes: given } = workflowInfo();
    if (given.get(REQUESTER) !== this.request.requester) return undefined;
    return [WORKING, FIRST_STAGE].find((stage) => stage === given.get(PROVISIONING_STAGE));
  }

  private show(): void {
    setCurrentDetails(currentDetails(this.progress.status()));
    if (!this.searchable) return;
    const { blockedSteps } = this.progress;
    const stage = this.state.listsWorking ? listedStage(this.progress.stage) : this.progress.stage;
    const published = JSON.stringify([stage, blockedSteps]);
    if (published === this.published) return;
    const { requester } = this.request;
    upsertSearchAttributes([
      { key: PROVISIONING_STAGE, value: stage },
      { key: BLOCKED_STEP, value: asMany(blockedSteps) },
      ...(this.published !== '' || requester === undefined ? [] : [{ key: REQUESTER, value: requester }]),
    ]);
    this.published = published;
  }
}

/** Whether what calls this has been cancelled. */
function isCancelled(): boolean {
  return CancellationScope.current().consideredCancelled;
}

/** As many of the first ones as Temporal takes for the value of one search attribute: more would fail the workflow task. */
function asMany(values: readonly string[]): string[] {
  const taken: string[] = [];
  for (const value of values) {
    if (utf8Bytes(JSON.stringify([...taken, value])) > MAX_ATTRIBUTE_BYTES) break;
    taken.push(value);
  }
  return taken;
}

/** What a step failed with; `undefined` where the error is none of a step: a cancellation, or a fault of this code. */
export function failureOf(step: string, error: unknown): StepFailure | undefined {
  if (error instanceof StepFault) return { step, type: error.type, message: shorten(error.message) };
  if (!(error instanceof ActivityFailure) || isCancellation(error)) return undefined;
  const { cause } = error;
  const type = cause instanceof ApplicationFailure ? (cause.type ?? 'Error') : (cause?.name ?? 'Error');
  return { step, type, message: shorten(cause?.message ?? error.message) };
}
