import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createSnowflake, eventually, runningSandbox, SNOWFLAKE_BODY } from './running-sandbox.ts';

const sandbox = runningSandbox();
const create = (key: string, change: object = {}) =>
  sandbox.call('POST', '/api/connections', { ...SNOWFLAKE_BODY, ...change }, { 'idempotency-key': key });
const names = async () =>
  (await sandbox.call('GET', '/api/connections')).body.data.map((each: { name: string }) => each.name) as string[];
const fault = (body: object) => sandbox.call('POST', '/_sandbox/faults', body);

describe('an idempotency key', () => {
  it('brings the first answer back, and nothing is made twice', async () => {
    const first = await create('key-00001');
    const second = await create('key-00001');
    expect(second.status).toBe(200);
    expect(second.body).toEqual(first.body);
    expect(await names()).toEqual(['Snowflake Connection']);
  });

  it('brings the first answer back to another body and another path, too', async () => {
    const first = await create('key-00001');
    expect((await create('key-00001', { name: 'Other' })).body).toEqual(first.body);
    const elsewhere = await sandbox.call('POST', '/api/models', {}, { 'idempotency-key': 'key-00001' });
    expect(elsewhere.body).toEqual(first.body);
    expect(await names()).toEqual(['Snowflake Connection']);
  });

  it('pins a refusal: mending the body does not help, a new key does', async () => {
    const wrong = { configuration: { ...SNOWFLAKE_BODY.configuration, password: 'wrong' } };
    const refused = await create('key-00001', wrong);
    expect(refused.status).toBe(422);
    expect(await create('key-00001')).toMatchObject({ status: 422, body: refused.body });
    expect((await create('key-00002')).status).toBe(200);
  });

  it('pins a body that is no JSON, and a call that there is not', async () => {
    const headers = { 'idempotency-key': 'key-00001' };
    expect((await sandbox.call('POST', '/api/models', '{', headers)).status).toBe(400);
    expect((await create('key-00001')).status).toBe(400);
    expect((await sandbox.call('POST', '/api/nope', {}, { 'idempotency-key': 'key-00002' })).status).toBe(404);
    expect((await create('key-00002')).status).toBe(404);
  });

  it('pins a 500 that came after the call took effect', async () => {
    await fault({ match: { method: 'POST', path: '/api/connections' }, times: 1, status: 500, when: 'after' });
    const first = await create('key-00001');
    expect(first.status).toBe(500);
    expect(await names()).toEqual(['Snowflake Connection']);
    expect(await create('key-00001')).toMatchObject({ status: 500, body: first.body });
    expect((await create('key-00002')).body.message).toContain('already exists');
  });

  it('pins a 500 that came before the call took effect', async () => {
    await fault({ match: { method: 'POST' }, times: 1, status: 503 });
    expect((await create('key-00001')).status).toBe(503);
    expect((await create('key-00001')).status).toBe(503);
    expect(await names()).toEqual([]);
  });

  it('is not spent by a 429', async () => {
    await fault({ match: { method: 'POST' }, times: 1, status: 429 });
    expect((await create('key-00001')).status).toBe(429);
    expect((await create('key-00001')).status).toBe(200);
  });

  it('is not spent by a 401', async () => {
    const headers = { 'idempotency-key': 'key-00001', authorization: 'Bearer wrong' };
    expect((await sandbox.call('POST', '/api/connections', SNOWFLAKE_BODY, headers)).status).toBe(401);
    expect((await create('key-00001')).status).toBe(200);
  });

  it('is a 409 while its first request is still in progress, which does not become its answer', async () => {
    const connection_id = await createSnowflake(sandbox);
    const query = '/* sandbox: takes 300ms */ SELECT 1 AS one';
    const send = () =>
      sandbox.call(
        'POST',
        '/api/models',
        { name: 'M', connection_id, configuration: { query } },
        { 'idempotency-key': 'key-00001' },
      );
    const first = send();
    const early = await eventually(async () => {
      const answer = await send();
      return answer.status === 409 ? answer : undefined;
    });
    expect(early.body).toMatchObject({ key: 'conflict', status: 409 });
    const made = await first;
    const answers = await eventually(async () => {
      const later = await send();
      return later.status === 200 ? [made, later] : undefined;
    });
    // Whichever of the two was first on the wire, there is one model, and both know it.
    expect((await sandbox.call('GET', '/api/models')).body.data).toHaveLength(1);
    for (const answer of answers) if (answer.status === 200) expect(answer.body.data.name).toBe('M');
  });

  it.each([['short'], ['with space 1'], ['ümlaut-key-1'.replace('ü', '%')], ['x'.repeat(256)], ['dot.dot.dot']])(
    'is a 400 when it is not 8 to 255 letters, digits, "-" and "_": %s',
    async (key) => {
      const { status, body } = await create(key);
      expect(status).toBe(400);
      expect(body.message).toContain('Idempotency-Key');
      expect(await names()).toEqual([]);
    },
  );

  it('means nothing on PUT, GET and DELETE', async () => {
    const id = await createSnowflake(sandbox);
    const headers = { 'idempotency-key': 'key-00001' };
    await sandbox.call('GET', `/api/connections/${id}`, undefined, headers);
    const put = await sandbox.call('PUT', `/api/connections/${id}`, { ...SNOWFLAKE_BODY, name: 'One' }, headers);
    expect(put.body.data.name).toBe('One');
    await sandbox.call('PUT', `/api/connections/${id}`, { ...SNOWFLAKE_BODY, name: 'Two' }, { 'idempotency-key': '!' });
    expect(await names()).toEqual(['Two']);
    expect((await sandbox.call('DELETE', `/api/connections/${id}`, undefined, headers)).status).toBe(204);
  });

  it('holds for any sequence of keys, names, faults and lost answers', async () => {
    const step = fc.record({
      key: fc.constantFrom('key-aaaaa', 'key-bbbbb', 'key-ccccc'),
      name: fc.constantFrom('One', 'Two', 'Three'),
      fault: fc.constantFrom('none', '500 before', '500 after', '429', 'drop before', 'drop after'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        await sandbox.call('POST', '/_sandbox/reset', {});
        const answers = new Map<string, number>();
        const made = new Set<string>();
        for (const { key, name, fault: kind } of steps) {
          const [what, when] = kind.split(' ');
          if (what !== 'none') {
            await fault({
              match: { method: 'POST' },
              times: 1,
              ...(what === 'drop' ? { drop: true } : { status: Number(what) }),
              when: when ?? 'before',
            });
          }
          const answer = await create(key, { name }).catch(() => undefined);
          await sandbox.call('DELETE', '/_sandbox/faults');

          const known = answers.get(key);
          const reached = kind !== '429' && kind !== 'drop before';
          const fails = what === '500';
          const taken = made.has(name);
          const takesEffect = known === undefined && reached && kind !== '500 before' && !taken;
          // A refusal of the name comes before a fault that would follow the effect.
          const outcome = kind === '500 before' ? 500 : taken ? 422 : fails ? 500 : 200;
          if (known === undefined && reached) answers.set(key, outcome);
          if (takesEffect) made.add(name);
          const expected = kind === '429' ? 429 : what === 'drop' ? undefined : (known ?? outcome);
          expect({ kind, key, status: answer?.status }).toEqual({ kind, key, status: expected });
        }
        expect(new Set(await names())).toEqual(made);
      }),
      { numRuns: 40 },
    );
  });
});
