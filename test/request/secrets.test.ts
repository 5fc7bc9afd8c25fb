import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createNoticeKeyResolver, createSecretResolver, resolveExtra, SecretError } from '../../src/request/secrets.ts';

const VALUE = 'Tr0ub4dor&3';

let base: string;
let directory: string;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'secrets-'));
  directory = join(base, 'secrets');
  await mkdir(join(directory, 'deep'), { recursive: true });
  await mkdir(join(directory, 'notices', 'deep'), { recursive: true });
  await mkdir(join(base, 'secrets-of-others'));
  const files: Record<string, string | Uint8Array> = {
    'secrets/plain': VALUE,
    'secrets/newline': `${VALUE}\n`,
    'secrets/windows': `${VALUE}\r\n`,
    'secrets/two-newlines': `${VALUE}\n\n`,
    'secrets/empty': '\n',
    'secrets/binary': Uint8Array.of(0xff, 0xfe),
    'secrets/large': 'x'.repeat(64 * 1024 + 1),
    'secrets/largest': 'x'.repeat(64 * 1024),
    'secrets/deep/key.p8': VALUE,
    'secrets/..odd': VALUE,
    'secrets/notices/key': VALUE,
    'secrets/notices/deep/key': VALUE,
    outside: VALUE,
    'secrets-of-others/key': VALUE,
  };
  for (const [path, content] of Object.entries(files)) await writeFile(join(base, path), content);
  await symlink(join(base, 'outside'), join(directory, 'link-out'));
  await symlink(base, join(directory, 'link-up'));
  await symlink('deep/key.p8', join(directory, 'link-in'));
  await symlink('notices/key', join(directory, 'link-to-notice-key'));
  await symlink('../plain', join(directory, 'notices', 'link-to-plain'));
  // As Kubernetes lays out a volume.
  await mkdir(join(base, 'volume', '..data', 'notices'), { recursive: true });
  await writeFile(join(base, 'volume', '..data', 'notices', 'key'), VALUE);
  await symlink('..data/notices', join(base, 'volume', 'notices'));
  await symlink(directory, join(base, 'link-to-secrets'));
  execFileSync('mkfifo', [join(directory, 'pipe')]);
});

afterAll(() => rm(base, { recursive: true }));

/** The message of the SecretError that a reference is refused with. */
async function refusal(resolving: Promise<unknown>): Promise<string> {
  const error = await resolving.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SecretError);
  return (error as Error).message;
}

describe('a secret from the environment', () => {
  const env = { SNOWFLAKE_PASSWORD: VALUE, SNOWFLAKE_EMPTY: '', POLYTOMIC_API_KEY: VALUE, LINKEDIN_SECRET: VALUE };
  const resolver = createSecretResolver({ env, envPrefixes: ['SNOWFLAKE_', 'LINKEDIN_'] });

  it('is the value of a variable with an allowed prefix', async () => {
    await expect(resolver({ env: 'SNOWFLAKE_PASSWORD' })).resolves.toBe(VALUE);
    await expect(resolver({ env: 'LINKEDIN_SECRET' })).resolves.toBe(VALUE);
  });

  it('is refused without such a prefix, whether the variable is there or not', async () => {
    const expected = (name: string) =>
      `secret { env: ${name} }: this worker allows names that begin with SNOWFLAKE_ or LINKEDIN_; rename the variable, or add its prefix to the worker's AUDIENCE_SECRETS_ENV_PREFIXES`;
    for (const name of ['POLYTOMIC_API_KEY', 'NOT_THERE', 'snowflake_password', 'MY_SNOWFLAKE_PASSWORD']) {
      await expect(refusal(resolver({ env: name }))).resolves.toBe(expected(name));
    }
  });

  it('is refused by a worker without prefixes, also where splitting an empty setting gave an empty one', async () => {
    for (const envPrefixes of [[], ['']]) {
      const none = createSecretResolver({ env, envPrefixes });
      await expect(refusal(none({ env: 'SNOWFLAKE_PASSWORD' }))).resolves.toContain(
        'this worker allows no variable at all',
      );
    }
  });

  it('is refused where the variable is not set or empty', async () => {
    await expect(refusal(resolver({ env: 'SNOWFLAKE_EMPTY' }))).resolves.toContain('the variable is empty; set it');
    await expect(refusal(resolver({ env: 'SNOWFLAKE_OTHER' }))).resolves.toContain('the variable is not set; set it');
    const inherited = createSecretResolver({ env, envPrefixes: ['toS'] });
    await expect(refusal(inherited({ env: 'toString' }))).resolves.toContain('not set');
  });

  it('is read anew each time, so that a rotated one is found', async () => {
    const changing: Record<string, string> = { S_A: 'old' };
    const read = createSecretResolver({ env: changing, envPrefixes: ['S_'] });
    await read({ env: 'S_A' });
    changing['S_A'] = 'new';
    await expect(read({ env: 'S_A' })).resolves.toBe('new');
  });
});

