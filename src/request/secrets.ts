/**
 * Resolves references to secrets, where the worker allows it. A requester who could name any variable or file of a worker
 * could have it sent to an account of their own: hence prefixes, and one directory.
 */
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readlink, realpath } from 'node:fs/promises';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { isMap } from './json-value.ts';
import { isSecretReference, NOTICE_KEYS, type SecretReference } from './secret-reference.ts';

/** The largest secret file, in bytes. Keys in PEM form have a few thousand. */
const MAX_FILE_BYTES = 64 * 1024;

const BRAND = Symbol.for('audience-provisioning/secret-error');

/**
 * A secret could not be had. The message names the reference and what to do, never a value.
 * `instanceof` holds for copies of this class from other realms and bundles too.
 */
export class SecretError extends Error {
  override readonly name = 'SecretError';
  readonly [BRAND] = true;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}

/** Gives the secret that a reference stands for. Rejects with a {@link SecretError}. */
export type SecretResolver = (reference: SecretReference) => Promise<string>;

/** What a worker allows requests to refer to. */
export interface SecretSources {
  /** The environment, e.g. `process.env`. */
  env: Record<string, string | undefined>;
  /** Beginnings of names of variables that may be referred to, e.g. `SNOWFLAKE_`. None: no variable may. */
  envPrefixes: string[];
  /** The directory whose files may be referred to. None: no file may. */
  directory?: string;
}

/**
 * A resolver for what `sources` allow, {@link NOTICE_KEYS} excepted. Reads anew each time, so that a rotated secret is found
 * without a restart.
 */
export function createSecretResolver({ env, envPrefixes, directory }: SecretSources): SecretResolver {
  // An empty prefix, as an empty setting splits into, would allow every variable.
  const prefixes = envPrefixes.filter((prefix) => prefix !== '');
  return async (reference) => {
    if ('file' in reference) return fromDirectory(reference.file, directory, 'other');
    const { env: name } = reference;
    if (name.startsWith(NOTICE_KEYS.envPrefix))
      throw new SecretError(`secret { env: ${name} }: it is for signing notices, and for nothing else`);
    if (!prefixes.some((prefix) => name.startsWith(prefix))) {
      const allowed = prefixes.length === 0 ? 'no variable at all' : `names that begin with ${prefixes.join(' or ')}`;
      throw new SecretError(
        `secret { env: ${name} }: this worker allows ${allowed}; rename the variable, or add its prefix to the worker's AUDIENCE_SECRETS_ENV_PREFIXES`,
      );
    }
    return fromEnvironment(name, env);
  };
}

/** A resolver for keys to sign notices with: {@link NOTICE_KEYS}, and no other secret. */
export function createNoticeKeyResolver({ env, directory }: Omit<SecretSources, 'envPrefixes'>): SecretResolver {
  return async (reference) => {
    if ('file' in reference) return fromDirectory(reference.file, directory, NOTICE_KEYS.folder);
    const { env: name } = reference;
    if (name.startsWith(NOTICE_KEYS.envPrefix)) return fromEnvironment(name, env);
    throw new SecretError(
      `secret { env: ${name} }: notices are signed only with variables whose names begin with ${NOTICE_KEYS.envPrefix}; give their key such a name`,
    );
  };
}

function fromEnvironment(name: string, env: SecretSources['env']): string {
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value === undefined || value === '') {
    const state = value === undefined ? 'not set' : 'empty';
    throw new SecretError(
      `secret { env: ${name} }: the variable is ${state}; set it where the worker runs and restart the worker`,
    );
  }
  return value;
}

