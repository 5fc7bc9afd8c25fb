/** No secret is found in anything that a run leaves behind: history, logs, status, the Temporal server's database. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ProvisioningRequest } from '../../src/request/schema.ts';
import { REFRESH_TOKEN } from '../../src/sandbox/linkedin.ts';
import { decodedHistory } from '../../src/temporal/history.ts';
import { workflowIdOf } from '../../src/workflows/messages.ts';
import { type Machine, startMachine } from '../support/machine.ts';
import { FAILS, ownWalkthrough } from '../support/own-walkthrough.ts';
import { filesUnder, findings, formsOf, newSecret } from '../support/secret-search.ts';
import { existingSync, newSync } from '../support/walkthrough.ts';

/** The sandbox has to keep the secrets that it is sent, as Polytomic has; and the worker's secrets have to lie somewhere. */
const KEEPERS = ['sandbox/', 'secrets/'];

const PASSWORD = newSecret();

let machine: Machine;

/** All that is left of the runs, by where it stands. The machine is stopped by then, so that its files are whole. */
async function leavings(...names: string[]): Promise<Map<string, Buffer>> {
  const told: Array<[string, unknown]> = [];
  for (const name of names) {
    const handle = machine.temporal.workflow.getHandle(workflowIdOf(name));
    told.push([`history of ${name}`, await decodedHistory(await machine.history(name))]);
    told.push([`status of ${name}`, await machine.audiences.status(name)]);
    told.push([`Web UI's details of ${name}`, await handle.query('__temporal_workflow_metadata')]);
    const description = await handle.describe();
    told.push([`memo of ${name}`, description.memo]);
    const ending = await machine.audiences.result(name).catch((error: unknown) => error);
    told.push([`ending of ${name}`, ending instanceof Error ? { ...ending, text: `${ending.stack}` } : ending]);
  }
  told.push(["sandbox's requests", await machine.sandbox.requests()]);
  told.push(["sandbox's state", await machine.sandbox.state()]);
  told.push(["API's connections", await machine.sandbox.polytomic.connections.list()]);
  await machine.stop();
  return new Map([
    ...told.map(([place, value]): [string, Buffer] => [place, Buffer.from(JSON.stringify(value))]),
    ...(await filesUnder(machine.directory, KEEPERS)),
  ]);
}

describe('the search', () => {
  it('finds a text in each of its forms, wherever it stands', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8, unit: 'binary' }), fc.string(), fc.string(), (secret, before, after) => {
        const whole = Buffer.from(`${before}${secret}${after}`);
        const places = new Map<string, Buffer>([
          ['text', whole],
          ['JSON', Buffer.from(JSON.stringify({ [before]: `${secret}${after}` }))],
          ['base64', Buffer.from(whole.toString('base64'))],
          ['base64url', Buffer.from(whole.toString('base64url'))],
          ['UTF-16', Buffer.from(`${before}${secret}`, 'utf16le')],
          ['URL', Buffer.from(`https://example.com/?${new URLSearchParams({ a: `${secret}${after}` })}`)],
        ]);
        for (const place of places) expect(findings(secret, new Map([place]))).not.toEqual([]);
      }),
    );
  });

  it('finds nothing where there is nothing', () => {
    expect(findings(newSecret(), new Map([['a file', randomBytes(100_000)]]))).toEqual([]);
    expect(formsOf('a/b').size).toBeGreaterThan(10);
  });
});

