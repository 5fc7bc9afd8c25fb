/** What may follow on the walkthrough: a sync's first execution, started once, and watched to its end. */
import { activityInfo, heartbeat, sleep } from '@temporalio/activity';
import { ApiError } from '../polytomic/errors.ts';
import type { Execution, ExecutionCounts } from '../polytomic/executions.ts';
import { shorten } from '../request/shorten.ts';
import type { FirstExecution, Resource } from '../workflows/messages.ts';
import { attempt, heartbeating, reading } from './attempt.ts';
import { awaitSettlement, factsOf, orInDoubt, type StepContext, sendOnce } from './create-once.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { ActivityProblem } from './failures.ts';
import {
  beginningOf,
  CLOCK_TOLERANCE_MS,
  onlyFirstKeySent,
  recordAfterLookUp,
  recordToResend,
  type SendRecord,
} from './idempotency.ts';
import { timeOf } from './provide-connection.ts';

/** An execution that was started, or that was running already. */
export interface StartedExecution {
  id: string;
  status: string;
}

/** What is seen of an execution from outside, in the heartbeat details of the pending activity, while it is followed. */
export interface ExecutionProgress {
  /** Name of the sync. */
  sync: string;
  status: string;
  counts: ExecutionCounts;
}

/** Statuses of an execution that has ended without completing. */
const UNSUCCESSFUL: readonly string[] = ['failed', 'canceled', 'interrupted'];

/** How long to wait between two looks at an execution, in ms: from the first to the longest. */
const POLL = { first: 500, longest: 15_000, factor: 1.5 } as const;

/** How many errors are kept of an execution, and how much of each, in characters: a row's can quote the row. */
const MAX_ERRORS = 10;
const MAX_ERROR_LENGTH = 500;

