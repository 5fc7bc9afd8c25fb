import { execFile, execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { BlockList } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { networksIn } from '../../src/notices/allowed-addresses.ts';
import { deliver } from '../../src/notices/deliver.ts';
import type { Notice } from '../../src/notices/notice.ts';
import { verifyNotice } from '../../src/notices/signature.ts';
import { newRun } from '../support/activity-task.ts';
import { withReceiver } from '../support/receiver.ts';
import { inTemporaryDirectory } from '../support/temporary-directory.ts';

const SECRET = 'a-secret-of-both';
const LOOPBACK = '127.0.0.0/8,::1/128';

function newNotice(): Notice {
  return {
    id: randomUUID(),
    event: 'sign_in_needed',
    at: '2030-01-01T00:00:00.000Z',
    name: 'active-users',
    workflowId: 'audience-provisioning/active-users',
    runId: 'r1',
    url: 'https://linkedin.example/authorize?state=s3cret-state',
  };
}

function send(
  url: string,
  { notifyAllow = LOOPBACK, notice = newNotice() }: { notifyAllow?: string; notice?: Notice } = {},
) {
  const secrets = { AUDIENCE_NOTICE_KEY: SECRET };
  const run = newRun({ secrets, ...(notifyAllow === '' ? {} : { notifyAllow }) });
  return run.task('sendNotice', { notice, target: { url, secret: { env: 'AUDIENCE_NOTICE_KEY' } } });
}

describe('a notice', () => {
  it('arrives as JSON, under its id, with a signature that its receiver can verify', async () => {
    await withReceiver([{ status: 204 }], async ({ url, received }) => {
      const notice = newNotice();
      await send(url, { notice }).attempt();
      const [{ headers, body } = { headers: {}, body: '' }] = received;
      expect(JSON.parse(body)).toEqual(notice);
      expect(headers).toMatchObject({ 'content-type': 'application/json', 'audience-notice-id': notice.id });
      expect(headers['audience-timestamp']).toMatch(/^\d{10}$/);
      expect(headers['audience-signature']).toMatch(/^v1=[0-9a-f]{64}$/);
      expect(verifyNotice(headers, body, SECRET)).toBe(true);
      expect(verifyNotice(headers, body.replace('active-users', 'other-users'), SECRET)).toBe(false);
    });
  });

  it.each([408, 425, 429, 500, 502, 503])('is sent again after a %i, under the same id', async (status) => {
    await withReceiver([{ status }, { status: 200 }], async ({ url, received }) => {
      const notice = newNotice();
      await send(url, { notice }).result();
      expect(received.map(({ headers }) => headers['audience-notice-id'])).toEqual([notice.id, notice.id]);
      expect(received.every(({ headers, body }) => verifyNotice(headers, body, SECRET))).toBe(true);
    });
  });

  it.each([
    ['as long as the receiver asks for', 429, '60', 'RateLimited', 60_000],
    ['a second at least, whatever the receiver asks for', 503, '0', 'Unavailable', 1000],
  ] as const)('waits %s', async (_, status, retryAfter, type, told) => {
    await withReceiver([{ status, headers: { 'Retry-After': retryAfter } }], async ({ url }) => {
      const error = await send(url)
        .attempt()
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ type, nonRetryable: false });
      const { nextRetryDelay } = error as { nextRetryDelay: number };
      expect(nextRetryDelay).toBeGreaterThanOrEqual(told);
      expect(nextRetryDelay).toBeLessThanOrEqual(told * 1.2);
    });
  });

  it.each([400, 401, 404, 410])('is given up after a %i', async (status) => {
    await withReceiver([{ status }], async ({ url, received }) => {
      await expect(send(url).result()).rejects.toMatchObject({ type: 'NoticeRefused', nonRetryable: true });
      expect(received).toHaveLength(1);
    });
  });

  it('does not follow a redirect', async () => {
    await withReceiver([{ status: 200 }], async (elsewhere) => {
      await withReceiver([{ status: 307, headers: { Location: elsewhere.url } }], async ({ url }) => {
        await expect(send(url).result()).rejects.toMatchObject({ type: 'NoticeRefused', nonRetryable: true });
        expect(elsewhere.received).toEqual([]);
      });
    });
  });

  it('is tried again where nobody listens', async () => {
    let gone = '';
    await withReceiver([], async ({ url }) => {
      gone = url;
    });
    await expect(send(gone).attempt()).rejects.toMatchObject({ type: 'NoAnswer', nonRetryable: false });
  });

  it('is broken off where no answer comes', async () => {
    await withReceiver([], async ({ url, received }) => {
      const delivery = {
        id: 'n1',
        url,
        body: '{}',
        secret: SECRET,
        allowed: networksIn(LOOPBACK) ?? new BlockList(),
        timeoutMs: 300,
        signal: new AbortController().signal,
      };
      expect(await deliver(delivery)).toEqual({ kind: 'none', why: 'there was no answer within 300 ms' });
      expect(received).toHaveLength(1);
    });
  });

  it('shows neither secret nor path nor link in a failure', async () => {
    await withReceiver([{ status: 410 }], async ({ url, port }) => {
      const error = (await send(url)
        .attempt()
        .catch((thrown: unknown) => thrown)) as Error;
      expect(error.message).toBe(
        `Sending notice sign_in_needed to 127.0.0.1:${port}: it answered 410. Check the target and its secret.`,
      );
    });
  });

  it.each(['POLYTOMIC_API_KEY', 'SNOWFLAKE_PASSWORD', 'AUDIENCE_NOTICE_GONE'])('is not signed with %s', async (env) => {
    await withReceiver([{ status: 200 }], async ({ url, received }) => {
      const target = { url, secret: { env } };
      const secrets = { POLYTOMIC_API_KEY: 'key', SNOWFLAKE_PASSWORD: 'secret', AUDIENCE_NOTICE_KEY: SECRET };
      const task = newRun({ notifyAllow: LOOPBACK, secrets }).task('sendNotice', { notice: newNotice(), target });
      await expect(task.attempt()).rejects.toMatchObject({ type: 'SecretUnavailable', nonRetryable: true });
      expect(received).toEqual([]);
    });
  });
});

