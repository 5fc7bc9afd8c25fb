import { beforeAll, describe, it } from '@jest/globals';
import { newStage, type Stage } from '../support/provisioning.ts';
import { browserForTests, pageOf } from './browser.ts';

const browser = browserForTests();
let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

describe('the event history', () => {
  it('says of each activity what it is for', () =>
    stage.withWorker(async () => {
      const name = await stage.start('summaries');
      await stage.signIn(name);
      await stage.audiences.result(name);
      const page = await browser.open();
      await page.goto(pageOf(await stage.audiences.status(name), 'history'));
      for (const summary of [
        `Snowflake connection “Snowflake ${name}”`,
        'Model “Active Users”',
        `LinkedIn Ads connection “LinkedIn ${name}”`,
        'Ask Polytomic whether the sign-in is there',
        'Enable the ad accounts',
        'Look at the audiences there are',
        'Sync “Existing audience”',
        'Sync “New audience”',
      ]) {
        await page.getByText(summary).first().waitFor();
      }
    }));
});
