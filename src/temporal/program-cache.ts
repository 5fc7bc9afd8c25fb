/**
 * The place where a server program that was downloaded or built is kept for all later starts, and the lock that lets
 * starts at the same time share one download or build.
 */
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import lockfile from 'proper-lockfile';

/** The Temporal CLI that is downloaded or built. Its server is 1.29.1. */
export const PROGRAM_VERSION = 'v1.5.1';

/** A lock whose holder has not touched it for so long belongs to a process that was killed, in ms. */
const LOCK_STALE_MS = 15_000;

/** How often somebody who waits for the lock looks, and how often they are told that they wait, in ms. */
const LOCK_POLL_MS = 250;
const LOCK_NOTICE_MS = 5_000;

/** Unfinished work is below directories of this prefix. */
const UNFINISHED = 'unfinished-';

/** `AUDIENCE_CACHE_DIR`, else `audience-provisioning` below `XDG_CACHE_HOME` or `~/.cache`. */
export function cacheDirectory(env: NodeJS.ProcessEnv): string {
  const own = env['AUDIENCE_CACHE_DIR'];
  if (own) return own;
  return join(env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache'), 'audience-provisioning');
}

/** Where the program of this version is, or will be. A home directory may be shared by machines of several kinds. */
export function cachedProgram(directory: string): string {
  return join(directory, `temporal-${PROGRAM_VERSION}-${process.platform}-${process.arch}`);
}

/**
 * Lets `make` put a program below an empty directory, and moves it to its place in the cache by a rename. So what stands
 * there is whole: a process that dies meanwhile leaves only an unfinished directory, which the next one removes.
 * `make` returns the program's path, or `undefined` if it could not make one. Call it under `withLock`.
 */
export async function intoCache(
  directory: string,
  make: (unfinished: string) => Promise<string | undefined>,
): Promise<string | undefined> {
  for (const name of await readdir(directory)) {
    if (name.startsWith(UNFINISHED)) await rm(join(directory, name), { recursive: true, force: true });
  }
  const unfinished = await mkdtemp(join(directory, UNFINISHED));
  try {
    const made = await make(unfinished);
    if (made === undefined) return undefined;
    const program = cachedProgram(directory);
    await rename(made, program);
    return program;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/**
 * Runs `work` while no other process runs theirs on the same cache. Waits as long as another one lives, and says so; the
 * lock of a dead one is taken over.
 */
export async function withLock<T>(
  directory: string,
  onProgress: (line: string) => void,
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(directory, { recursive: true });
  const began = Date.now();
  let noticeAt = began;
  let release = await tryLock(directory, onProgress);
  while (release === undefined) {
    if (Date.now() >= noticeAt) {
      const seconds = Math.round((Date.now() - began) / 1000);
      onProgress(`Waiting for another process that is getting the Temporal server: ${seconds} s so far`);
      noticeAt = Date.now() + LOCK_NOTICE_MS;
    }
    await sleep(LOCK_POLL_MS);
    release = await tryLock(directory, onProgress);
  }
  try {
    return await work();
  } finally {
    await release();
  }
}

/** `undefined` if another process holds it. */
async function tryLock(
  directory: string,
  onProgress: (line: string) => void,
): Promise<(() => Promise<void>) | undefined> {
  let lost = false;
  try {
    const release = await lockfile.lock(directory, {
      lockfilePath: join(directory, 'lock'),
      stale: LOCK_STALE_MS,
      // After a suspended laptop, say, another process may have taken over. Both then finish; the later rename wins.
      onCompromised: () => {
        lost = true;
        onProgress('Another process took over the lock on the cache of the Temporal server; going on beside it');
      },
    });
    return async () => (lost ? undefined : release());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ELOCKED') return undefined;
    throw error;
  }
}
