import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import fetch from 'node-fetch';
import type { Page } from 'playwright-core';
import { requestDetails } from '../../src/client/request-details.ts';
import type { ProvisioningReport } from '../../src/client.ts';
import { currentDetails } from '../../src/workflows/current-details.ts';
import { escapeMarkdown, linkOf } from '../../src/workflows/markdown.ts';
import { HOSTILE, outside } from '../support/hostile-text.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { ACCOUNT, existingSync, newSync, walkthrough } from '../support/walkthrough.ts';
import { browserForTests, currentDetailsOn, pageOf } from './browser.ts';

const browser = browserForTests();
let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

const EVIL = '[x](https://evil.example) <img src=x onerror=alert(1)>';

/** A request that carries it in everything that may hold any text. */
const evilRequest = {
  requester: EVIL,
  snowflake: { connection: { ...walkthrough('').snowflake.connection, name: `Snowflake ${EVIL}` } },
  linkedinAds: { connection: { name: `LinkedIn ${EVIL}` }, accounts: [ACCOUNT.label] },
  models: { 'active-users': { name: `Model ${EVIL}`, query: 'SELECT first_name, last_name, email FROM users' } },
  syncs: [
    existingSync({ name: `Existing ${EVIL}` }),
    newSync({
      name: `New ${EVIL}`,
      audience: { create: { name: `Audience ${EVIL}`, type: 'user_audience', account: ACCOUNT.label } },
    }),
  ],
};

/** Every link and image on a page and in its frames, and whether a script has said something. */
async function traces(page: Page): Promise<{ links: string[]; images: string[] }> {
  const links: string[] = [];
  const images: string[] = [];
  for (const frame of page.frames()) {
    links.push(...(await frame.locator('a').evaluateAll((all) => all.map((a) => String(a.getAttribute('href'))))));
    images.push(
      ...(await frame.locator('img').evaluateAll((all) => all.map((img) => String(img.getAttribute('src'))))),
    );
  }
  return { links: links.filter((link) => link.includes('evil')), images: images.filter((image) => image === 'x') };
}

describe('text from outside on the page of a run', () => {
  it('is shown as it is, and makes no link, no image and no script, while the run waits and when it is over', () =>
    stage.withWorker(async () => {
      const name = await stage.start('outside-text', evilRequest);
      const report: ProvisioningReport = await stage.untilAsked(name);
      const page = await browser.open();
      const alerts: string[] = [];
      page.on('dialog', (dialog) => {
        alerts.push(dialog.message());
        void dialog.dismiss();
      });
      const details = currentDetailsOn(page);

      await page.goto(pageOf(report, 'user-metadata'));
      await details.getByText(`for ${EVIL}`).waitFor();
      await details.getByText(`sync New ${EVIL}`).waitFor();
      await page.getByText(`Snowflake connection “Snowflake ${EVIL}”`).waitFor();
      await page.frameLocator('iframe[title="output"] >> nth=1').getByText(`Audience ${EVIL} (new)`).waitFor();
      expect(await traces(page)).toEqual({ links: [], images: [] });
      expect(await details.getByRole('link').allInnerTexts()).toEqual(['Sign in to LinkedIn']);

      await stage.signIn(name);
      await stage.audiences.result(name);
      await page.reload();
      await details.getByText(`made audience Audience ${EVIL}`).waitFor();
      expect(await traces(page)).toEqual({ links: [], images: [] });

      await page.goto(pageOf(report, 'history'));
      await page.getByText(`Sync “New ${EVIL}”`).first().waitFor();
      expect(await traces(page)).toEqual({ links: [], images: [] });
      expect(alerts).toEqual([]);
    }));
});

/** What the Web UI's own renderer makes of Markdown. */
async function rendered(markdown: string): Promise<string> {
  const answer = await fetch(`${process.env['TEST_TEMPORAL_UI']}/render?content=${encodeURIComponent(markdown)}`);
  const page = await answer.text();
  return page.slice(page.indexOf('<main>') + '<main>'.length, page.lastIndexOf('</main>')).trim();
}

const tagsOf = (html: string) => html.match(/<[^>]*>/g);

describe("the Web UI's renderer", () => {
  it.each(HOSTILE)('shows %j as it is', async (text) => {
    const html = await rendered(`a${escapeMarkdown(text)}b`);
    expect(tagsOf(html)).toEqual(['<p>', '</p>']);
    const shown = html
      .replace(/<\/?p>/g, '')
      .replace(/&(lt|gt|quot|amp);/g, (_, name: string) => ({ lt: '<', gt: '>', quot: '"', amp: '&' })[name] ?? '');
    expect(shown).toBe(`a${text.replace(/\p{Cc}+/gu, ' ')}b`);
  });

  it('makes no element of any text from outside, wherever it stands', async () => {
    const filled = (text: string) =>
      [
        currentDetails({
          name: 'a',
          requester: text,
          stage: 'failed',
          startedAt: '',
          signIn: {
            url: 'https://linkedin.example/',
            since: '',
            until: '',
            claims: 1,
            lastCheck: { at: '', outcome: 'denied', reason: text },
          },
          questions: [
            {
              step: `sync ${text}`,
              answer: 'chooseAudience',
              choices: [{ value: text, label: text }],
              total: 1,
              why: text,
            },
          ],
          warnings: [text],
          steps: [
            {
              id: `sync ${text}`,
              state: 'blocked',
              generation: 1,
              piece: `models.${text}`,
              resources: [{ kind: 'audience', id: text, name: text, made: true }],
              note: text,
              failure: { step: text, type: 'Error', message: text },
            },
          ],
        }),
        requestDetails(walkthrough('a', { syncs: [existingSync({ audience: { existing: text } })] })),
      ].join('\n\n');
    const expected = tagsOf(await rendered(filled('text')));
    await fc.assert(
      fc.asyncProperty(outside, async (text) => {
        expect(tagsOf(await rendered(filled(text)))).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('leads to the very address of a link', async () => {
    const url = 'https://linkedin.example/oauth?access_type=offline&copy=1&scope=a_b_c%20*d*&state=~x[1]#top';
    expect(await rendered(linkOf(url, 'Sign in'))).toBe(
      `<p><a href="${url.replaceAll('&', '&amp;')}" target="_blank">Sign in</a></p>`,
    );
  });
});
