import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import * as z from 'zod';
import { PolytomicClient } from '../../src/polytomic/client.ts';
import { PolytomicError } from '../../src/polytomic/errors.ts';
import type { SyncBody } from '../../src/polytomic/sync-shape.ts';
import { API_KEY } from '../polytomic/api-server.ts';
import { anyValue, mutated } from './mutations.ts';

const SECRET = 'pa55word-that-was-sent';

const CONNECTION = {
  id: 'c1',
  name: 'C',
  type: { id: 'snowflake', name: 'Snowflake', operations: ['source'] },
  configuration: { account: 'a', accounts: [{ value: 'v', label: 'L' }], password: '********' },
  organization_id: 'o',
  status: 'healthy',
  status_error: null,
  saved: true,
  auth_url: 'https://app.example/oauth',
  auth_code: 'x',
  created_at: '2026-01-01T00:00:00Z',
  created_by: { id: 'u', name: 'U', type: 'user' },
  policies: ['p'],
};
const MODEL = {
  id: 'm1',
  name: 'M',
  type: 'snowflake',
  connection_id: 'c1',
  configuration: { query: 'SELECT 1' },
  fields: [{ id: 'f', name: 'email', label: 'E', type: 'string', example: 1 }],
  identifier: 'email',
  tracking_columns: ['email'],
  relations: [],
  labels: [],
  created_at: '2026-01-01T00:00:00Z',
  updated_by: { id: 'u' },
};
const JOB = { job_id: 'j1', type: 'createmodel', status: 'done', result: MODEL, error: '' };
const SYNC = {
  id: 's1',
  name: 'S',
  mode: 'create',
  active: true,
  target: { connection_id: 'c1', object: 'o1' },
  fields: [{ target: 'Email', source: { model_id: 'm1', field: 'email' } }],
  identity: { source: { model_id: 'm1', field: 'email' }, target: 'Email', function: 'Equality' },
  schedule: { frequency: 'manual' },
  created_at: '2026-01-01T00:00:00Z',
};
const EXECUTION = {
  id: 'e1',
  status: 'completed',
  created_at: '2026-01-01T00:00:00Z',
  counts: { total: 1, insert: 1, update: 0, error: 0 },
  errors: ['x'],
};
const TARGETS = {
  target_creation: { supported: true, properties: [{ id: 'account', title: 'A', enum: true }] },
  data: [{ id: 'o1', name: 'O', modes: [{ id: 'create', requires_identity: false }] }],
};
const FIELDS = {
  id: 'o1',
  name: 'O',
  modes: [{ mode: 'create', supports_field_sync_mode: true }],
  fields: [
    {
      id: 'Email',
      name: 'Email',
      required: true,
      supports_identity: true,
      identity_functions: [{ id: 'Equality', label: 'E' }],
    },
  ],
  refreshed_at: '2026-01-01T00:00:00Z',
};
const VALUES = { values: [{ value: 'v', label: 'L' }], allows_creation: false };
const ME = { id: 'u', email: 'u@example.com', role: 'admin', is_user: true };
const paged = (item: object) => ({ data: [item], pagination: { next_page_token: '' } });

const id = z.string().min(1);
const optionalText = z.string().optional();
const connection = z.looseObject({
  id,
  name: z.string(),
  type: z.looseObject({ id }),
  configuration: z.record(z.string(), z.unknown()),
  status: optionalText,
  created_at: optionalText,
  auth_url: optionalText,
  policies: z.array(z.string()).optional(),
});
const model = z.looseObject({
  id,
  name: z.string(),
  fields: z.array(z.looseObject({ name: id, label: optionalText })),
  configuration: z.record(z.string(), z.unknown()),
  connection_id: optionalText,
  tracking_columns: z.array(z.string()).optional(),
  created_at: optionalText,
});
const job = z.looseObject({
  job_id: id,
  type: id,
  status: z.enum(['created', 'running', 'done', 'failed']),
  result: z.looseObject({ id }).optional(),
  error: optionalText,
});
const sync = z.looseObject({
  id,
  name: z.string(),
  active: z.boolean().optional(),
  target: z.looseObject({ object: optionalText }).optional(),
  created_at: optionalText,
});
const execution = z.looseObject({
  id,
  status: z.string(),
  created_at: optionalText,
  counts: z.looseObject({ total: z.number().optional(), insert: z.number().optional() }).optional(),
  errors: z.array(z.string()).optional(),
});
const modes = z.array(z.looseObject({ id, requires_identity: z.boolean().optional() }));
const values = z.looseObject({ values: z.array(z.looseObject({ value: id, label: z.string() })) });
const nothing = z.undefined();

