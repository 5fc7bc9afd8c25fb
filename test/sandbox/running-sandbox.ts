/** A sandbox for the tests of one file, on a free port with a state directory of its own, and calls to it over HTTP. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/listen.ts';

export const API_KEY = 'test-api-key';
export const ACCOUNT = '512630692::urn:li:organization:28818517';
export const OTHER_ACCOUNT = '508274113::urn:li:organization:18457201';
export const COMPANY_AUDIENCE = `${ACCOUNT}~company_audience.29728356`;

/** An answer, read whole. `body` is parsed JSON; `undefined` when there is none. */
export interface Answered {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
  body: any;
}

/** One call. `body` is sent as JSON unless it is a text. */
export async function call(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answered> {
  const response = await fetch(`${url}${path}`, {
    method,
    redirect: 'manual',
    headers: {
      authorization: `Bearer ${API_KEY}`,
      'x-polytomic-version': '2024-02-08',
      'content-type': 'application/json',
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = response.headers.get('content-type')?.startsWith('application/json') === true;
  return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text || undefined };
}

/** Starts a sandbox before the tests of this file, resets it before each, and stops it after them. */
export function runningSandbox(options: Partial<SandboxOptions> = {}) {
  let sandbox: Sandbox;
  let stateDir: string;
  beforeAll(async () => {
    stateDir = mkdtempSync(join(tmpdir(), 'sandbox-test-'));
    sandbox = await startSandbox({ stateDir, apiKey: API_KEY, executionPaceMs: 2, ...options });
  });
  beforeEach(() => call(sandbox.url, 'POST', '/_sandbox/reset', {}));
  afterAll(async () => {
    await sandbox.close();
    rmSync(stateDir, { recursive: true });
  });
  return {
    get url() {
      return sandbox.url;
    },
    call: (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
      call(sandbox.url, method, path, body, headers),
  };
}

type Caller = Pick<ReturnType<typeof runningSandbox>, 'call'>;

/** The walkthrough's Snowflake connection. */
export const SNOWFLAKE_BODY = {
  name: 'Snowflake Connection',
  type: 'snowflake',
  configuration: { account: 'uc193736182', username: 'user', password: 'secret', dbname: 'database' },
};

export async function createSnowflake({ call: send }: Caller, change: object = {}): Promise<string> {
  const { status, body } = await send('POST', '/api/connections', { ...SNOWFLAKE_BODY, ...change });
  if (status !== 200) throw new Error(JSON.stringify(body));
  return body.data.id;
}

/** A LinkedIn connection that nobody has signed in to. */
export async function createLinkedIn({ call: send }: Caller, change: object = {}) {
  const { status, body } = await send('POST', '/api/connections', {
    name: 'LinkedIn Ads',
    type: 'linkedinads',
    configuration: {},
    ...change,
  });
  if (status !== 200) throw new Error(JSON.stringify(body));
  return { id: body.data.id as string, authUrl: body.data.auth_url as string };
}

/** Decides about a sign-in as the form does. */
export function decide(authUrl: string, decision: string): Promise<Response> {
  return fetch(authUrl, { method: 'POST', redirect: 'manual', body: new URLSearchParams({ decision }) });
}

/** A LinkedIn connection that is signed in, with these ad accounts enabled. */
export async function createSignedIn(
  sandbox: Caller,
  accounts: string[] = [ACCOUNT],
  name = 'LinkedIn Ads',
): Promise<string> {
  const { id, authUrl } = await createLinkedIn(sandbox, { name });
  await decide(authUrl, 'allow');
  const configuration = { accounts: accounts.map((value) => ({ value, label: value })) };
  const { status, body } = await sandbox.call('PUT', `/api/connections/${id}`, { name, configuration });
  if (status !== 200) throw new Error(JSON.stringify(body));
  return id;
}

export async function createModel({ call: send }: Caller, connection: string, query: string): Promise<string> {
  const request = { name: 'Active Users', connection_id: connection, configuration: { query } };
  const { status, body } = await send('POST', '/api/models', request);
  if (status !== 200) throw new Error(JSON.stringify(body));
  return body.data.id;
}

/** A body of `POST /api/syncs` that is right for a user audience. */
export function syncBody(model: string, connection: string, change: object = {}) {
  const source = (field: string) => ({ field, model_id: model });
  return {
    name: 'Snowflake to LinkedIn Ads Sync',
    mode: 'create',
    identity: { source: source('email'), target: 'Email', function: 'equality' },
    fields: [
      { source: source('first_name'), target: 'FirstName' },
      { source: source('last_name'), target: 'LastName' },
    ],
    schedule: { frequency: 'manual' },
    target: { connection_id: connection, create: { name: 'New audience', type: 'user_audience', account: ACCOUNT } },
    ...change,
  };
}

/** Asks until `probe` gives something, and returns that. Throws after ten seconds. */
export async function eventually<T>(probe: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    const found = await probe();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('it did not happen within ten seconds');
}

/** The last execution of a sync, once none is running. */
export function lastExecution({ call: send }: Caller, sync: string) {
  return eventually(async () => {
    const { body } = await send('GET', `/api/syncs/${sync}/status`);
    return body.data.current_execution === undefined ? body.data.last_execution : undefined;
  });
}
