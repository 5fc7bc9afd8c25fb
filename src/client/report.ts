/** A provisioning as Temporal and the run itself describe it together. */
import type { WorkflowExecutionDescription, WorkflowExecutionStatusName } from '@temporalio/client';
import type { Activities } from '../activities/activities.ts';
import type { ExecutionProgress } from '../activities/executions.ts';
import { valuesOf } from '../temporal/payloads.ts';
import { BLOCKED_STEP, PROVISIONING_STAGE, REQUESTER } from '../temporal/search-attributes.ts';
import {
  type ListedStage,
  listedStage,
  type ProvisioningStatus,
  provisioningName,
  STAGES,
  type Stage,
  WORKING,
} from '../workflows/messages.ts';

/** Where an execution stands in Temporal's eyes. */
export type ExecutionState = 'running' | 'completed' | 'failed' | 'cancelled' | 'terminated' | 'timed_out';

/** An activity that is being tried, or will be tried again. */
export interface PendingActivity {
  /** The activity's name, e.g. `createSync`. */
  activity: string;
  /** Number of the attempt under way or coming, from 1. */
  attempt: number;
  /** Why the attempt before failed; absent in the first. */
  lastFailure?: string;
  /** When the next attempt begins, RFC 3339; absent while one is under way. */
  nextAttemptAt?: string;
  /** How far a first execution has come that is being followed. */
  execution?: ExecutionProgress;
}

/** All that can be told about a provisioning now. */
export interface ProvisioningReport {
  name: string;
  workflowId: string;
  runId: string;
  state: ExecutionState;
  /**
   * Where the run stands, as the search attribute tells it if no worker answers; absent if that is not registered either, or
   * Temporal ended the run.
   */
  stage?: Stage | ListedStage;
  /** RFC 3339. */
  startedAt: string;
  /** RFC 3339; absent while it runs. */
  endedAt?: string;
  /** What the run says of itself; absent if no worker answers. */
  status?: ProvisioningStatus;
  /** Why `status` is absent, and what to do. */
  problem?: string;
  pendingActivities: PendingActivity[];
}

/** A line of a list of provisionings. */
export interface ProvisioningSummary {
  name: string;
  runId: string;
  state: ExecutionState;
  stage?: ListedStage;
  /** Who asked for it, as far as the search attribute tells. */
  requester?: string;
  /** Steps that wait for a person to mend them; empty as a rule. */
  blockedSteps: string[];
  /** RFC 3339. */
  startedAt: string;
  /** RFC 3339; absent while it runs. */
  endedAt?: string;
}

const STATES: Partial<Record<WorkflowExecutionStatusName, ExecutionState>> = {
  COMPLETED: 'completed',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  TERMINATED: 'terminated',
  TIMED_OUT: 'timed_out',
};

/** What a description and a list entry have in common. */
type ExecutionInfo = Pick<
  WorkflowExecutionDescription,
  'workflowId' | 'runId' | 'status' | 'startTime' | 'closeTime' | 'typedSearchAttributes'
>;

/** Temporal's description of an execution, in this project's words. */
export function summaryOf(info: ExecutionInfo): ProvisioningSummary {
  const stage = stageOf(info.typedSearchAttributes.get(PROVISIONING_STAGE));
  const state = STATES[info.status.name] ?? 'running';
  const requester = info.typedSearchAttributes.get(REQUESTER);
  return {
    name: provisioningName(info.workflowId) ?? info.workflowId,
    runId: info.runId,
    state,
    ...(stage === undefined || endedUnheard(state) ? {} : { stage }),
    ...(requester === undefined ? {} : { requester }),
    blockedSteps: state === 'running' ? (info.typedSearchAttributes.get(BLOCKED_STEP) ?? []) : [],
    startedAt: info.startTime.toISOString(),
    ...(info.closeTime === undefined ? {} : { endedAt: info.closeTime.toISOString() }),
  };
}

/** What the search attribute may be: a run that was not begun as `working` has its very stage there. */
const ATTRIBUTES = [WORKING, ...STAGES] as const;

function stageOf(attribute: string | undefined): ListedStage | undefined {
  const stage = ATTRIBUTES.find((one) => one === attribute);
  return stage === undefined ? undefined : listedStage(stage);
}

/** The values of the search attribute that are listed as this stage, as a Temporal query names them. */
export function attributesOf(listed: ListedStage): string {
  return ATTRIBUTES.filter((one) => listedStage(one) === listed)
    .map((value) => `'${value}'`)
    .join(', ');
}

/** A description together with what the run says of itself, or with why it says nothing. */
export async function reportOf(
  description: WorkflowExecutionDescription,
  answer: { status: ProvisioningStatus } | { problem: string },
): Promise<ProvisioningReport> {
  const { blockedSteps: _, requester: __, ...summary } = summaryOf(description);
  return {
    ...summary,
    workflowId: description.workflowId,
    ...('status' in answer && !endedUnheard(summary.state) ? { stage: answer.status.stage } : {}),
    // Temporal's is that of the last run, where one that lived long went on as another.
    ...('status' in answer ? { startedAt: answer.status.startedAt } : {}),
    ...answer,
    pendingActivities: await Promise.all((description.raw.pendingActivities ?? []).map(pendingActivity)),
  };
}

/** Such a run never got to say that it ended: its own last word, and its search attribute, are that it still runs. */
function endedUnheard(state: ExecutionState): boolean {
  return state === 'terminated' || state === 'timed_out';
}

type RawPendingActivity = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];

async function pendingActivity({
  activityType,
  attempt,
  lastFailure,
  scheduledTime,
  heartbeatDetails,
}: RawPendingActivity): Promise<PendingActivity> {
  const next =
    scheduledTime?.seconds == null
      ? undefined
      : Number(scheduledTime.seconds) * 1000 + (scheduledTime.nanos ?? 0) / 1_000_000;
  const [execution] =
    activityType?.name === FOLLOWING ? ((await valuesOf(heartbeatDetails)) as ExecutionProgress[]) : [];
  return {
    activity: activityType?.name ?? 'unknown',
    attempt: attempt ?? 1,
    ...(lastFailure?.message ? { lastFailure: lastFailure.message } : {}),
    ...(next !== undefined && next > Date.now() ? { nextAttemptAt: new Date(next).toISOString() } : {}),
    ...(execution === undefined ? {} : { execution }),
  };
}

/** Whose heartbeat details are the progress of an execution. */
const FOLLOWING: keyof Activities = 'followExecution';
