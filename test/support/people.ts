/** What people say to a run, as its updates, and what they see of it. */
import { WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { defineUpdate } from '@temporalio/workflow';
import type { Activities } from '../../src/activities/activities.ts';
import {
  type AdAccount,
  type Choices,
  type ChooseAudience,
  chooseAudienceUpdate,
  findChoicesUpdate,
  giveUpUpdate,
  type Question,
  retryStepUpdate,
  type StepStatus,
  selectAccountsUpdate,
  workflowIdOf,
} from '../../src/workflows/messages.ts';
import { errorOf } from './directions.ts';
import type { Stage } from './provisioning.ts';
import { until } from './until.ts';

/** The people around one run. */
export interface People {
  select(accounts: 'all' | string[]): Promise<AdAccount[] | string>;
  choose(sync: string, audience: ChooseAudience['audience']): Promise<string>;
  find(step: string, search?: string): Promise<Choices>;
  retry(step: string, change?: unknown): Promise<{ step: string; generation: number }>;
  giveUp(reason?: string): Promise<void>;
  /** Any input to any update, as a person may type it into the Web UI. */
  update(name: string, input: unknown): Promise<unknown>;
  /** The question of this step, once it is asked. */
  asked(step: string): Promise<Question>;
  /** The step, once it is in this state, and in this generation if one is given. */
  step(id: string, state: StepStatus['state'], generation?: number): Promise<StepStatus>;
  /** Resolves once attempts of these activities, and of no others, are under way. */
  underWay(...activities: Array<keyof Activities>): Promise<unknown>;
  /** The number of events in the run's history, once nothing is under way. */
  events(): Promise<number>;
}

/** The people around the run called `name`. */
export function people({ temporal, audiences, history }: Stage, name: string): People {
  const handle = temporal.workflow.getHandle(workflowIdOf(name));
  const status = async () => (await audiences.status(name)).status;
  return {
    select: (accounts) => handle.executeUpdate(selectAccountsUpdate, { args: [{ accounts }] }),
    choose: (sync, audience) => handle.executeUpdate(chooseAudienceUpdate, { args: [{ sync, audience }] }),
    find: (step, search) =>
      handle.executeUpdate(findChoicesUpdate, { args: [{ step, ...(search === undefined ? {} : { search }) }] }),
    retry: (step, change) =>
      handle.executeUpdate(retryStepUpdate, { args: [{ step, ...(change === undefined ? {} : { change }) }] }),
    giveUp: (reason) => handle.executeUpdate(giveUpUpdate, { args: [reason === undefined ? undefined : { reason }] }),
    update: (update, input) => handle.executeUpdate(defineUpdate<unknown, [unknown]>(update), { args: [input] }),
    asked: (step) =>
      until(`${name} asks for ${step}`, async () => (await status())?.questions.find((one) => one.step === step)),
    step: (id, state, generation) =>
      until(`${id} of ${name} is ${state}`, async () =>
        (await status())?.steps.find(
          (one) => one.id === id && one.state === state && one.generation === (generation ?? one.generation),
        ),
      ),
    underWay: (...activities) =>
      until(`${activities.join(', ')} of ${name} are under way`, async () => {
        const { raw } = await handle.describe();
        const started = raw.pendingActivities?.filter(({ lastStartedTime }) => lastStartedTime != null) ?? [];
        const names = started.map(({ activityType }) => activityType?.name).sort();
        return names.join() === activities.toSorted().join();
      }),
    events: async () => {
      await until(`${name} does nothing`, async () => {
        const report = await audiences.status(name);
        return report.pendingActivities.length === 0 && report.status?.steps.every(({ state }) => state !== 'running');
      });
      return (await history(name)).events?.length ?? 0;
    },
  };
}

/** Why an update was refused, or failed. */
export async function refusalOf(
  update: Promise<unknown>,
): Promise<{ type: string | null | undefined; message: string }> {
  const error = await errorOf(update);
  if (!(error instanceof WorkflowUpdateFailedError) || !(error.cause instanceof ApplicationFailure)) throw error;
  return { type: error.cause.type, message: error.cause.message };
}