/** `place`: files of the folder for keys of notices, or those outside it. */
async function fromDirectory(
  path: string,
  directory: string | undefined,
  place: typeof NOTICE_KEYS.folder | 'other',
): Promise<string> {
  const fail = (problem: string) => new SecretError(`secret { file: ${path} }: ${problem}`);
  if (directory === undefined || directory === '') {
    throw fail('this worker allows no files; set AUDIENCE_SECRETS_DIR to the directory that holds its secrets');
  }
  const root = await realpath(directory).catch(() => {
    throw fail("the worker's secrets directory is not there; check its AUDIENCE_SECRETS_DIR");
  });
  const outside = "lies outside the worker's secrets directory; put it there and give the path from there";
  // Checked before the disk is touched, so that no answer tells which files exist elsewhere; and again after symbolic
  // links are followed.
  if (!isWithin(resolve(root, path), root) && !isWithin(resolve(path), resolve(directory))) throw fail(outside);
  const file = await realpath(resolve(root, path)).catch((error: unknown) => {
    throw fail(`cannot be found (${codeOf(error)}); put it into the worker's secrets directory`);
  });
  if (!isWithin(file, root)) throw fail(outside);
  // The folder may be a link itself, as in a volume of Kubernetes.
  const folder = await realpath(resolve(root, NOTICE_KEYS.folder)).catch(() => resolve(root, NOTICE_KEYS.folder));
  const isNoticeKey = isWithin(file, folder);
  if (isNoticeKey && place === 'other') throw fail('is for signing notices, and for nothing else');
  if (!isNoticeKey && place !== 'other')
    throw fail(
      `notices are signed only with files in ${NOTICE_KEYS.folder}/ of the secrets directory; put their key there`,
    );
  return readSecret(file, fail);
}

function isWithin(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

async function readSecret(file: string, fail: (problem: string) => SecretError): Promise<string> {
  try {
    // One handle for the checks and for the reading, so that what is read is what was checked. Not blocking: opening a
    // named pipe would otherwise wait for its writer for ever. Following no link: one put there since would lead out.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) throw fail('is not a regular file; give the path of a file');
      if (!(await isStillAt(file, handle)))
        throw fail('was replaced while it was opened; leave it as it is and try again');
      const bytes = await beginningOf(handle, MAX_FILE_BYTES + 1);
      if (bytes.length > MAX_FILE_BYTES)
        throw fail(`is larger than ${MAX_FILE_BYTES / 1024} KiB; is it the right file?`);
      return textOf(bytes, fail);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw error instanceof SecretError
      ? error
      : fail(`cannot be read (${codeOf(error)}); check that the worker may read it`);
  }
}

/** All that a file holds, up to `most` bytes, whatever it says of its size: that may change, and some say 0. */
async function beginningOf(handle: FileHandle, most: number): Promise<Uint8Array> {
  const buffer = Buffer.alloc(most);
  for (let length = 0; ; ) {
    const { bytesRead } = await handle.read(buffer, length);
    length += bytesRead;
    if (bytesRead === 0 || length === most) return buffer.subarray(0, length);
  }
}

/** Whether what was opened is what this real path leads to: a folder on the way may have become a link before it was opened. */
async function isStillAt(file: string, handle: FileHandle): Promise<boolean> {
  // Linux says where an open file lies. Elsewhere what can be compared is what lies there a moment later.
  const opened = await readlink(`/proc/self/fd/${handle.fd}`).catch(() => undefined);
  if (opened !== undefined) return opened === file;
  const [{ dev, ino }, real, there] = [await handle.stat(), await realpath(file), await lstat(file)];
  return real === file && there.dev === dev && there.ino === ino;
}

function textOf(bytes: Uint8Array, fail: (problem: string) => SecretError): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw fail('is not text in UTF-8; a key must be in PEM form');
  }
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '') throw fail('is empty; write the secret into it');
  return secret;
}

/** The system's code of an error, e.g. `ENOENT`. Its message is not used: it has the real path of the file. */
function codeOf(error: unknown): string {
  return isMap(error) && typeof error['code'] === 'string' ? error['code'] : 'unknown error';
}

/** A deep copy of an `extra` in which every reference to a secret is the secret. Rejects with a {@link SecretError}. */
export async function resolveExtra(
  extra: Record<string, unknown>,
  resolver: SecretResolver,
): Promise<Record<string, unknown>> {
  const entries = Object.entries(extra).map(async ([key, value]) => [key, await resolved(value, resolver)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

async function resolved(value: unknown, resolver: SecretResolver): Promise<unknown> {
  if (isSecretReference(value)) return resolver(value);
  if (Array.isArray(value)) return Promise.all(value.map((entry) => resolved(entry, resolver)));
  return isMap(value) ? resolveExtra(value, resolver) : value;
}
