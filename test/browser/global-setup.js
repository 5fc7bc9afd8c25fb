/** Before the tests in a browser: what is there before all tests, with a Web UI; and a Chromium to look at it with. */
import { access, constants } from 'node:fs/promises';
import setUp from '../support/global-setup.js';

export default async function setUpBrowser(config, project) {
  const chromium = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
  try {
    await access(chromium, constants.X_OK);
  } catch (error) {
    throw new Error(
      `These tests need Chromium (${error.message}). Install it (Debian: apt-get install chromium), or say where it is: CHROMIUM_PATH=… npm run test:browser`,
    );
  }
  await setUp(config, project, { ui: true });
}
