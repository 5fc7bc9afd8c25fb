/** What the people of a story do, on whatever stage. Needs no Jest. */
import type { Client } from '@temporalio/client';
import { type AudienceClient, ProvisioningEndedError, type ProvisioningReport } from '../../src/client.ts';
import type { ProvisioningRequest } from '../../src/request/schema.ts';
import { workflowIdOf } from '../../src/workflows/messages.ts';
import { ownWalkthrough } from './own-walkthrough.ts';
import type { TestSandbox } from './sandbox-at.ts';
import { until } from './until.ts';

/** What happens in a story. */
export interface Directions {
  /** Starts the walkthrough with connections of its own, changed; returns its name. */
  start(about: string, changes?: Partial<ProvisioningRequest>): Promise<string>;
  /** The report once the run waits for the sign-in. */
  untilAsked(name: string): Promise<ProvisioningReport>;
  /** What a person does: signs in at the link of the run, and says so. */
  signIn(name: string): Promise<void>;
  /** How the run failed, or was cancelled. */
  failureOf(name: string): Promise<ProvisioningEndedError>;
  /** The run's history. */
  history(name: string): ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>;
}

/** What is done on a stage, whoever runs its worker. */
export function directions({
  audiences,
  temporal,
  sandbox,
}: {
  audiences: AudienceClient;
  temporal: Client;
  sandbox: Pick<TestSandbox, 'signIn'>;
}): Directions {
  const untilAsked = (name: string) =>
    until('the run asks for the sign-in', async () => {
      const report = await audiences.status(name);
      return report.status?.signIn !== undefined && report;
    });
  return {
    start: async (about, changes) => (await audiences.start(ownWalkthrough(about, changes))).name,
    untilAsked,
    signIn: async (name) => {
      const { status } = await untilAsked(name);
      const url = status?.signIn?.url;
      if (url === undefined) throw new Error(`the run asks without a link: ${JSON.stringify(status?.signIn)}`);
      await sandbox.signIn(url);
      await audiences.completeSignIn(name);
    },
    failureOf: async (name) => {
      const error = await errorOf(audiences.result(name));
      if (!(error instanceof ProvisioningEndedError)) throw error;
      return error;
    },
    history: (name) => temporal.workflow.getHandle(workflowIdOf(name)).fetchHistory(),
  };
}

/** The error that a promise ends with. */
export async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it succeeded');
}