describe('the secrets of a request', () => {
  beforeEach(async () => {
    machine = await startMachine({ snowflakePassword: PASSWORD });
  });
  afterEach(() => machine.remove());

  it('are found nowhere when a password was used, and another was wrong', async () => {
    const wrong = newSecret();
    const mistaken = await machine.startWorker({ env: { SNOWFLAKE_PASSWORD: wrong } });
    const failed = await machine.start('wrong-password', FAILS);
    const failure = await machine.failureOf(failed);
    expect(failure.failures).toMatchObject([{ step: 'snowflake connection', type: 'Refused' }]);
    mistaken.kill('SIGTERM');
    await mistaken.exited;

    await machine.startWorker();
    // Answers of many kinds, so that their errors come into history and logs too.
    for (const rule of [{ status: 500 }, { status: 500, when: 'after' }, { status: 429 }, { drop: true }]) {
      await machine.sandbox.fault({ match: { method: 'POST' }, times: 1, ...rule });
    }
    const completed = await machine.start('password');
    await machine.signIn(completed);
    await machine.audiences.result(completed);

    const everything = await leavings(failed, completed);
    expect(findings(PASSWORD, everything)).toEqual([]);
    expect(findings(wrong, everything)).toEqual([]);
    expect(findings(machine.sandbox.apiKey, everything)).toEqual([]);
    expectToBeFound('uc193736182', everything, [failed, completed]);
  });

  it('are found nowhere when there is a key pair, an OAuth client, a passphrase for fields, and more under extra', async () => {
    const passphrase = newSecret();
    const key = privateKey(passphrase);
    const secrets = {
      SNOWFLAKE_KEY_PASSPHRASE: passphrase,
      SNOWFLAKE_ENCRYPTION_PASSPHRASE: newSecret(),
      SNOWFLAKE_SESSION_TOKEN: newSecret(),
      SNOWFLAKE_MODEL_TOKEN: newSecret(),
      LINKEDIN_SYNC_TOKEN: newSecret(),
      LINKEDIN_CLIENT_SECRET: newSecret(),
      LINKEDIN_REFRESH_TOKEN: REFRESH_TOKEN,
    };
    await writeFile(join(machine.directory, 'secrets', 'key.p8'), key);
    await machine.startWorker({ env: secrets });
    const name = await machine.start('key-pair', requestWithAllSecrets());
    await machine.audiences.result(name);
    const { connections } = await machine.sandbox.state();
    const kept = connections.flatMap((one: { secrets: object }) => Object.keys(one.secrets)).sort();
    expect(kept).toEqual([
      'client_secret',
      'oauth_refresh_token',
      'private_key',
      'private_key_passphrase',
      'session_token',
    ]);

    const everything = await leavings(name);
    for (const secret of [...Object.values(secrets), ...keyLines(key), machine.sandbox.apiKey])
      expect(findings(secret, everything)).toEqual([]);
    expectToBeFound('uc193736182', everything, [name]);
  });
});

/** What is known to be there is found there, so the search looks where it should. */
function expectToBeFound(known: string, everything: ReadonlyMap<string, Buffer>, names: string[]) {
  const found = findings(known, everything);
  for (const name of names) expect(found).toContain(`text in history of ${name}`);
  expect(found).toContain('text in temporal/temporal.db');
  expect(found).toContain("text in sandbox's requests");
  expect([...everything.keys()]).toEqual(
    expect.arrayContaining(['sandbox.log', 'worker.log', 'temporal/temporal.log']),
  );
  expect(findings('/api/connections', everything)).toContain('text in sandbox.log');
  expect(findings('worker started', everything)).toContain('text in worker.log');
}

function privateKey(passphrase: string): string {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase },
  }).privateKey;
}

/** A key could stand somewhere with other line ends: each line of it is a secret. */
function keyLines(pem: string): string[] {
  return pem.split('\n').filter((line) => line.length > 40);
}

function requestWithAllSecrets(): Partial<ProvisioningRequest> {
  const { linkedinAds, models } = ownWalkthrough('all-secrets');
  return {
    snowflake: {
      connection: {
        name: 'Snowflake by key pair',
        account: 'uc193736182',
        username: 'user',
        dbname: 'database',
        privateKey: { file: 'key.p8' },
        privateKeyPassphrase: { env: 'SNOWFLAKE_KEY_PASSPHRASE' },
        extra: { session_token: { env: 'SNOWFLAKE_SESSION_TOKEN' } },
      },
    },
    linkedinAds: {
      ...linkedinAds,
      connection: {
        name: 'LinkedIn by OAuth client',
        clientId: 'client',
        clientSecret: { env: 'LINKEDIN_CLIENT_SECRET' },
        oauthRefreshToken: { env: 'LINKEDIN_REFRESH_TOKEN' },
      },
    },
    models: Object.fromEntries(
      Object.entries(models).map(([key, model]) => [
        key,
        { ...model, extra: { api_token: { env: 'SNOWFLAKE_MODEL_TOKEN' } } },
      ]),
    ) as ProvisioningRequest['models'],
    syncs: [
      existingSync({ encryptionPassphrase: { env: 'SNOWFLAKE_ENCRYPTION_PASSPHRASE' } }),
      newSync({ extra: { nested: [{ auth_token: { env: 'LINKEDIN_SYNC_TOKEN' } }] } }),
    ],
  };
}