describe('a target that may not be called', () => {
  it.each([
    ['an address', '127.0.0.1'],
    ['an address as one number', '2130706433'],
    ['an address in octal and hexadecimal', '0177.0x0.1'],
    ['an IPv4 address mapped into IPv6', '[::ffff:127.0.0.1]'],
    ['a name that resolves to loopback', 'localhost'],
  ])('is refused, names the setting, and hears nothing: %s', async (_, host) => {
    await withReceiver([{ status: 200 }], async ({ port, received }) => {
      for (const protocol of ['http', 'https']) {
        const task = send(`${protocol}://${host}:${port}/`, { notifyAllow: '' });
        await expect(task.result()).rejects.toMatchObject({
          type: 'NoticeRefused',
          nonRetryable: true,
          message: expect.stringContaining('AUDIENCE_NOTIFY_ALLOW'),
        });
      }
      expect(received).toEqual([]);
    });
  });

  it('does not learn what a name resolves to', async () => {
    const error = (await send('https://localhost/', { notifyAllow: '' })
      .attempt()
      .catch((thrown: unknown) => thrown)) as Error;
    expect(error.message).not.toMatch(/127\.|::1/);
  });

  it.each([
    ['http to a public address', 'http://8.8.8.8/'],
    ['http to an address of an allowed network that is not loopback', 'http://10.1.0.1/'],
    ['another protocol', 'ftp://127.0.0.1/'],
    ['user and password in the URL', 'https://user:s3cret@127.0.0.1/'],
    ['no URL', 'hooks'],
  ])('is refused however much is allowed: %s', async (_, url) => {
    const task = send(url, { notifyAllow: `${LOOPBACK},10.1.0.0/16` });
    await expect(task.result()).rejects.toMatchObject({
      type: 'NoticeRefused',
      message: expect.not.stringContaining('s3cret'),
    });
  });

  it('is allowed by name where its network is', async () => {
    await withReceiver([{ status: 200 }], async ({ port, received }) => {
      await send(`http://localhost:${port}/`).attempt();
      expect(received).toHaveLength(1);
    });
  });
});

describe('over https', () => {
  /** A certificate that nobody but the test knows. */
  async function withCertificate(play: (tls: { key: string; cert: string }, file: string) => Promise<void>) {
    await inTemporaryDirectory(async (directory) => {
      const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
      const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
      const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
      execFileSync('openssl', ['req', ...kind, ...subject, '-keyout', key, '-out', cert], { stdio: 'pipe' });
      await play({ key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }, cert);
    });
  }

  it('does not reach a receiver whose certificate it does not trust', async () => {
    await withCertificate((tls) =>
      withReceiver(
        [{ status: 200 }],
        async ({ url, received }) => {
          await expect(send(url).attempt()).rejects.toMatchObject({
            type: 'NoAnswer',
            message: expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT'),
          });
          expect(received).toEqual([]);
        },
        tls,
      ),
    );
  });

  it('arrives where the certificate is one that the worker trusts', async () => {
    // Node reads which certificates it trusts besides its own when it starts, so this takes a process of its own.
    const program = `
      import { networksIn } from ${JSON.stringify(built('allowed-addresses'))};
      import { deliver } from ${JSON.stringify(built('deliver'))};
      const { signal } = new AbortController();
      const notice = { id: 'n1', body: '{}', secret: 'a-secret', allowed: networksIn('127.0.0.0/8'), timeoutMs: 10000, signal };
      console.log((await deliver({ ...notice, url: process.argv[1] })).status);`;
    await withCertificate((tls, file) =>
      withReceiver(
        [{ status: 202 }],
        async ({ url, received }) => {
          const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program, url], {
            env: { NODE_EXTRA_CA_CERTS: file },
          });
          expect(stdout).toBe('202\n');
          expect(received).toHaveLength(1);
        },
        tls,
      ),
    );
  });
});

/** A module as `npm run build` made it. */
function built(module: string): string {
  return fileURLToPath(new URL(`../../dist/notices/${module}.js`, import.meta.url));
}
