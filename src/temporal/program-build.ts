/** Builds the server program with Go, where that is installed. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { onPath } from './on-path.ts';
import { PROGRAM_VERSION } from './program-cache.ts';
import type { Gotten } from './program-download.ts';

/** How often the build is reported on, in ms. */
const PROGRESS_MS = 5_000;

/** A build that takes longer hangs, in ms: on two busy cores it takes three minutes. */
const BUILD_TIMEOUT_MS = 20 * 60_000;

/** How much of Go's output is shown when it fails, in lines. */
const LAST_LINES = 12;

/** Builds into `directory`. That Go is not installed, or fails, is the reason it returns. */
export async function buildProgram(
  directory: string,
  env: NodeJS.ProcessEnv,
  onProgress: (line: string) => void,
): Promise<Gotten> {
  const go = await onPath('go', env);
  if (go === undefined) return { reason: 'Go is not installed (no `go` on PATH)' };
  const child = spawn(go, ['install', `github.com/temporalio/cli/cmd/temporal@${PROGRAM_VERSION}`], {
    cwd: directory,
    // A developer's own settings would break this: GOOS and GOARCH build for another machine, which GOBIN forbids, and
    // `-mod=vendor` looks for the sources where there are none.
    env: { ...env, GOBIN: directory, GOFLAGS: '-mod=mod', GOOS: goSystem(), GOARCH: goArchitecture(), GOWORK: 'off' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: BUILD_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  const began = Date.now();
  const report = () => {
    const seconds = Math.round((Date.now() - began) / 1000);
    onProgress(`Building the Temporal server with Go, which takes two to three minutes, once: ${seconds} s so far`);
  };
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => said.push(text));
  report();
  const timer = setInterval(report, PROGRESS_MS);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (code === 0) return { program: join(directory, process.platform === 'win32' ? 'temporal.exe' : 'temporal') };
    const lines = said.join('').trim().split('\n').slice(-LAST_LINES).join('\n');
    return {
      reason: `go install ended with ${code === null ? 'a signal, perhaps for taking too long' : `code ${code}`}:\n${lines}`,
    };
  } finally {
    clearInterval(timer);
  }
}

function goSystem(): string {
  return process.platform === 'win32' ? 'windows' : process.platform;
}

function goArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}
