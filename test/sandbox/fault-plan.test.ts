import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PolytomicClient } from '../../src/polytomic/client.ts';
import { NoAnswerError, UnexpectedAnswerError } from '../../src/polytomic/errors.ts';
import {
  type FaultPlan,
  PLANNED_FAULTS,
  type PlannedCall,
  type PlannedFault,
  possibleFaults,
  strikes,
} from '../../src/sandbox/fault-plan.ts';
import { startSandbox } from '../../src/sandbox/listen.ts';
import { PlannedFaults } from '../../src/sandbox/planned-faults.ts';
import { Store } from '../../src/sandbox/store.ts';
import {
  API_KEY,
  call,
  createModel,
  createSignedIn,
  createSnowflake,
  eventually,
  runningSandbox,
  SNOWFLAKE_BODY,
  syncBody,
} from './running-sandbox.ts';

const MAIN = fileURLToPath(new URL('../../dist/sandbox/main.js', import.meta.url));
const sandbox = runningSandbox();
const plan = (body: object) => sandbox.call('PUT', '/_sandbox/fault-plan', { seed: '7', share: 1, ...body });
const only = (fault: PlannedFault, change: object = {}) => plan({ faults: [fault], ...change });
const noPlan = () => sandbox.call('DELETE', '/_sandbox/fault-plan');
const KEY = { 'idempotency-key': 'key-00001' };
const create = (name: string, headers: Record<string, string> = KEY) =>
  sandbox.call('POST', '/api/connections', { ...SNOWFLAKE_BODY, name }, headers);
const me = () => sandbox.call('GET', '/api/me');
const made = async () =>
  (await sandbox.call('GET', '/_sandbox/effects')).body.data.map(({ name }: { name: string }) => name) as string[];
