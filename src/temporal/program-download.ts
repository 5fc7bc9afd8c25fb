/** Gets the server program the way Temporal's own test environment does. */
import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PROGRAM_VERSION } from './program-cache.ts';

/** A download that takes longer is given up for a build, in ms. */
const DOWNLOAD_TIMEOUT_MS = 60_000;

/**
 * The test environment downloads only as a part of starting a server. It does so in a process of its own: the SDK's
 * native runtime would otherwise be set up in ours with its defaults, before the worker can set it up.
 */
const DOWNLOADER = `
const { TestWorkflowEnvironment } = require(process.argv[1]);
const executable = { type: 'cached-download', version: process.argv[2], downloadDir: process.argv[3] };
TestWorkflowEnvironment.createLocal({ server: { executable } }).then((env) => env.teardown()).catch(({ message }) => {
  console.error(message);
  process.exitCode = 1;
})`;

/** What came of trying to get the program: its path, or why not. */
export type Gotten = { program: string } | { reason: string };

/** Downloads into `directory`, which is empty. Never throws for want of a network: the reason says so. */
export async function downloadProgram(directory: string, env: NodeJS.ProcessEnv): Promise<Gotten> {
  const testing = resolveTesting();
  if (testing === undefined) return { reason: '@temporalio/testing is not installed' };
  const { NODE_OPTIONS: _, ...childEnv } = env;
  const child = spawn(process.execPath, ['-e', DOWNLOADER, testing, PROGRAM_VERSION, directory], {
    env: childEnv,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: DOWNLOAD_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const { code, signal } = await ended(child);
  if (code === 0) {
    const [name] = (await readdir(directory)).filter((file) => !file.endsWith('.downloading'));
    return name === undefined ? { reason: 'the download left no program' } : { program: join(directory, name) };
  }
  if (signal !== null) return { reason: `the download took longer than ${DOWNLOAD_TIMEOUT_MS / 1000} s` };
  return { reason: said.trim().split('\n').at(-1) || `the download ended with code ${code}` };
}

function resolveTesting(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve('@temporalio/testing');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

function ended(child: ReturnType<typeof spawn>): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    // `close` and not `exit`: only then all of stderr has been read.
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
}
