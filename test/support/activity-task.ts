/** A run of which activities are called by their names, each a step of its own, over real HTTP to the sandbox. */
import { randomUUID } from 'node:crypto';
import { BlockList } from 'node:net';
import type { Info } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { Activities } from '../../src/activities/activities.ts';
import type { StepContext } from '../../src/activities/create-once.ts';
import { networksIn } from '../../src/notices/allowed-addresses.ts';
import { PolytomicClient } from '../../src/polytomic/client.ts';
import { activitiesOn, newStep } from './activity-step.ts';
import { SECRETS } from './walkthrough.ts';

/** One activity of a run: what its attempts share. */
export interface ActivityTask<R> {
  /** The next attempt, which begins with what the one before it remembered. */
  attempt(): Promise<R>;
  /** Attempts until one succeeds or fails for good. Waits for none: a test has no time to lose. */
  result(): Promise<R>;
  /** What has been remembered last, as Temporal shows it of a pending activity. */
  details(): unknown;
  /** Ends the attempt that is running. */
  cancel(): void;
}

/** A run whose activities are run one by one. */
export interface ActivityRun {
  /** The context of a step in this run. */
  step(id: string, change?: Partial<StepContext>): StepContext;
  task<K extends keyof Activities>(
    name: K,
    input: Parameters<Activities[K]>[0],
    info?: Partial<Info>,
  ): ActivityTask<Awaited<ReturnType<Activities[K]>>>;
}

/** More attempts than any story needs, in count. */
const MAX_ATTEMPTS = 30;

/** A run against this API; by default one that calls nothing. */
export function newRun({
  url = 'http://127.0.0.1:9',
  apiKey = 'no-key',
  notifyAllow,
  secrets = SECRETS,
}: {
  url?: string;
  apiKey?: string;
  notifyAllow?: string;
  secrets?: Record<string, string>;
} = {}): ActivityRun {
  const workflowExecution = { workflowId: `audience-provisioning/${randomUUID()}`, runId: randomUUID() };
  const networks = notifyAllow === undefined ? new BlockList() : networksIn(notifyAllow);
  if (networks === undefined) throw new TypeError(`${notifyAllow} is no list of networks`);
  const activities = activitiesOn(new PolytomicClient({ apiKey, baseUrl: url }), { secrets, noticeNetworks: networks });
  const { runId } = workflowExecution;
  return {
    step: (id, change) => ({ step: id, firstRunId: runId, originalRunId: runId, generation: 1, ...change }),
    task: (name, input, info) => {
      const step = newStep(name, { workflowExecution, ...info });
      const attempt = () => step.attempt(() => (activities[name] as (one: typeof input) => Promise<unknown>)(input));
      const result = async () => {
        for (let number = 1; ; number += 1) {
          try {
            return await attempt();
          } catch (error) {
            if (!(error instanceof ApplicationFailure) || error.nonRetryable || number >= MAX_ATTEMPTS) throw error;
          }
        }
      };
      return {
        attempt: attempt as never,
        result: result as never,
        details: () => step.details,
        cancel: () => step.cancel(),
      };
    },
  };
}
