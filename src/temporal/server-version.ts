/** Whether a program is the Temporal CLI, and new enough to be our server. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The oldest server in which the worker deployment versioning that workers rely on works. */
const MINIMUM_SERVER = [1, 29, 1] as const;

/** How long `--version` may take, in ms: a quarter of a GB is read from a cold disk for it. */
const VERSION_TIMEOUT_MS = 20_000;

/**
 * Why `program` cannot be used, in a few words, or `undefined` if it can. Asks for the *server's* version: a CLI that Go
 * built calls itself 0.0.0-DEV, and it is the server that matters.
 */
export async function reasonAgainst(program: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  let said: string;
  try {
    said = (await run(program, ['--version'], { env, timeout: VERSION_TIMEOUT_MS, killSignal: 'SIGKILL' })).stdout;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return `it could not be run (${typeof code === 'string' ? code : `--version ended with ${code ?? 'a signal'}`})`;
  }
  const [, major, minor, patch] = /^temporal version .*\(Server (\d+)\.(\d+)\.(\d+)/.exec(said) ?? [];
  if (major === undefined) return 'it is not the Temporal CLI, going by its --version';
  const version = [major, minor, patch].map(Number);
  return isOlder(version)
    ? `its server is version ${version.join('.')}; it takes ${MINIMUM_SERVER.join('.')}`
    : undefined;
}

function isOlder(version: readonly number[]): boolean {
  for (const [index, least] of MINIMUM_SERVER.entries()) {
    const part = version[index] ?? 0;
    if (part !== least) return part < least;
  }
  return false;
}
