import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createSecretResolver, resolveExtra, SecretError } from '../../src/request/secrets.ts';
import { activitiesOn, failureOf, newStep, sceneForEachTest } from '../support/activity-step.ts';

/** What is in files and variables that no requester may have. */
const VALUE = 'Tr0ub4dor&3';

let base: string;
let directory: string;
let server: Server;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'elsewhere-'));
  directory = join(base, 'secrets');
  await mkdir(join(directory, 'deep'), { recursive: true });
  await mkdir(join(base, 'others'));
  await writeFile(join(base, 'outside'), VALUE);
  await writeFile(join(base, 'others', 'key'), VALUE);
  await writeFile(join(directory, 'mine'), 'allowed');
  await writeFile(join(directory, 'deep', 'key'), 'allowed');
  const links: Record<string, string> = {
    'to-a-file': '../outside',
    'to-a-folder': '../others',
    'to-a-link': 'to-a-file',
    'to-a-link-to-a-folder': 'to-a-folder',
    'to-root': '/',
    'to-itself': 'to-itself',
    'to-nothing': '../nothing',
    'to-environ': '/proc/self/environ',
    'to-fd': '/proc/self/fd',
    'to-cwd': '/proc/self/cwd',
    'to-zero': '/dev/zero',
    'to-stdin': '/dev/stdin',
    'deep/up': '../..',
  };
  for (const [path, target] of Object.entries(links)) await symlink(target, join(directory, path));
  server = createServer();
  await new Promise<void>((resolve) => server.listen(join(directory, 'socket'), resolve));
});

afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  await rm(base, { recursive: true });
});

const resolver = (from = directory) => createSecretResolver({ env: {}, envPrefixes: [], directory: from });

/** The message of the SecretError that a reference is refused with; it holds nothing that no requester may have. */
async function refusal(resolving: Promise<unknown>): Promise<string> {
  const error = await resolving.then(
    (value) => `it gave ${JSON.stringify(value)}`,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SecretError);
  const { message } = error as SecretError;
  expect(message).not.toContain(VALUE);
  return message;
}

describe('a file elsewhere', () => {
  it.each([
    'to-a-file',
    'to-a-folder/key',
    'to-a-link',
    'to-a-link-to-a-folder/key',
    'to-root/etc/passwd',
    'to-environ',
    'to-cwd/package.json',
    'to-zero',
    'deep/up/outside',
    'deep/up/others/../outside',
  ])('is refused by way of the link %s', async (file) => {
    expect(await refusal(resolver()({ file }))).toContain('lies outside');
  });

  it.each(['to-stdin', 'to-fd/0', 'to-itself', 'to-nothing'])(
    'is refused by way of the link %s, which leads nowhere',
    async (file) => {
      await refusal(resolver()({ file }));
    },
  );

  it.each([
    '/proc/self/environ',
    '/proc/self/root/etc/passwd',
    '/proc/1/environ',
    '../../../../../../../../proc/self/environ',
    '/dev/zero',
    '/dev/stdin',
    '/etc/passwd',
    '//etc/passwd',
    './/..//outside',
    'deep/../../outside',
    'mine/../../outside',
  ])('is refused by its path %s', async (file) => {
    expect(await refusal(resolver()({ file }))).toContain('lies outside');
  });

  it.each([
    'deep\\..\\..\\outside',
    '..\\outside',
    'C:\\Windows\\win.ini',
    '\\\\host\\share\\key',
    '%2e%2e/outside',
    '..%2foutside',
    '%2e%2e%2foutside',
    '..%c0%afoutside',
    '\uff0e\uff0e/outside',
    '\u2025/outside',
    '\u2024\u2024/outside',
    '..\u2215outside',
    '..\uff0foutside',
    'file:///etc/passwd',
    '~/key',
    '$HOME/key',
    '`id`',
    '.\u200b./outside',
  ])('is not found by the trick %s, which is a name like any other here', async (file) => {
    expect(await refusal(resolver()({ file }))).toContain('cannot be found (ENOENT)');
  });

  it.each(['outside\0', '../outside\0', 'mine\0/../../outside', '\0', 'mine\0'])(
    'is refused with a zero in its path %#',
    async (file) => {
      await refusal(resolver()({ file }));
    },
  );

  it('is refused where its path is longer than any', async () => {
    await refusal(resolver()({ file: 'a/'.repeat(100_000) }));
    await refusal(resolver()({ file: `${'../'.repeat(10_000)}etc/passwd` }));
  });

  it('is refused where the directory is a link, and where it is the root of nothing else', async () => {
    await symlink('secrets', join(base, 'link'));
    expect(await resolver(join(base, 'link'))({ file: 'mine' })).toBe('allowed');
    for (const file of ['../outside', 'to-a-file', join(base, 'outside'), '../others/key'])
      expect(await refusal(resolver(join(base, 'link'))({ file }))).toContain('lies outside');
    expect(await refusal(resolver(join(directory, 'to-itself'))({ file: 'mine' }))).toContain('is not there');
    expect(await refusal(resolver(join(base, 'outside'))({ file: 'mine' }))).toContain('cannot be found');
  });

  it('never comes through a folder that turns into a link meanwhile', async () => {
    const folder = join(directory, 'turning');
    await mkdir(folder);
    await writeFile(join(folder, 'key'), 'allowed');
    await symlink(join(base, 'others'), join(directory, 'false'));
    let turning = true;
    const turned = (async () => {
      while (turning) {
        await rename(folder, join(directory, 'true'));
        await rename(join(directory, 'false'), folder);
        await rename(folder, join(directory, 'false'));
        await rename(join(directory, 'true'), folder);
      }
    })();
    const outcomes = new Set<string>();
    for (let attempt = 0; attempt < 2_000; attempt += 1) {
      const secret = await resolver()({ file: 'turning/key' }).catch((error: unknown) =>
        refusal(Promise.reject(error)),
      );
      outcomes.add(secret);
    }
    turning = false;
    await turned;
    expect(outcomes).not.toContain(VALUE);
  });
});

