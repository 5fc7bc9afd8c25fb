import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { newSandbox, type TestSandbox } from '../support/sandbox.ts';
import { browserForTests } from './browser.ts';

const browser = browserForTests();
let sandbox: TestSandbox;
beforeAll(async () => {
  sandbox = await newSandbox();
});

let made = 0;

/** A LinkedIn connection that nobody has signed in to, and where to do that. */
async function newConnection(name = `LinkedIn ${++made}`): Promise<{ id: string; link: string }> {
  const { id, auth_url } = await sandbox.polytomic.connections.create(
    { name, type: 'linkedinads', configuration: {} },
    { idempotencyKey: randomUUID() },
  );
  return { id, link: auth_url ?? '' };
}

const statusOf = async (id: string) => (await sandbox.polytomic.connections.get(id)).status;

const heading = (page: Page, name: string) => page.getByRole('heading', { name });

/** Relative luminance as WCAG 2 defines it, of `rgb(…)`. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/g) ?? []).map((part) => {
    const share = Number(part) / 255;
    return share <= 0.040_45 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Contrast of an element's text with what is behind it: an own background, or that of the first ancestor which has one. */
async function contrast(element: Locator): Promise<number> {
  const [ink, ground] = await element.evaluate((start) => {
    const style = (one: typeof start) => one.ownerDocument.defaultView.getComputedStyle(one);
    let behind = start;
    while (style(behind).backgroundColor === 'rgba(0, 0, 0, 0)' && behind.parentElement) behind = behind.parentElement;
    return [style(start).color as string, style(behind).backgroundColor as string] as const;
  });
  const [light = 0, dark = 0] = [luminance(ink), luminance(ground)].toSorted((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

describe.each([
  { width: 400, colorScheme: 'light' },
  { width: 400, colorScheme: 'dark' },
  { width: 1280, colorScheme: 'light' },
] as const)('the consent page, $width pixels wide and $colorScheme', ({ width, colorScheme }) => {
  const window = { viewport: { width, height: 700 }, colorScheme, javaScriptEnabled: false };

  it('shows the whole question with both answers side by side, nothing cut off', async () => {
    const { link } = await newConnection(`${'LinkedInConnectionWithoutASpace'.repeat(4)} ${++made}`);
    const page = await browser.open(window);
    await page.goto(link);
    await heading(page, 'Allow Polytomic to use LinkedIn Ads?').waitFor();
    const root = page.locator('html');
    expect(await root.evaluate((html) => html.scrollWidth - html.clientWidth)).toBe(0);
    const [allow, deny] = await Promise.all(
      ['Allow', 'Deny'].map((name) => page.getByRole('button', { name, exact: true }).boundingBox()),
    );
    expect(allow?.y).toBe(deny?.y);
    expect((allow?.x ?? 0) + (allow?.width ?? 0)).toBeLessThan(deny?.x ?? 0);
    // As large as a finger, as accessibility guidelines have it.
    for (const box of [allow, deny]) expect(box?.height).toBeGreaterThanOrEqual(44);
    expect((deny?.x ?? 0) + (deny?.width ?? 0)).toBeLessThan(width);
    expect((deny?.y ?? 0) + (deny?.height ?? 0)).toBeLessThan(700);
  });

  it('can be read: every text has a contrast of at least 4.5', async () => {
    const { link } = await newConnection();
    const page = await browser.open(window);
    await page.goto(link);
    const texts = await page.locator('main p, main h1, main li, main button').all();
    expect(texts.length).toBeGreaterThan(6);
    for (const text of texts) expect(await contrast(text)).toBeGreaterThanOrEqual(4.5);
  });

  it('can be answered by keyboard, the focus visible, without JavaScript', async () => {
    const { id, link } = await newConnection();
    const page = await browser.open(window);
    await page.goto(link);
    const focus = page.locator(':focus-visible');
    await page.keyboard.press('Tab');
    expect(await focus.textContent()).toBe('Allow');
    expect(
      await focus.evaluate((button) => button.ownerDocument.defaultView.getComputedStyle(button).outlineStyle),
    ).toBe('solid');
    await page.keyboard.press('Tab');
    expect(await focus.textContent()).toBe('Deny');
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Enter');
    await heading(page, 'You are signed in').waitFor();
    expect(await statusOf(id)).toBe('healthy');
  });
});

describe('a sign-in link', () => {
  it('says after Deny that nothing was connected', async () => {
    const { id, link } = await newConnection();
    const page = await browser.open();
    await page.goto(link);
    await page.getByRole('button', { name: 'Deny' }).click();
    await heading(page, 'You did not sign in').waitFor();
    expect(await statusOf(id)).toBe('unhealthy');
  });

  it('that was used already says so: opened again, and clicked again on the page before', async () => {
    const { link } = await newConnection();
    const page = await browser.open();
    const late = await browser.open();
    await late.goto(link);
    await page.goto(link);
    await page.getByRole('button', { name: 'Allow', exact: true }).click();
    await heading(page, 'You are signed in').waitFor();
    await page.goto(link);
    await heading(page, 'This sign-in link does not work any more').waitFor();
    await late.getByRole('button', { name: 'Deny' }).click();
    await heading(late, 'This sign-in link does not work any more').waitFor();
  });

  it('whose place a newer one took says so, and leads nobody on', async () => {
    const { id, link } = await newConnection();
    await sandbox.polytomic.connections.update(id, { reconnect: true });
    const page = await browser.open();
    await page.goto(link);
    await heading(page, 'This sign-in link does not work any more').waitFor();
    expect(await page.getByRole('button').count()).toBe(0);
  });

  it('shows the name of a connection as it is', async () => {
    const name = `<img src=x onerror=alert(1)> "'&amp; ${++made}`;
    const { link } = await newConnection(name);
    const page = await browser.open();
    await page.goto(link);
    await page.getByText(`Its connection “${name}”`).waitFor();
    expect(await page.locator('img').count()).toBe(0);
  });
});
