import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { newName } from '../support/new-name.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { until } from '../support/until.ts';
import { ACCOUNT, existingSync } from '../support/walkthrough.ts';
import { browserForTests, currentDetailsOn, pageOf, sendSignal, sendUpdate } from './browser.ts';

const browser = browserForTests();
let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

/** Follows the link on the page of the run, allows, and says so by a signal without input. */
async function signIn(page: Page, url: string | undefined): Promise<void> {
  const [consent] = await Promise.all([
    page.waitForEvent('popup'),
    currentDetailsOn(page).getByRole('link', { name: 'Sign in to LinkedIn' }).click(),
  ]);
  expect(consent.url()).toBe(url);
  await consent.getByRole('button', { name: 'Allow', exact: true }).click();
  await consent.getByRole('heading', { name: 'You are signed in' }).waitFor();
  await consent.close();
  await sendSignal(page, 'oauthCompleted');
}

describe('a person who knows only the Temporal Web UI', () => {
  it('finds the sign-in link on the page of the run, allows, says so, and sees all of it done', () =>
    stage.withWorker(async () => {
      const name = await stage.start('by-hand', { requester: 'Jane' });
      const report = await stage.untilAsked(name);
      const page = await browser.open();
      await page.goto(pageOf(report, 'history'));
      await page.getByRole('tab', { name: 'User Metadata' }).click();

      const details = currentDetailsOn(page);
      await details.getByText('Waiting for a person to sign in to LinkedIn').waitFor();
      await details.getByText('for Jane').waitFor();
      await signIn(page, report.status?.signIn?.url);
      await stage.audiences.result(name);
      await page.reload();
      await page.getByText('Completed', { exact: true }).first().waitFor();
      await details.getByText('Completed', { exact: true }).waitFor();
      const rows = await details.getByRole('row').allInnerTexts();
      const steps = rows.map((row) => row.replaceAll('\u00a0', ' ').trim()).filter((row) => row !== '');
      expect(steps.map((row) => row.split('\t').slice(0, 2))).toEqual(
        [
          'snowflake connection',
          'model active-users',
          'linkedin connection',
          'sign-in',
          'ad accounts',
          'audiences',
          'sync Existing audience',
          'sync New audience',
        ].map((step) => ['●', step]),
      );
      expect(await details.getByRole('link').count()).toBe(0);
      expect(await page.content()).not.toContain(report.status?.signIn?.url?.split('state=')[1]);
    }));

  it('mends a query, signs in and chooses the ad accounts, all from its pages', () =>
    stage.withWorker(async () => {
      const name = await stage.start('choosing', {
        linkedinAds: { connection: { name: newName('LinkedIn') }, accounts: 'ask' },
        models: { 'active-users': { name: 'Active Users', query: 'SELECT email FROM userz' } },
        syncs: [existingSync({ fields: { first_name: 'FirstName', last_name: 'LastName' } })],
      });
      const report = await stage.untilAsked(name);
      const page = await browser.open();
      await page.goto(pageOf(report, 'user-metadata'));
      const details = currentDetailsOn(page);

      await details.getByText('userz').waitFor();
      const change = { name: 'Active Users', query: 'SELECT first_name, last_name, email FROM users' };
      await sendUpdate(page, 'retryStep', { step: 'model active-users', change });
      await until('the model is there', async () =>
        (await stage.audiences.status(name)).status?.steps.some(
          ({ id, state }) => id === 'model active-users' && state === 'done',
        ),
      );
      await signIn(page, report.status?.signIn?.url);
      await until('the run asks for ad accounts', async () =>
        (await stage.audiences.status(name)).status?.questions.some(({ step }) => step === 'ad accounts'),
      );
      await page.reload();
      await details.getByText('Waiting for a person to choose').waitFor();
      await details.getByText(ACCOUNT.label).waitFor();
      await sendUpdate(page, 'selectAccounts', { accounts: [ACCOUNT.label] });
      expect(await stage.audiences.result(name)).toMatchObject({ adAccounts: [ACCOUNT] });
      await page.reload();
      await details.getByText('Completed', { exact: true }).waitFor();
    }));
});
