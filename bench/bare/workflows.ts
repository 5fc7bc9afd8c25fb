/**
 * The walkthrough's chain of steps with nothing else to it: what a plain Temporal workflow costs. No undo, no questions, no
 * status but the link, no search attributes, and activities that do what they are told.
 */
import { condition, defineQuery, defineSignal, proxyActivities, setHandler } from '@temporalio/workflow';
import type * as activities from './activities.ts';

/** Where a person signs in, once that is known. */
export const linkQuery = defineQuery<string | undefined>('link');

/** The sign-in is done. */
export const signedInSignal = defineSignal('signedIn');

/** What a bare activity does: nothing, wait as long as its step's calls take, or make those calls. */
export type Work = { kind: 'nothing' } | { kind: 'wait'; serialCallMs: number } | { kind: 'calls' };

/** What a bare run is asked to do. */
export interface BareRun {
  name: string;
  work: Work;
  /** What is there already and used, so that nobody is waited for. */
  given?: Given;
}

/** Ids of what a run uses instead of making it; the LinkedIn Ads connection is signed in. */
export interface Given {
  snowflake: string;
  linkedin: string;
  model: string;
}

const step = proxyActivities<typeof activities>({ startToCloseTimeout: '45 seconds' });

/** Two branches that meet at two syncs, and a signal in the middle of one. */
export async function Bare({ name, work, given }: BareRun): Promise<void> {
  let link: string | undefined;
  let signedIn = false;
  setHandler(linkQuery, () => link);
  setHandler(signedInSignal, () => {
    signedIn = true;
  });
  const snowflake = async () => {
    const connection = await step.provideSnowflakeConnection({ name, work, given });
    return step.provideModel({ name, work, given, connection });
  };
  const linkedin = async () => {
    const provided = await step.provideLinkedInConnection({ name, work, given });
    const { connection } = provided;
    if (given === undefined) {
      link = provided.link;
      await condition(() => signedIn, '7 days');
      await step.verifySignInAndEnable({ name, work, connection });
    } else {
      await step.verifySignIn({ name, work, connection });
      await step.enableAdAccounts({ name, work, connection });
    }
    await step.inspectAudiences({ name, work, connection });
    return connection;
  };
  const [model, connection] = await Promise.all([snowflake(), linkedin()]);
  await Promise.all([
    step.createExistingSync({ name, work, connection, model }),
    step.createNewSync({ name, work, connection, model }),
  ]);
}