const key = { idempotencyKey: 'a-key-of-enough-length' };
const body = { name: 'N', type: 'snowflake', configuration: { account: 'a', password: SECRET } };
const syncBody: SyncBody = {
  name: 'S',
  mode: 'create',
  fields: [],
  schedule: { frequency: 'manual' },
  target: { connection_id: 'c1', object: 'o1' },
};
const modelBody = { name: 'M', connection_id: 'c1', configuration: { query: 'SELECT 1' } };

/** Every call of the client: what is right to answer, and what comes of it. */
const CALLS: Record<
  string,
  { valid: unknown; call: (client: PolytomicClient) => Promise<unknown>; result: z.ZodType }
> = {
  me: {
    valid: { data: ME },
    call: (client) => client.me(),
    result: z.looseObject({ id: optionalText, email: optionalText }),
  },
  'connections.list': {
    valid: { data: [CONNECTION] },
    call: ({ connections }) => connections.list(),
    result: z.array(connection),
  },
  'connections.get': {
    valid: { data: CONNECTION },
    call: ({ connections }) => connections.get('c1'),
    result: connection,
  },
  'connections.create': {
    valid: { data: CONNECTION },
    call: ({ connections }) => connections.create(body, key),
    result: connection,
  },
  'connections.update': {
    valid: { data: CONNECTION },
    call: ({ connections }) => connections.update('c1', { configuration: { password: SECRET } }),
    result: connection,
  },
  'connections.delete': { valid: '', call: ({ connections }) => connections.delete('c1'), result: nothing },
  'connections.parameterValues': {
    valid: { data: { accounts: VALUES } },
    call: ({ connections }) => connections.parameterValues('c1'),
    result: z.record(z.string(), values),
  },
  'models.list': { valid: paged(MODEL), call: ({ models }) => models.list(), result: z.array(model) },
  'models.get': { valid: { data: MODEL }, call: ({ models }) => models.get('m1'), result: model },
  'models.create': { valid: { data: MODEL }, call: ({ models }) => models.create(modelBody, key), result: model },
  'models.createAsync': {
    valid: { data: JOB, job: JOB },
    call: ({ models }) => models.createAsync(modelBody, key),
    result: job,
  },
  'models.delete': { valid: '', call: ({ models }) => models.delete('m1'), result: nothing },
  'jobs.get': { valid: { data: JOB }, call: ({ jobs }) => jobs.get('createmodel', 'j1'), result: job },
  'targets.list': {
    valid: TARGETS,
    call: ({ targets }) => targets.list('c1'),
    result: z.looseObject({
      target_creation: z.looseObject({ supported: z.boolean(), properties: z.array(z.looseObject({ id })) }),
      data: z.array(z.looseObject({ id, name: z.string(), modes })),
    }),
  },
  'targets.propertyValues': {
    valid: { data: VALUES },
    call: ({ targets }) => targets.propertyValues('c1', 'account'),
    result: values,
  },
  'targets.fields': {
    valid: { data: FIELDS },
    call: ({ targets }) => targets.fields('c1', 'o1'),
    result: z.looseObject({
      modes,
      fields: z.array(
        z.looseObject({
          id,
          name: z.string(),
          required: z.boolean().optional(),
          supports_identity: z.boolean().optional(),
          identity_functions: z.array(z.looseObject({ id })).optional(),
        }),
      ),
    }),
  },
  'syncs.list': { valid: paged(SYNC), call: ({ syncs }) => syncs.list({ active: true }), result: z.array(sync) },
  'syncs.get': { valid: { data: SYNC }, call: ({ syncs }) => syncs.get('s1'), result: sync },
  'syncs.create': { valid: { data: SYNC }, call: ({ syncs }) => syncs.create(syncBody, key), result: sync },
  'syncs.update': { valid: { data: SYNC }, call: ({ syncs }) => syncs.update('s1', syncBody), result: sync },
  'syncs.delete': { valid: '', call: ({ syncs }) => syncs.delete('s1'), result: nothing },
  'syncs.activate': {
    valid: { data: { id: 's1', active: true } },
    call: ({ syncs }) => syncs.activate('s1', true),
    result: z.looseObject({ active: z.boolean() }),
  },
  'syncs.startExecution': {
    valid: { data: EXECUTION },
    call: ({ syncs }) => syncs.startExecution('s1', {}, key),
    result: execution,
  },
  'syncs.getExecution': {
    valid: { data: EXECUTION },
    call: ({ syncs }) => syncs.getExecution('s1', 'e1'),
    result: execution,
  },
  'syncs.listExecutions': {
    valid: paged(EXECUTION),
    call: ({ syncs }) => syncs.listExecutions('s1'),
    result: z.array(execution),
  },
  'syncs.status': {
    valid: { data: { current_execution: EXECUTION, last_execution: null, next_execution_time: 'x' } },
    call: ({ syncs }) => syncs.status('s1'),
    result: z.looseObject({ current_execution: execution.optional(), last_execution: execution.optional() }),
  },
  'syncs.cancel': { valid: '', call: ({ syncs }) => syncs.cancel('s1'), result: nothing },
};

