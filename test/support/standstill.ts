/** A run whose history no worker can replay that is as it ships. */
import { ownWalkthrough } from './own-walkthrough.ts';
import { people } from './people.ts';
import type { Stage } from './provisioning.ts';
import { withWorker } from './temporal.ts';
import { until } from './until.ts';
import { existingSync } from './walkthrough.ts';

/** The sync whose audience is still to be chosen in it. */
export const OPEN_SYNC = existingSync().name;

/** A worker whose code sets a timer where no other does. */
const ONE_TIMER_MORE = { "return 'claim'": "return (await this.run.untilPerson(() => false, 1), 'claim')" };

/** Its sign-in was claimed, its ad accounts were chosen and a sync was made under a worker of other code, which is gone. */
export async function newStandstill(stage: Stage, about: string): Promise<string> {
  const request = ownWalkthrough(about);
  const { name } = await stage.audiences.start({
    ...request,
    linkedinAds: { ...request.linkedinAds, accounts: 'ask' },
    syncs: request.syncs.map((sync) => (sync.name === OPEN_SYNC ? { ...sync, audience: 'ask' as const } : sync)),
  });
  const { asked, select, step } = people(stage, name);
  await stage.withWorker(() => stage.untilAsked(name));
  await withWorker({ ...stage.worker, impatience: ONE_TIMER_MORE }, async () => {
    await stage.signIn(name);
    await asked('ad accounts');
    await select('all');
    await asked(`sync ${OPEN_SYNC}`);
    await step('sync New audience', 'done');
  });
  return name;
}

/** Why the run stands still, as its status says. */
export function untilStandstill({ audiences }: Stage, name: string): Promise<string> {
  return until(`${name} stands still`, async () => {
    const { problem } = await audiences.status(name);
    return problem?.includes('TMPRL1100') && problem;
  });
}