describe('what is no file', () => {
  it.each(['zero', 'null', 'full', 'urandom', 'tty', 'ptmx', 'fd/0', 'stdin', 'shm', '.'])(
    'is refused, and not waited for: /dev/%s',
    async (file) => {
      await refusal(resolver('/dev')({ file }));
    },
  );

  it('is refused: a socket, a directory', async () => {
    expect(await refusal(resolver()({ file: 'socket' }))).toContain('cannot be read');
    expect(await refusal(resolver()({ file: 'deep' }))).toContain('is not a regular file');
  });

  it('is read no further than a secret may be long, whatever size it says it has', async () => {
    // Files of /proc have a size of 0 and any content.
    expect(await refusal(resolver('/proc')({ file: 'kallsyms' }))).toMatch(
      /is larger than 64 KiB|cannot be (read|found)|is not there/,
    );
  });
});

describe('a variable elsewhere', () => {
  const env: Record<string, string | undefined> = {
    SNOWFLAKE_PASSWORD: 'allowed',
    SNOWFLAKE: VALUE,
    SNOWFLAKEX_PASSWORD: VALUE,
    snowflake_password: VALUE,
    Snowflake_Password: VALUE,
    XSNOWFLAKE_PASSWORD: VALUE,
    ' SNOWFLAKE_PASSWORD': VALUE,
    POLYTOMIC_API_KEY: VALUE,
    PATH: VALUE,
    HOME: VALUE,
    '': VALUE,
  };
  const resolve = createSecretResolver({ env, envPrefixes: ['SNOWFLAKE_'] });

  it.each([
    ...Object.keys(env).filter((name) => name !== 'SNOWFLAKE_PASSWORD'),
    '__proto__',
    'constructor',
    'hasOwnProperty',
    '*',
    'SNOWFLAKE',
    '\0SNOWFLAKE_PASSWORD',
    'PATH\0SNOWFLAKE_',
    'SNOWFLAKE\uff3fPASSWORD',
    '\u0405NOWFLAKE_PASSWORD',
    'SNOWFLAKE\u200b_PASSWORD',
  ])('is refused: %j', async (name) => {
    expect(await refusal(resolve({ env: name }))).toContain('this worker allows names that begin with SNOWFLAKE_');
  });

  it.each(['SNOWFLAKE_', 'SNOWFLAKE_password', 'SNOWFLAKE_PASSWORD ', 'SNOWFLAKE_PASSWORD\0', 'SNOWFLAKE_/../PATH'])(
    'is not set: %j',
    async (name) => {
      expect(await refusal(resolve({ env: name }))).toContain('not set');
    },
  );

  it('is no property that every object has, whatever prefix is allowed', async () => {
    const prefixed = createSecretResolver({
      env: { ...process.env },
      envPrefixes: ['__', 'con', 'to', 'has', 'value'],
    });
    for (const name of ['__proto__', '__defineGetter__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'])
      expect(await refusal(prefixed({ env: name }))).toContain('not set');
  });

  it('is never given, whatever is asked for', async () => {
    const name = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(...Object.keys(env)),
      fc.string().map((rest) => `SNOWFLAKE_${rest}`),
    );
    await fc.assert(
      fc.asyncProperty(name, async (asked) => {
        fc.pre(asked !== 'SNOWFLAKE_PASSWORD');
        await refusal(resolve({ env: asked }));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a reference to something elsewhere', () => {
  const scene = sceneForEachTest();

  it('is refused under extra as anywhere else, and nothing of the rest is given', async () => {
    for (const reference of [
      { file: '../outside' },
      { file: 'to-zero' },
      { file: '/proc/self/environ' },
      { env: 'PATH' },
    ]) {
      await refusal(resolveExtra({ token: reference }, resolver()));
      await refusal(resolveExtra({ fine: { file: 'mine' }, list: [{ deep: [reference] }] }, resolver()));
    }
  });

  it.each([
    ['a file outside', { file: '../outside' }],
    ['a link that leads out', { file: 'to-a-link' }],
    ['a device', { file: 'to-zero' }],
    ['the environment of the worker', { file: '/proc/self/environ' }],
    ['the API key', { env: 'POLYTOMIC_API_KEY' }],
  ])('ends the step, and nothing is sent: %s', async (_, password) => {
    const { sandbox } = scene;
    const activities = activitiesOn(sandbox.polytomic, { secretsDirectory: directory });
    const spec = { name: 'S', account: 'uc193736182', username: 'user', dbname: 'database' };
    for (const secrets of [{ password }, { password: { file: 'mine' }, extra: { token: [password] } }]) {
      const step = newStep('snowflake connection');
      const work = () => activities.provideSnowflakeConnection({ step: step.context, spec: { ...spec, ...secrets } });
      const failure = await failureOf(step.attempt(work));
      expect(failure).toMatchObject({ type: 'SecretUnavailable', nonRetryable: true });
      expect(failure.message).toMatch(/^Creating Snowflake connection “S”: secret { (file|env): /);
      expect(failure.message).not.toContain(VALUE);
    }
    const sent = await sandbox.requests();
    expect(sent.filter(({ method }) => method !== 'GET')).toEqual([]);
  });
});