function callOf(name: string) {
  const found = CALLS[name];
  if (found === undefined) throw new Error(`there is no call ${name}`);
  return found;
}

/** An answer as bytes. */
interface Answer {
  status: number;
  headers: Array<[string, string]>;
  body: Buffer;
  /** By how much the announced length is off, in bytes; absent, none is announced. */
  lengthOff: number | undefined;
  /** After how many bytes the connection is cut; absent, it is closed at the end. */
  cutAfter: number | undefined;
}

const status = fc.oneof(
  { weight: 5, arbitrary: fc.constant(200) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      201,
      202,
      204,
      206,
      301,
      302,
      304,
      400,
      401,
      403,
      404,
      405,
      408,
      409,
      418,
      422,
      429,
      500,
      502,
      503,
      504,
    ),
  },
  { weight: 1, arbitrary: fc.integer({ min: 100, max: 999 }) },
);

const header: fc.Arbitrary<[string, string]> = fc.constantFrom(
  ['Content-Type', 'text/html'],
  ['Content-Type', 'application/json; charset=utf-16'],
  ['Content-Type', ';;;'],
  ['Retry-After', '-1'],
  ['Retry-After', '1e400'],
  ['Retry-After', 'soon'],
  ['Retry-After', 'Thu, 01 Jan 1970 00:00:00 GMT'],
  ['Retry-After', '99999999999999999999'],
  ['Retry-After', ''],
  ['Content-Encoding', 'gzip'],
  ['Content-Encoding', 'br'],
  ['Content-Encoding', 'no-such'],
  ['Transfer-Encoding', 'chunked'],
  ['Location', 'http://['],
  ['Location', '/elsewhere?token=x'],
  ['Set-Cookie', 'a=b'],
  ['X-Polytomic-Version', '1'],
  ['Broken\u0000Name', 'x'],
  ['X', '\u00ff\u0001'],
);

const ERRORS = [
  {
    key: 'unprocessable',
    message: `password ${SECRET} is wrong`,
    status: 422,
    metadata: { field: 'x', password: SECRET },
  },
  { code: 'unauthenticated', error: `key ${API_KEY} is unknown`, status: 'Unauthorized', context: { key: API_KEY } },
  { message: { deeper: [SECRET] }, metadata: null },
  { error: [API_KEY], extra: { [SECRET]: API_KEY } },
  { metadata: { used_by: [{ type: 'model', name: SECRET, id: 'm' }] }, message: '' },
  { metadata: { used_by: [null, 7, { name: {} }] }, key: 'connection_in_use' },
  { metadata: { used_by: 'x' }, status: null },
];

/** What is sent as the body of an answer to a call to which `valid` would be right. */
function bodies(valid: unknown): fc.Arbitrary<Buffer> {
  const right = JSON.stringify(valid);
  const json = (value: unknown) => Buffer.from(JSON.stringify(value) ?? '');
  const nearly = typeof valid === 'string' ? fc.constant(valid) : mutated([valid]);
  return fc.oneof(
    { weight: 6, arbitrary: nearly.map(json) },
    { weight: 1, arbitrary: fc.constant(Buffer.from(right)) },
    { weight: 1, arbitrary: mutated(ERRORS).map(json) },
    { weight: 1, arbitrary: fc.constantFrom(...ERRORS).map(json) },
    { weight: 1, arbitrary: fc.nat({ max: right.length }).map((length) => Buffer.from(right.slice(0, length))) },
    { weight: 1, arbitrary: anyValue.map((value) => json({ data: value })) },
    { weight: 1, arbitrary: anyValue.map(json) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        Buffer.alloc(0),
        Buffer.from(`<html><h1>502</h1>${API_KEY}<script>x</script></html>`),
        Buffer.from(`<${'a'.repeat(50_000)}`),
        Buffer.from(`Bearer ${API_KEY} \u001b[2J ${SECRET}`),
        Buffer.from('{"data": 1e999}'),
        Buffer.from(`{"data": ${'9'.repeat(1000)}}`),
        Buffer.from(`{"data": ${'['.repeat(100_000)}`),
        Buffer.from(`{"data": ${'['.repeat(20_000)}${']'.repeat(20_000)}}`),
        Buffer.from('{"__proto__": {"data": []}, "data": null}'),
        Buffer.concat([Buffer.from('{"data": "'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]),
        Buffer.from(`\ufeff${right}`),
        Buffer.from(right, 'utf16le'),
        gzipSync(right),
        gzipSync(right).subarray(0, 20),
      ),
    },
  );
}