const client = (timeoutMs = 15_000) => new PolytomicClient({ apiKey: API_KEY, baseUrl: sandbox.url, timeoutMs });
const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a fault of the plan', () => {
  it('429: the call is not carried out, comes with Retry-After, and its key is not spent', async () => {
    await only('429');
    const answer = await create('A');
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await made()).toEqual([]);
    await noPlan();
    expect((await create('A')).status).toBe(200);
  });

  it.each([
    ['500 before', 500, []],
    ['503 before', 503, []],
    ['500 after', 500, ['A']],
    ['503 after', 503, ['A']],
  ] as const)('%s: the key remembers it, with or without the effect', async (fault, status, effects) => {
    await only(fault);
    const first = await create('A');
    expect([first.status, first.body.key]).toEqual([status, 'sandbox_fault']);
    await noPlan();
    expect(await create('A')).toMatchObject({ status, body: first.body });
    expect(await made()).toEqual(effects);
  });

  it('500 and 503 do not replace the first answer to a key, nor a refusal', async () => {
    await plan({ faults: ['500 before', '500 after', '503 before', '503 after'], share: 0 });
    const first = await create('A');
    await plan({ faults: ['500 before', '503 before'] });
    expect(await create('A')).toMatchObject({ status: 200, body: first.body });
    await only('500 after');
    const taken = await create('A', {});
    expect(taken.body.message).toContain('already exists');
    const { body } = await sandbox.call('GET', '/_sandbox/fault-plan');
    expect(body.data.sites).toEqual([{ endpoint: 'POST /api/connections', fault: '500 after', calls: 1, hits: 0 }]);
  });

  it('500 partly: a new audience without its sync, and nothing to a sync that asks for none', async () => {
    const connection = await createSignedIn(sandbox);
    const model = await createModel(sandbox, await createSnowflake(sandbox), 'SELECT * FROM users');
    await only('500 partly');
    expect((await sandbox.call('POST', '/api/syncs', syncBody(model, connection), KEY)).status).toBe(500);
    const { body } = await sandbox.call('GET', '/_sandbox/effects');
    const audience = body.data.at(-1);
    expect(audience).toMatchObject({ kind: 'audience', name: 'New audience' });
    const target = { connection_id: connection, object: audience.id };
    expect((await sandbox.call('POST', '/api/syncs', syncBody(model, connection, { target }))).status).toBe(200);
  });

  it.each([
    ['drop before', []],
    ['drop after', ['A']],
  ] as const)('%s: no answer comes, and the key is free or has the true one', async (fault, effects) => {
    await only(fault);
    await expect(create('A')).rejects.toThrow();
    expect(await made()).toEqual(effects);
    await noPlan();
    expect((await create('A')).status).toBe(200);
    expect(await made()).toEqual(['A']);
  });

  it.each([
    ['html before', []],
    ['html after', ['A']],
  ] as const)("%s: a proxy's page comes, and the key is free or has the true answer", async (fault, effects) => {
    await only(fault);
    const answer = await create('A');
    expect([answer.status, answer.headers.get('content-type')]).toEqual([502, 'text/html']);
    expect(answer.body).toContain('<h1>502 Bad Gateway</h1>');
    expect(await made()).toEqual(effects);
    const log = await sandbox.call('GET', '/_sandbox/requests');
    expect(log.body.data.map(({ status }: { status: number }) => status)).toEqual([502]);
    await noPlan();
    expect((await create('A')).status).toBe(200);
    expect(await made()).toEqual(['A']);
  });

  it('truncated: a success breaks off, some as if it were whole and some with the connection', async () => {
    await only('truncated');
    const names = Array.from({ length: 20 }, (_, n) => `A${n}`);
    const errors = await Promise.all(
      names.map((name) =>
        refusal(client().connections.create({ ...SNOWFLAKE_BODY, name }, { idempotencyKey: `key-of-${name}` })),
      ),
    );
    const whole = errors.filter((error) => error instanceof UnexpectedAnswerError);
    const broken = errors.filter((error) => error instanceof NoAnswerError && error.reason === 'truncated');
    expect(whole.length).toBeGreaterThan(0);
    expect(broken.length).toBeGreaterThan(0);
    expect(whole.length + broken.length).toBe(names.length);
    expect((await made()).toSorted()).toEqual(names.toSorted());
    const log = await sandbox.call('GET', '/_sandbox/requests');
    expect(new Set(log.body.data.map(({ status }: { status: number }) => status))).toEqual(new Set([200]));
  });

  it('late: the call is carried out at once, and its answer comes when the client has given up', async () => {
    await only('late', { lateMs: 60_000 });
    const given = client(200).connections.create({ ...SNOWFLAKE_BODY, name: 'A' }, { idempotencyKey: 'key-00001' });
    expect(await refusal(given)).toMatchObject({ reason: 'timeout' });
    expect(await made()).toEqual(['A']);
    await noPlan();
    expect((await create('A')).status).toBe(200);
    expect(await made()).toEqual(['A']);
  });

  it('late: comes after all to a client that waits', async () => {
    await only('late', { lateMs: 100 });
    expect((await create('A')).body.data.name).toBe('A');
  });

  it('slow body: the headers come before the body is whole', async () => {
    await only('slow body', { latencyMs: 400 });
    const response = await fetch(`${sandbox.url}/api/me`, { headers: { authorization: `Bearer ${API_KEY}` } });
    const pieces: Uint8Array[] = [];
    for await (const piece of response.body ?? []) pieces.push(piece);
    expect(response.status).toBe(200);
    expect(pieces.length).toBeGreaterThan(1);
    expect(JSON.parse(Buffer.concat(pieces).toString())).toHaveProperty('data.organization_name');
  });

  it('latency: another call overtakes it, and it may come with another fault', async () => {
    await plan({ faults: ['latency', '500 after'], endpoints: { 'GET /api/connections': { share: 0 } } });
    const order: string[] = [];
    await Promise.all([
      me().then(({ status }) => order.push(`held up ${status}`)),
      sandbox.call('GET', '/api/connections').then(({ status }) => order.push(`not ${status}`)),
    ]);
    expect(order).toEqual(['not 200', 'held up 500']);
  });

  it('comes after a rule that fits the call', async () => {
    await only('500 before');
    await sandbox.call('POST', '/_sandbox/faults', { times: 1, status: 418 });
    expect([(await me()).status, (await me()).status]).toEqual([418, 500]);
  });

  it('strikes no call that there is not, and none without a key of the API', async () => {
    await only('500 before');
    expect((await sandbox.call('GET', '/api/nope')).status).toBe(404);
    expect((await sandbox.call('GET', '/api/me', undefined, { authorization: 'Bearer no' })).status).toBe(401);
  });
});