describe('a secret from a file', () => {
  const resolve = (file: string, from = directory) =>
    createSecretResolver({ env: {}, envPrefixes: [], directory: from })({ file });

  it('is the text of a file in the directory, less one newline at its end', async () => {
    for (const file of ['plain', 'newline', 'windows', './plain', 'deep/key.p8', 'deep/../plain', '..odd', 'link-in']) {
      await expect(resolve(file)).resolves.toBe(VALUE);
    }
    await expect(resolve('two-newlines')).resolves.toBe(`${VALUE}\n`);
    await expect(resolve('largest')).resolves.toHaveLength(64 * 1024);
  });

  it('may be named by its whole path, and the directory may be a symbolic link', async () => {
    await expect(resolve(join(directory, 'plain'))).resolves.toBe(VALUE);
    const link = join(base, 'link-to-secrets');
    await expect(resolve('plain', link)).resolves.toBe(VALUE);
    await expect(resolve(join(link, 'plain'), link)).resolves.toBe(VALUE);
    await expect(resolve(join(directory, 'plain'), link)).resolves.toBe(VALUE);
  });

  it('is refused outside of the directory, by whatever way', async () => {
    const ways = [
      '../outside',
      'deep/../../outside',
      join(base, 'outside'),
      '/etc/passwd',
      '../secrets-of-others/key',
      join(base, 'secrets-of-others/key'),
      'link-out',
      'link-up/outside',
      '.',
      '..',
      '../secrets',
    ];
    for (const way of ways) {
      await expect(refusal(resolve(way))).resolves.toBe(
        `secret { file: ${way} }: lies outside the worker's secrets directory; put it there and give the path from there`,
      );
    }
  });

  it('gives the same answer for files outside whether they exist or not', async () => {
    const messages = await Promise.all(
      ['../outside', '../nothing'].map(async (file) => (await refusal(resolve(file))).replace(file, '')),
    );
    expect(messages[0]).toBe(messages[1]);
  });

  it('is refused where it is not a regular file of text of at most 64 KiB', async () => {
    await expect(refusal(resolve('deep'))).resolves.toContain('is not a regular file');
    await expect(refusal(resolve('pipe'))).resolves.toContain('is not a regular file');
    await expect(refusal(resolve('large'))).resolves.toContain('is larger than 64 KiB');
    await expect(refusal(resolve('binary'))).resolves.toContain('is not text in UTF-8');
    await expect(refusal(resolve('empty'))).resolves.toContain('is empty');
    await expect(refusal(resolve('nothing'))).resolves.toContain('cannot be found (ENOENT)');
    await expect(refusal(resolve('plain/x'))).resolves.toContain('cannot be found (ENOTDIR)');
    await expect(refusal(resolve('a\0b'))).resolves.toContain('cannot be found');
  });

  it('is refused by a worker without a directory, with the setting to make', async () => {
    const none = createSecretResolver({ env: {}, envPrefixes: [] });
    await expect(refusal(none({ file: 'plain' }))).resolves.toContain('set AUDIENCE_SECRETS_DIR');
    await expect(refusal(resolve('plain', ''))).resolves.toContain('set AUDIENCE_SECRETS_DIR');
    await expect(refusal(resolve('plain', join(base, 'gone')))).resolves.toContain('check its AUDIENCE_SECRETS_DIR');
  });

  it('never comes from outside, whatever path is asked for', async () => {
    const part = fc.constantFrom(
      '..',
      '.',
      '',
      'deep',
      'link-up',
      'link-out',
      'outside',
      'secrets',
      'secrets-of-others',
      'key',
      'nothing',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 6 }), fc.boolean(), async (parts, absolute) => {
        const path = (absolute ? [base, ...parts] : parts).join('/');
        const secret = await resolve(path === '' ? '.' : path).catch((error: unknown) => {
          expect(error).toBeInstanceOf(SecretError);
          expect(String(error)).not.toContain(VALUE);
        });
        expect(secret).toBeUndefined();
      }),
    );
  });
});

