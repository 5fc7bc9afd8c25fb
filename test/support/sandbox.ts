/** A sandbox of the test's own, over real HTTP. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { startSandbox } from '../../src/sandbox/listen.ts';
import { sandboxAt, type TestSandbox } from './sandbox-at.ts';

export type { TestSandbox };

const running: TestSandbox[] = [];

/** Starts one with an empty state; it is closed after the tests of the file, if not before. */
export async function newSandbox(
  options: { snowflakePassword?: string; executionPaceMs?: number } = {},
): Promise<TestSandbox> {
  const stateDir = await mkdtemp(join(tmpdir(), 'audience-sandbox-'));
  const apiKey = 'test-key-of-the-sandbox';
  const { url, close } = await startSandbox({ stateDir, apiKey, executionPaceMs: 5, ...options });
  let open = true;
  const sandbox: TestSandbox = {
    ...sandboxAt(url, apiKey),
    close: async () => {
      if (!open) return;
      open = false;
      await close();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
  running.push(sandbox);
  return sandbox;
}

afterAll(async () => {
  for (const sandbox of running.splice(0)) await sandbox.close();
});
