/** A sandbox of the test's own, over real HTTP. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { startSandbox } from '../../src/sandbox/listen.ts';
import { sandboxAt, type TestSandbox } from './sandbox-at.ts';

export type { TestSandbox };

const all: TestSandbox[] = [];

/** Starts one with an empty state; it is closed after the tests of the file, if not before. */
export async function newSandbox(
  options: { snowflakePassword?: string; executionPaceMs?: number } = {},
): Promise<TestSandbox> {
  const stateDir = await mkdtemp(join(tmpdir(), 'audience-sandbox-'));
  const apiKey = 'test-key-of-the-sandbox';
  const start = (port: number) => startSandbox({ port, stateDir, apiKey, executionPaceMs: 5, ...options });
  let running = await start(0);
  let open = true;
  const sandbox: TestSandbox = {
    ...sandboxAt(running.url, apiKey),
    restart: async () => {
      await running.close();
      running = await start(Number(new URL(running.url).port));
    },
    close: async () => {
      if (!open) return;
      open = false;
      await running.close();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
  all.push(sandbox);
  return sandbox;
}

afterAll(async () => {
  for (const sandbox of all.splice(0)) await sandbox.close();
});
