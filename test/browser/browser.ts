/** A browser, and the Web UI of the server that the tests share. */
import { afterAll, beforeAll } from '@jest/globals';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type FrameLocator,
  type Page,
} from 'playwright-core';
import type { ProvisioningReport } from '../../src/client.ts';

/** No call home, no first-run page: a browser that shows what it is told to and does nothing besides. */
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Size of the window, in pixels, where a test names none. */
const WINDOW = { width: 1280, height: 1000 };

/** A browser for the tests of the file, with an empty profile. `open` gives a window of its own, closed after them. */
export function browserForTests(): { open(options?: BrowserContextOptions): Promise<Page> } {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());
  return { open: async (options) => (await newWindow(browser, options)).newPage() };
}

/** Starts Chromium with a profile that is removed when it closes. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium', args: ARGUMENTS });
}

/** A window with no cookies and no history. */
export function newWindow(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> {
  return browser.newContext({ viewport: WINDOW, ...options });
}

/** Address of a tab of the run's page in the Web UI. */
export function pageOf(
  { workflowId, runId }: ProvisioningReport,
  tab: 'user-metadata' | 'history',
  uiUrl = process.env['TEST_TEMPORAL_UI'],
): string {
  return `${uiUrl}/namespaces/default/workflows/${encodeURIComponent(workflowId)}/${runId}/${tab}`;
}

/** The pane in which the Web UI shows the current details: the last one on the page. */
export function currentDetailsOn(page: Page): FrameLocator {
  return page.frameLocator('iframe[title="output"] >> nth=-1');
}

/** Sends a signal without input, as a person does it. */
export async function sendSignal(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name: 'More Actions' }).click();
  await page.getByRole('menuitem', { name: 'Send a Signal' }).click();
  const dialog = page.getByRole('dialog', { name: 'Send a Signal' });
  await dialog.getByTestId('signal-select-button').click();
  await dialog.getByRole('option', { name }).click();
  await dialog.getByTestId('confirm-modal-button').click();
  await dialog.waitFor({ state: 'hidden' });
}

/** Sends an update with one JSON value as its input, as a person does it. */
export async function sendUpdate(page: Page, name: string, input: unknown): Promise<void> {
  await page.getByRole('button', { name: 'More Actions' }).click();
  await page.getByRole('menuitem', { name: 'Send an Update' }).click();
  const dialog = page.getByRole('dialog', { name: 'Send an Update' });
  await dialog.getByTestId('update-select-button').click();
  await dialog.getByRole('option', { name }).click();
  await dialog.locator('.cm-content').fill(JSON.stringify(input));
  // The editor lays the JSON out when it is left, and the button would move away from under a click.
  await dialog.getByTestId('confirm-modal-button').focus();
  await dialog.locator('.cm-line').nth(1).waitFor();
  await dialog.getByTestId('confirm-modal-button').click();
  await dialog.waitFor({ state: 'hidden' });
}