function answers(valid: unknown): fc.Arbitrary<Answer> {
  return fc.record({
    status,
    headers: fc.array(header, { maxLength: 2 }),
    body: bodies(valid),
    lengthOff: fc.oneof(
      { weight: 5, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.constantFrom(undefined, -1, 1, 1000, -1000) },
    ),
    cutAfter: fc.oneof(
      { weight: 9, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.nat({ max: 300 }) },
    ),
  });
}

const anyCall = fc
  .constantFrom(...Object.keys(CALLS))
  .chain((name) => fc.tuple(fc.constant(name), fc.array(answers(callOf(name).valid), { minLength: 1, maxLength: 3 })));

let server: Server;
let client: PolytomicClient;
let next: Answer[] = [];

beforeAll(async () => {
  // Below HTTP, since what it sends is no HTTP at times.
  server = createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  client = new PolytomicClient({ apiKey: API_KEY, baseUrl, timeoutMs: 2_000 });
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
});

/** Answers one request, with the next of the answers or the last one again. */
function serve(socket: Socket): void {
  let request = '';
  // A client that goes away before it has heard everything is what some answers ask for.
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes: Buffer) => {
    request += bytes.toString('latin1');
    const [head = '', sent] = request.split('\r\n\r\n');
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
    if (sent === undefined || sent.length < length) return;
    const [answer, ...rest] = next;
    if (rest.length > 0) next = rest;
    if (answer === undefined) throw new Error('nothing is to be answered');
    const { cutAfter } = answer;
    const whole = bytesOf(answer);
    if (cutAfter === undefined) socket.end(whole);
    else socket.write(whole.subarray(0, cutAfter), () => socket.destroy());
  });
}

function bytesOf({ status: code, headers, body: content, lengthOff }: Answer): Buffer {
  const length = lengthOff === undefined ? [] : [`Content-Length: ${Math.max(0, content.length + lengthOff)}`];
  const lines = [
    `HTTP/1.1 ${code} X`,
    'Connection: close',
    ...length,
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), content]);
}

describe('whatever Polytomic answers', () => {
  it.each(Object.entries(CALLS))('%s understands what is right', async (_, { valid, call, result }) => {
    next = [
      {
        status: 200,
        headers: [],
        body: Buffer.from(valid === '' ? '' : JSON.stringify(valid)),
        lengthOff: 0,
        cutAfter: undefined,
      },
    ];
    expect(result.safeParse(await call(client)).error).toBeUndefined();
  });

  it('comes back as what was declared, or as an error of the client’s own that holds no secret', async () => {
    // A rejection that nobody handles fails the test by itself.
    let understood = 0;
    await fc.assert(
      fc.asyncProperty(anyCall, async ([name, given]) => {
        const { call, result } = callOf(name);
        next = given;
        const outcome = await call(client).then(
          (value) => ({ value }),
          (error: unknown) => ({ error }),
        );
        if ('value' in outcome) {
          understood += 1;
          expect(result.safeParse(outcome.value).error).toBeUndefined();
          return;
        }
        const { error } = outcome;
        expect(error).toBeInstanceOf(PolytomicError);
        const { message } = error as PolytomicError;
        expect(message).toMatch(/^(GET|POST|PUT|DELETE) \/api\//);
        expect(message).not.toMatch(/undefined|\[object /);
        expect(message.length).toBeLessThan(10_000);
        const shown = `${message}\n${inspect(error, { depth: 20 })}\n${JSON.stringify(error)}`;
        expect(shown).not.toContain(API_KEY);
        // To the client it is a secret in the call that sends it.
        if (name.startsWith('connections.') && /^(PUT|POST)/.test(message)) expect(shown).not.toContain(SECRET);
      }),
      { numRuns: 10_000 },
    );
    expect(understood).toBeGreaterThan(100);
  }, 180_000);
});
