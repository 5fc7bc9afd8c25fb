/**
 * Finds the program of the embedded Temporal server, or gets it: the `temporal` CLI, which is the server too.
 */
import { onPath } from './on-path.ts';
import { buildProgram } from './program-build.ts';
import { cacheDirectory, cachedProgram, intoCache, PROGRAM_VERSION, withLock } from './program-cache.ts';
import { downloadProgram, type Gotten } from './program-download.ts';
import { reasonAgainst } from './server-version.ts';

/** How the program is looked for. */
export interface FindOptions {
  /** Default `process.env`. `AUDIENCE_TEMPORAL_PROGRAM`, `AUDIENCE_CACHE_DIR`, `PATH`, proxies. */
  env?: NodeJS.ProcessEnv;
  /** Told in a line what takes long: a download or a build, every few seconds. */
  onProgress?: (line: string) => void;
}

/** There is no program for the embedded server. The message says what was tried, and every way to get one. */
export class ServerProgramError extends Error {
  override readonly name = 'ServerProgramError';
}

/**
 * The path of a Temporal CLI that runs here and is new enough: the one that `AUDIENCE_TEMPORAL_PROGRAM` names and no
 * other; else `temporal` on PATH, else the cache's, else one that is downloaded, else one that Go builds, into the cache.
 * Processes that ask at the same time share one download or build.
 *
 * @throws ServerProgramError if none of them comes to anything.
 */
export async function findServerProgram({
  env = process.env,
  onProgress = () => {},
}: FindOptions = {}): Promise<string> {
  const named = env['AUDIENCE_TEMPORAL_PROGRAM'];
  if (named) {
    const reason = await reasonAgainst(named, env);
    if (reason === undefined) return named;
    throw new ServerProgramError(`AUDIENCE_TEMPORAL_PROGRAM names ${named}, but ${reason}. Correct it or unset it.`);
  }

  const tried: string[] = [];
  const installed = await onPath('temporal', env);
  if (installed === undefined) {
    tried.push('PATH: no program called `temporal`');
  } else {
    const reason = await reasonAgainst(installed, env);
    if (reason === undefined) return installed;
    tried.push(`PATH: ${installed}, but ${reason}`);
    onProgress(`Not using ${installed}: ${reason}`);
  }

  const directory = cacheDirectory(env);
  const cached = await fromCache(directory, env);
  if (cached !== undefined) return cached;
  tried.push(`cache: nothing usable at ${cachedProgram(directory)}`);

  const gotten = await withLock(directory, onProgress, async () => {
    // Who held the lock before us may have got it.
    const meanwhile = await fromCache(directory, env);
    return meanwhile ?? (await intoCache(directory, (unfinished) => get(unfinished, env, onProgress, tried)));
  });
  if (gotten !== undefined) return gotten;
  throw new ServerProgramError(
    `The embedded Temporal server needs the \`temporal\` program, and there is none:\n${tried.map((line) => `- ${line}`).join('\n')}\n` +
      'Any one of these helps: install the Temporal CLI (https://docs.temporal.io/cli) so that `temporal` is on PATH; ' +
      'set AUDIENCE_TEMPORAL_PROGRAM to the path of one; install Go (https://go.dev/dl), and it is built for you; ' +
      `or put a ${PROGRAM_VERSION} at ${cachedProgram(directory)}.`,
  );
}

async function get(
  unfinished: string,
  env: NodeJS.ProcessEnv,
  onProgress: (line: string) => void,
  tried: string[],
): Promise<string | undefined> {
  const ways: Array<[name: string, way: () => Promise<Gotten>]> = [
    ['download', () => downloadProgram(unfinished, env)],
    ['Go', () => buildProgram(unfinished, env, onProgress)],
  ];
  onProgress(`Getting the Temporal server ${PROGRAM_VERSION}, once; later starts find it in the cache`);
  for (const [name, way] of ways) {
    const gotten = await way();
    const reason = 'reason' in gotten ? gotten.reason : await reasonAgainst(gotten.program, env);
    if ('program' in gotten && reason === undefined) return gotten.program;
    tried.push(`${name}: ${reason}`);
  }
  return undefined;
}

async function fromCache(directory: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const program = cachedProgram(directory);
  return (await reasonAgainst(program, env)) === undefined ? program : undefined;
}