/** Makes the activities of this file. */
export function executionActivities({ polytomic }: ActivityDependencies) {
  return {
    /**
     * Starts the sync's first execution. One that is running already, or that has begun since, is taken instead of starting
     * another: an active sync runs by itself.
     */
    async startFirstExecution({ step, sync }: { step: StepContext; sync: Resource }): Promise<StartedExecution> {
      return attempt(`starting the first execution of sync “${sync.name}”`, async () => {
        let record: SendRecord | undefined = activityInfo().heartbeatDetails ?? undefined;
        const remember = (next: SendRecord) => {
          record = next;
          heartbeat(next);
        };
        return orInDoubt(
          step,
          () => record,
          async () => {
            const begun = await begin(step, sync, record, remember);
            return 'status' in begun ? begun : send(step, sync, begun, remember);
          },
        );
      });
    },

    /**
     * Follows an execution to its end, for as long as that takes; its progress is in the heartbeat details. One that does
     * not complete is a failure. Cancelling this ends the watching, not the execution.
     */
    async followExecution({ sync, executionId }: { sync: Resource; executionId: string }): Promise<FirstExecution> {
      return attempt(`following execution ${executionId} of sync “${sync.name}”`, async () => {
        let progress: ExecutionProgress | undefined;
        const details = () => progress ?? activityInfo().heartbeatDetails;
        return heartbeating(details, async () => {
          for (let wait: number = POLL.first; ; wait = Math.min(wait * POLL.factor, POLL.longest)) {
            const execution = await polytomic.syncs.getExecution(sync.id, executionId, reading());
            progress = { sync: sync.name, status: execution.status, counts: execution.counts ?? {} };
            heartbeat(progress);
            if (execution.status === 'completed') return shortened(execution);
            if (UNSUCCESSFUL.includes(execution.status)) throw unsuccessful(shortened(execution));
            await sleep(wait);
          }
        });
      });
    },
  };

  /** An execution that settles the matter, or the record of the send to be made. */
  async function begin(
    step: StepContext,
    sync: Resource,
    record: SendRecord | undefined,
    remember: (record: SendRecord) => void,
  ): Promise<StartedExecution | SendRecord> {
    const facts = factsOf(step, record);
    const { laterRun, afterUnclear, scheduledAt } = facts;
    const beginning = beginningOf(facts);
    if (beginning === 'resend' && record !== undefined) return recordToResend(record, facts);
    if (beginning === 'fresh') {
      // What has run before the first send is known by its id, whatever the clocks say.
      return recordAfterLookUp(await polytomic.syncs.listExecutions(sync.id, reading()), { kind: 'theirs' }, facts);
    }
    // Only the first key can have been sent, and it lives: it brings back what it started.
    const found =
      record === undefined && !afterUnclear && onlyFirstKeySent(facts)
        ? undefined
        : await startedSince(sync, record, laterRun || afterUnclear ? undefined : scheduledAt);
    if (found !== undefined) return found;
    awaitSettlement(facts, remember);
    return recordAfterLookUp([], { kind: 'absent' }, facts);
  }

  async function send(
    step: StepContext,
    sync: Resource,
    record: SendRecord,
    remember: (record: SendRecord) => void,
  ): Promise<StartedExecution> {
    try {
      const post = (idempotencyKey: string) => polytomic.syncs.startExecution(sync.id, {}, { idempotencyKey });
      const advice = 'It lists none that runs. Look at the sync in Polytomic.';
      return started(await sendOnce(step, record, remember, { post, advice }));
    } catch (error) {
      // A 409 says that one is running, or that this very call is still in flight; the last of too many is a problem.
      if (error instanceof ActivityProblem || (error instanceof ApiError && error.status === 409)) {
        const running = await runningOrJustEnded(sync, record.firstSentAt);
        if (running !== undefined) return running;
      }
      throw error;
    }
  }

  /** What runs now, or has run since our first send: started by it, or else as good as started by it. */
  async function startedSince(
    sync: Resource,
    record: SendRecord | undefined,
    since: number | undefined,
  ): Promise<StartedExecution | undefined> {
    const { current_execution: running } = await polytomic.syncs.status(sync.id, reading());
    if (running !== undefined) return started(running);
    const from = record?.firstSentAt ?? since;
    const candidates = (await polytomic.syncs.listExecutions(sync.id, reading())).filter(({ id, created_at }) => {
      const createdAt = timeOf(created_at);
      const early = from !== undefined && createdAt !== undefined && createdAt < from - CLOCK_TOLERANCE_MS;
      return !early && !record?.before.includes(id);
    });
    const [newest] = candidates.toSorted((a, b) => (timeOf(b.created_at) ?? 0) - (timeOf(a.created_at) ?? 0));
    return newest === undefined ? undefined : started(newest);
  }

  /** The execution that a 409 speaks of: it runs, or has ended between that answer and this look. */
  async function runningOrJustEnded(sync: Resource, firstSentAt: number): Promise<StartedExecution | undefined> {
    const { current_execution: running, last_execution: last } = await polytomic.syncs.status(sync.id, reading());
    if (running !== undefined) return started(running);
    const endedAt = timeOf(last?.completed_at);
    const justEnded = endedAt !== undefined && endedAt >= firstSentAt - CLOCK_TOLERANCE_MS;
    return last !== undefined && justEnded ? started(last) : undefined;
  }
}

function started({ id, status }: Execution): StartedExecution {
  return { id, status };
}

/** What is kept of an execution that has ended. */
function shortened({ id, status, counts, errors = [] }: Execution): FirstExecution {
  return {
    id,
    status,
    ...(counts === undefined ? {} : { counts }),
    ...(errors.length === 0
      ? {}
      : {
          errors: errors.slice(0, MAX_ERRORS).map((text) => shorten(text, MAX_ERROR_LENGTH)),
        }),
  };
}

function unsuccessful({ status, counts = {}, errors = [] }: FirstExecution): ActivityProblem {
  const counted = Object.entries(counts).map(([what, count]) => `${what} ${count}`);
  const said = [
    `it ended as ${status}`,
    ...(counted.length === 0 ? [] : [`counts: ${counted.join(', ')}`]),
    ...(errors.length === 0 ? [] : [`errors: ${errors.join(' | ')}`]),
  ];
  return new ActivityProblem('ExecutionFailed', `${said.join('; ')}. Mend its cause, then try the step again.`);
}