describe('resolveExtra', () => {
  const resolver = createSecretResolver({ env: { S_A: 'a', S_B: 'b' }, envPrefixes: ['S_'] });

  it('copies an extra with every reference resolved and leaves the original alone', async () => {
    const extra = { x: 1, token: { env: 'S_A' }, list: [{ deep: { env: 'S_B' } }, null, 'text'], env: 'kept' };
    const before = structuredClone(extra);
    await expect(resolveExtra(extra, resolver)).resolves.toEqual({
      x: 1,
      token: 'a',
      list: [{ deep: 'b' }, null, 'text'],
      env: 'kept',
    });
    expect(extra).toEqual(before);
  });

  it('takes only what is exactly a reference for one', async () => {
    const extra = { a: { env: 'S_A', more: 1 }, b: { env: 'not a name' }, c: { env: 7 }, d: { env: 'S_A', file: 'x' } };
    await expect(resolveExtra(extra, resolver)).resolves.toEqual(extra);
  });

  it('is refused where one of them is', async () => {
    await expect(refusal(resolveExtra({ a: [{ env: 'PATH' }] }, resolver))).resolves.toContain('secret { env: PATH }');
  });
});

describe('SecretError', () => {
  it('is known by its brand, also from another copy of the class', () => {
    const foreign = Object.assign(new Error('x'), { [Symbol.for('audience-provisioning/secret-error')]: true });
    expect(foreign instanceof SecretError).toBe(true);
    expect(new Error('x') instanceof SecretError).toBe(false);
    expect((null as unknown) instanceof SecretError).toBe(false);
    expect(new SecretError('x').name).toBe('SecretError');
  });
});

describe('a key that notices are signed with', () => {
  const env = { AUDIENCE_NOTICE_KEY: VALUE, SNOWFLAKE_PASSWORD: VALUE };
  const keys = (from?: string) => createNoticeKeyResolver({ env, ...(from === undefined ? {} : { directory: from }) });
  /** The most that an operator can allow. */
  const secrets = (from: string) =>
    createSecretResolver({ env, envPrefixes: ['AUDIENCE_', 'SNOWFLAKE_'], directory: from });

  it('is a variable that begins with AUDIENCE_NOTICE_, and no other', async () => {
    await expect(keys()({ env: 'AUDIENCE_NOTICE_KEY' })).resolves.toBe(VALUE);
    await expect(refusal(keys()({ env: 'SNOWFLAKE_PASSWORD' }))).resolves.toBe(
      'secret { env: SNOWFLAKE_PASSWORD }: notices are signed only with variables whose names begin with AUDIENCE_NOTICE_; give their key such a name',
    );
  });

  it('is a file in notices/ of the secrets directory, and no other', async () => {
    for (const file of ['notices/key', 'notices/deep/key', './deep/../notices/key', 'link-to-notice-key'])
      await expect(keys(directory)({ file })).resolves.toBe(VALUE);
    for (const file of ['plain', 'notices/../plain', 'notices/link-to-plain', 'deep/key.p8'])
      await expect(refusal(keys(directory)({ file }))).resolves.toContain(
        `secret { file: ${file} }: notices are signed only with files in notices/ of the secrets directory`,
      );
    await expect(refusal(keys(directory)({ file: '../outside' }))).resolves.toContain('lies outside');
    await expect(refusal(keys(join(base, 'secrets-of-others'))({ file: 'key' }))).resolves.toContain('only with files');
  });

  it('is found where notices/ itself is a link', async () => {
    await expect(keys(join(base, 'volume'))({ file: 'notices/key' })).resolves.toBe(VALUE);
    await expect(refusal(secrets(join(base, 'volume'))({ file: '..data/notices/key' }))).resolves.toContain('notices');
  });

  it('is given for nothing else, whatever the worker allows', async () => {
    await expect(refusal(secrets(directory)({ env: 'AUDIENCE_NOTICE_KEY' }))).resolves.toBe(
      'secret { env: AUDIENCE_NOTICE_KEY }: it is for signing notices, and for nothing else',
    );
    for (const file of ['notices/key', 'notices/deep/key', 'deep/../notices/key', 'link-to-notice-key'])
      await expect(refusal(secrets(directory)({ file }))).resolves.toContain('is for signing notices');
    await expect(secrets(directory)({ file: 'notices/link-to-plain' })).resolves.toBe(VALUE);
  });
});