describe('the plan', () => {
  it('is given with a row for each fault that can strike an endpoint that was called', async () => {
    await plan({
      faults: ['429', '500 before', '500 partly'],
      endpoints: { 'GET /api/me': { faults: ['429'], share: 0 }, 'GET /api/models/:id': { share: 1 } },
      share: 0,
    });
    await me();
    await me();
    await sandbox.call('GET', '/api/models/1');
    await sandbox.call('POST', '/api/syncs', { name: 'S' });
    const { body } = await sandbox.call('GET', '/_sandbox/fault-plan');
    expect(body.data).toEqual({
      seed: '7',
      share: 0,
      faults: ['429', '500 before', '500 partly'],
      endpoints: { 'GET /api/me': { faults: ['429'], share: 0 }, 'GET /api/models/:id': { share: 1 } },
      latencyMs: 300,
      lateMs: 16_000,
      sites: [
        { endpoint: 'GET /api/me', fault: '429', calls: 2, hits: 0 },
        { endpoint: 'GET /api/models/:id', fault: '429', calls: 1, hits: 1 },
        { endpoint: 'GET /api/models/:id', fault: '500 before', calls: 1, hits: 0 },
        { endpoint: 'POST /api/syncs', fault: '429', calls: 1, hits: 0 },
        { endpoint: 'POST /api/syncs', fault: '500 before', calls: 1, hits: 0 },
        { endpoint: 'POST /api/syncs', fault: '500 partly', calls: 0, hits: 0 },
      ],
    });
  });

  it.each(['DELETE /_sandbox/fault-plan', 'POST /_sandbox/reset'])('is gone after %s', async (end) => {
    await only('500 before');
    const [method = '', path = ''] = end.split(' ');
    expect((await sandbox.call(method, path)).status).toBe(204);
    expect((await me()).status).toBe(200);
    expect((await sandbox.call('GET', '/_sandbox/fault-plan')).body).toEqual({ data: null });
  });

  it('counts anew when it is set again', async () => {
    await plan({ share: 0 });
    await me();
    const { body } = await plan({ share: 0 });
    expect(body.data.sites).toEqual([]);
  });

  it('names all that is wrong with it', async () => {
    const { status, body } = await sandbox.call('PUT', '/_sandbox/fault-plan', {
      seed: 7,
      share: 1.5,
      faults: ['500 before', 'flood'],
      endpoints: {
        'POST /api/nope': { share: 'x' },
        'GET /api/me': { faults: ['500 partly'], times: 1 },
        'GET /api/models': 0.5,
      },
      latencyMs: -1,
      lateMs: '16s',
      shares: 1,
    });
    expect(status).toBe(422);
    expect(body.metadata.problems).toEqual([
      'shares is unknown: there are seed, share, faults, endpoints, latencyMs, lateMs',
      'seed must be a text that is not empty',
      'share must be a number from 0 to 1',
      expect.stringMatching(/^faults: "flood" is none of latency, 429, /),
      'latencyMs must be a whole number from 0 to 600000',
      'lateMs must be a whole number from 0 to 600000',
      expect.stringContaining('endpoints["POST /api/nope"] is no call of the sandbox'),
      'endpoints["POST /api/nope"].share must be a number from 0 to 1',
      'endpoints["GET /api/me"].times is unknown: there are share, faults',
      'endpoints["GET /api/me"].faults: "500 partly" cannot strike there',
      'endpoints["GET /api/models"] must be an object with share, faults or both',
    ]);
    expect(body.message).toBe(body.metadata.problems.join('; '));
    const shapes = await sandbox.call('PUT', '/_sandbox/fault-plan', { endpoints: [], faults: '429' });
    expect(shapes.body.message).toMatch(/seed must .*; share must .*; faults must be a list.*; endpoints must be an/);
    expect((await sandbox.call('GET', '/_sandbox/fault-plan')).body.data).toBeNull();
  });

  it('strikes the same things in whatever order they are called, and others with another seed', async () => {
    const names = Array.from({ length: 30 }, (_, n) => `Connection ${n}`);
    /** How each call ends, by the name of what it is about; ids are new each time. */
    const outcomes = async (seed: string, order: string[]) => {
      await sandbox.call('POST', '/_sandbox/reset');
      await plan({ seed, share: 0.3, faults: ['429', '500 before', '500 after', 'html before', 'html after'] });
      const ends = await Promise.all(
        order.map(async (name) => {
          const statuses: number[] = [];
          for (let n = 0; n < 4; n += 1) statuses.push((await create(name, {})).status);
          return [name, statuses] as const;
        }),
      );
      const list = (await sandbox.call('GET', '/_sandbox/state')).body.data.connections as Array<
        Record<string, string>
      >;
      const reads = await Promise.all(
        list.map(async ({ id, name }) => [name, (await sandbox.call('GET', `/api/connections/${id}`)).status] as const),
      );
      return { ends: Object.fromEntries(ends), reads: Object.fromEntries(reads) };
    };
    const first = await outcomes('7', names);
    expect(await outcomes('7', names.toReversed())).toEqual(first);
    expect(await outcomes('8', names)).not.toEqual(first);
  });

  it('knows a thing by its name even when it was deleted', async () => {
    const id = await createSnowflake(sandbox, { name: 'A' });
    await only('html after');
    await sandbox.call('DELETE', `/api/connections/${id}`);
    await plan({ faults: ['429'], share: 0.5 });
    const again = async () => (await sandbox.call('DELETE', `/api/connections/${id}`)).status;
    const statuses: number[] = [];
    for (let n = 0; n < 12; n += 1) statuses.push(await again());
    const planned: FaultPlan = { ...PLAN, share: 0.5, faults: ['429'] };
    const told = { endpoint: 'DELETE /api/connections/:id', subject: 'A', replay: false, makesAudience: false };
    expect(statuses).toEqual(statuses.map((_, n) => (strikes(planned, told, n + 1).length > 0 ? 429 : 404)));
  });

  it('goes on with its counts where it was after a restart', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'sandbox-plan-'));
    const first = await startSandbox({ stateDir, apiKey: API_KEY });
    const body = { seed: '7', share: 0.4, faults: ['429', 'latency'], latencyMs: 0 };
    await call(first.url, 'PUT', '/_sandbox/fault-plan', body);
    const statuses: number[] = [];
    for (let n = 0; n < 15; n += 1) statuses.push((await call(first.url, 'GET', '/api/me')).status);
    const report = (await call(first.url, 'GET', '/_sandbox/fault-plan')).body;
    await first.close();
    const second = await startSandbox({ stateDir, apiKey: API_KEY });
    expect((await call(second.url, 'GET', '/_sandbox/fault-plan')).body).toEqual(report);
    for (let n = 0; n < 15; n += 1) statuses.push((await call(second.url, 'GET', '/api/me')).status);
    const planned: FaultPlan = { ...PLAN, share: 0.4, faults: ['429', 'latency'] };
    const told = { endpoint: 'GET /api/me', subject: '', replay: false, makesAudience: false };
    expect(statuses).toEqual(statuses.map((_, n) => (strikes(planned, told, n + 1).includes('429') ? 429 : 200)));
    await second.close();
    rmSync(stateDir, { recursive: true });
  });

  it('has its counts in the state soon after the calls, by itself', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sandbox-counts-'));
    const store = await Store.open(directory);
    const counting = new PlannedFaults(store, () => undefined);
    await counting.set({ ...PLAN, share: 0 });
    for (let n = 0; n < 3; n += 1) counting.take(() => CALL);
    const [counted] = await eventually(async () => {
      const counts = store.all('call-count');
      return counts.length > 0 ? counts : undefined;
    });
    expect(counted?.count).toBe(3);
    expect(new PlannedFaults(store, () => undefined).report()).toEqual(counting.report());
    await store.close();
    rmSync(directory, { recursive: true });
  });

  it('goes on when the sandbox is killed and started again', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'sandbox-killed-'));
    const start = async () => {
      const program = spawn(process.execPath, [MAIN, '--state', stateDir, '--api-key', API_KEY]);
      const [line] = (await once(program.stdout, 'data')) as [Buffer];
      const kill = async () => {
        program.kill('SIGKILL');
        await once(program, 'exit');
      };
      return { url: JSON.parse(String(line)).url as string, kill };
    };
    const first = await start();
    await call(first.url, 'PUT', '/_sandbox/fault-plan', { seed: '7', share: 1, faults: ['html after'] });
    expect((await call(first.url, 'POST', '/api/connections', SNOWFLAKE_BODY, KEY)).status).toBe(502);
    await first.kill();
    const second = await start();
    expect((await call(second.url, 'GET', '/api/me')).status).toBe(502);
    expect((await call(second.url, 'GET', '/_sandbox/effects')).body.data).toMatchObject([{ effect: 'created' }]);
    await second.kill();
    rmSync(stateDir, { recursive: true });
  });
});

