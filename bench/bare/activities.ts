/**
 * One activity a step, which makes the HTTP calls that the program's step makes, in the same order, and nothing else: no
 * checks, no records, no typed errors. The bench compares the calls of both in the sandbox's log.
 */
import { setTimeout as pause } from 'node:timers/promises';
import fetch from 'node-fetch';
import { SERIAL_CALLS, type Step } from './chain.ts';
import type { Given, Work } from './workflows.ts';

interface Asked {
  name: string;
  work: Work;
}

interface Making extends Asked {
  given?: Given | undefined;
}

const ACCOUNT = { value: '512630692::urn:li:organization:28818517', label: 'Polytomic Inc. (512630692)' };
const AUDIENCE = '512630692::urn:li:organization:28818517~company_audience.29728356';

/** Does the work of a step; `none` is what comes of no calls. */
async function done<T>(step: Step, work: Work, calls: () => Promise<T>, none: T): Promise<T> {
  if (work.kind === 'wait') await pause(SERIAL_CALLS[step] * work.serialCallMs);
  return work.kind === 'calls' ? calls() : none;
}

export function provideSnowflakeConnection({ name, work, given }: Making): Promise<string> {
  const body = {
    name: `Snowflake ${name}`,
    type: 'snowflake',
    configuration: { account: 'uc193736182', username: 'user', dbname: 'database', password: 'secret' },
  };
  const calls = async () => {
    await call('GET', 'connections');
    return given?.snowflake ?? (await call('POST', 'connections', body)).data.id;
  };
  return done('provideSnowflakeConnection', work, calls, '');
}

export function provideModel({ name, work, given, connection }: Making & { connection: string }): Promise<string> {
  const calls = async () => {
    if (given !== undefined) {
      await pages('models');
      return given.model;
    }
    const { data: job } = await call('POST', 'models?async=true', {
      name: `Users ${name}`,
      connection_id: connection,
      configuration: { query: 'SELECT first_name, last_name, email FROM users' },
    });
    for (;;) {
      const { data } = await call('GET', `jobs/${job.type}/${job.job_id}`);
      if (data.status === 'done') return (await call('GET', `models/${data.result.id}`)).data.id;
      await pause(200);
    }
  };
  return done('provideModel', work, calls, '');
}

export function provideLinkedInConnection({
  name,
  work,
  given,
}: Making): Promise<{ connection: string; link: string }> {
  const calls = async () => {
    await call('GET', 'connections');
    if (given !== undefined) return { connection: given.linkedin, link: '' };
    const { data } = await call('POST', 'connections', {
      name: `LinkedIn ${name}`,
      type: 'linkedinads',
      configuration: {},
    });
    return { connection: data.id, link: data.auth_url };
  };
  return done('provideLinkedInConnection', work, calls, { connection: '', link: 'none' });
}

/** Both reads at once, then the write: on a connection of its own the program does both steps in one activity. */
export function verifySignInAndEnable({ work, connection }: Asked & { connection: string }): Promise<void> {
  return done('verifySignInAndEnable', work, () => enable(connection), undefined);
}

export function verifySignIn({ work, connection }: Asked & { connection: string }): Promise<void> {
  const calls = async () => void (await call('GET', `connections/${connection}/parameter_values`));
  return done('verifySignIn', work, calls, undefined);
}

export function enableAdAccounts({ work, connection }: Asked & { connection: string }): Promise<void> {
  return done('enableAdAccounts', work, () => enable(connection), undefined);
}

async function enable(connection: string): Promise<void> {
  const path = `connections/${connection}`;
  const [, { data }] = await Promise.all([call('GET', `${path}/parameter_values`), call('GET', path)]);
  if (data.configuration.accounts?.length > 0) return;
  await call('PUT', path, { name: data.name, configuration: { ...data.configuration, accounts: [ACCOUNT] } });
}

export function inspectAudiences({ work, connection }: Asked & { connection: string }): Promise<void> {
  const calls = async () => {
    const modelsync = `connections/${connection}/modelsync`;
    const look = async () => {
      await Promise.all([
        call('GET', `${modelsync}/targetobjects`),
        call('GET', `${modelsync}/targetobjects/properties/type`),
        call('GET', `${modelsync}/targetobjects/properties/account`),
      ]);
      await call('GET', `${modelsync}/target/fields?target=${encodeURIComponent(AUDIENCE)}`);
    };
    await Promise.all([look(), pages(`syncs?target_connection_id=${connection}`)]);
  };
  return done('inspectAudiences', work, calls, undefined);
}

interface SyncAsked extends Asked {
  connection: string;
  model: string;
}

export function createExistingSync({ name, work, connection, model }: SyncAsked): Promise<void> {
  const calls = async () => {
    await call('POST', 'syncs', syncBody(`Existing ${name}`, model, { connection_id: connection, object: AUDIENCE }));
  };
  return done('createExistingSync', work, calls, undefined);
}

export function createNewSync({ name, work, connection, model }: SyncAsked): Promise<void> {
  const calls = async () => {
    const create = { name, type: 'user_audience', account: ACCOUNT.value };
    await call('POST', 'syncs', syncBody(`New ${name}`, model, { connection_id: connection, create }));
  };
  return done('createNewSync', work, calls, undefined);
}

function syncBody(name: string, model: string, target: object): object {
  return {
    name,
    mode: 'create',
    identity: { source: { field: 'email', model_id: model }, target: 'Email', function: 'equality' },
    fields: [
      { source: { field: 'first_name', model_id: model }, target: 'FirstName' },
      { source: { field: 'last_name', model_id: model }, target: 'LastName' },
    ],
    schedule: { frequency: 'manual' },
    target,
  };
}

const { BARE_BASE_URL = '', BARE_API_KEY = '' } = process.env;

/** All pages of a list. */
async function pages(path: string): Promise<void> {
  for (let page = path; ; ) {
    const { pagination } = await call('GET', page);
    const token = pagination?.next_page_token;
    if (!token) return;
    page = `${path}${path.includes('?') ? '&' : '?'}page_token=${encodeURIComponent(token)}`;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: bare code looks into answers as they come
async function call(method: string, path: string, body?: unknown): Promise<any> {
  const answer = await fetch(`${BARE_BASE_URL}/api/${path}`, {
    method,
    headers: {
      'content-type': 'application/json',
      'X-Polytomic-Version': '2024-02-08',
      Authorization: `Bearer ${BARE_API_KEY}`,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
  return JSON.parse(text);
}
