/** `npm run screenshots`: takes the pictures of docs/images. Run by Jest for its set-up, but no test. */
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { newStage } from '../support/provisioning.ts';
import { until } from '../support/until.ts';
import { existingSync, walkthrough } from '../support/walkthrough.ts';
import { browserForTests, currentDetailsOn, pageOf } from './browser.ts';

const IMAGES = fileURLToPath(new URL('../../docs/images/', import.meta.url));

/** The Web UI's menu on the left, in pixels: the pictures are of the run. */
const MENU_WIDTH = 64;

/** Of the window, in pixels: as wide as the Web UI needs to show a run's facts in columns. */
const WINDOW = { width: 1280, height: 1200 };

/** Room above and below what is shown, in pixels. */
const MARGIN = 16;

const browser = browserForTests();

it('takes the screenshots', async () => {
  await mkdir(IMAGES, { recursive: true });
  const stage = await newStage({ taskQueue: 'audience-provisioning' });
  await stage.withWorker(async () => {
    const { name } = await stage.audiences.start(walkthrough('active-users', { requester: 'Jane Doe' }));
    const report = await stage.untilAsked(name);
    const page = await browser.open({ viewport: WINDOW });
    const details = currentDetailsOn(page);

    await page.goto(pageOf(report, 'user-metadata'));
    await details.getByRole('link', { name: 'Sign in to LinkedIn' }).waitFor();
    await takeRun(page, 'waiting', 'Model “Active Users”');

    const consent = await browser.open({ viewport: { width: 720, height: 560 } });
    await consent.goto(report.status?.signIn?.url ?? '');
    await consent.screenshot({ path: `${IMAGES}consent.png` });

    await stage.signIn(name);
    await stage.audiences.result(name);
    await page.reload();
    await details.getByText('Completed').waitFor();
    await takeRun(page, 'completed', 'Sync “New audience”');

    const { linkedinConnection } = await stage.audiences.result(name);
    const asking = walkthrough('lapsed-users', {
      requester: 'Jane Doe',
      snowflake: { connection: { use: 'Snowflake Connection' } },
      linkedinAds: { connection: { use: linkedinConnection.id }, accounts: 'ask' },
      models: { 'lapsed-users': { name: 'Lapsed Users', query: 'SELECT first_name, last_name, email FROM userz' } },
      syncs: [existingSync({ model: 'lapsed-users', audience: 'ask' })],
    });
    await stage.audiences.start(asking);
    const asked = await until('a step is blocked and a question is open', async () => {
      const { status, ...rest } = await stage.audiences.status(asking.name);
      const blocked = status?.steps.some(({ state }) => state === 'blocked');
      return blocked && (status?.questions.length ?? 0) > 0 && rest;
    });
    await page.goto(pageOf(asked, 'user-metadata'));
    await details.getByText('Waiting for a person to choose').waitFor();
    await takeRun(page, 'asking', 'Enable the ad accounts');
    await stage.audiences.giveUp(asking.name);
  });
});

/** The run from its name to its last activity. */
async function takeRun(page: Page, name: string, lastActivity: string): Promise<void> {
  await page.getByText(lastActivity).waitFor();
  await page.frameLocator('iframe[title="output"] >> nth=1').getByText('Schedule').waitFor();
  const top = await page.getByTestId('workflow-id-heading').boundingBox();
  const ends = [page.locator('iframe[title="output"]').last(), page.getByText('Activity', { exact: true }).last()];
  const bottoms = await Promise.all(ends.map((end) => end.boundingBox()));
  const bottom = Math.max(...bottoms.map((box) => (box === null ? 0 : box.y + box.height)));
  const y = (top?.y ?? 0) - MARGIN;
  await page.screenshot({
    path: `${IMAGES}${name}.png`,
    clip: { x: MENU_WIDTH, y, width: WINDOW.width - MENU_WIDTH, height: bottom + MARGIN - y },
    animations: 'disabled',
  });
}