const PLAN: FaultPlan = { seed: '7', share: 1, faults: PLANNED_FAULTS, endpoints: {}, latencyMs: 300, lateMs: 16_000 };
const CALL: PlannedCall = { endpoint: 'POST /api/syncs', subject: 'S', replay: false, makesAudience: true };

describe('a draw', () => {
  it('hits every fault, each about as often as its share says', () => {
    const n = 4_000;
    for (const fault of PLANNED_FAULTS) {
      const alone: FaultPlan = { ...PLAN, share: 0.2, faults: [fault] };
      const hits = Array.from({ length: n }, (_, i) => strikes(alone, CALL, i)).filter(({ length }) => length > 0);
      expect(hits.length / n).toBeCloseTo(0.2, 1);
    }
  });

  it('lets one fault strike at most, beside latency, and only where it can', () => {
    const name = fc.string({ maxLength: 8 });
    const sent = fc.record({
      endpoint: fc.constantFrom('POST /api/syncs', 'GET /api/models', 'DELETE /api/syncs/:id'),
      subject: name,
      replay: fc.boolean(),
      makesAudience: fc.boolean(),
    });
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    const property = fc.property(sent, name, share, fc.nat(50), (told, seed, given, n) => {
      const planned = { ...PLAN, seed, share: given };
      const struck = strikes(planned, told, n);
      expect(strikes(planned, told, n)).toEqual(struck);
      expect(possibleFaults(planned, told)).toEqual(expect.arrayContaining(struck));
      expect(struck.filter((fault) => fault !== 'latency').length).toBeLessThanOrEqual(1);
      if (told.replay) expect(struck.join()).not.toMatch(/50\d/);
      if (told.endpoint.startsWith('DELETE')) expect(struck.join()).not.toMatch(/truncated|slow body|partly/);
    });
    fc.assert(property);
  });
});
