import { describe, expect, it } from '@jest/globals';
import { MAX_OVERWRITTEN } from '../../src/activities/ad-accounts.ts';
import type { PolytomicClient } from '../../src/polytomic/client.ts';
import { ApiError } from '../../src/polytomic/errors.ts';
import type { Resource } from '../../src/workflows/messages.ts';
import { type Received, withApi } from '../polytomic/api-server.ts';
import { activitiesOn, failureOf, givenLinkedIn, newStep, sceneForEachTest } from '../support/activity-step.ts';
import { ACCOUNT, CONTOSO, NORTHWIND } from '../support/walkthrough.ts';

const scene = sceneForEachTest();

function enable(connection: Resource, wanted: 'all' | 'ask' | string[], activities = scene.activities) {
  return newStep('ad accounts').attempt(() => activities.enableAdAccounts({ connection, wanted }));
}

const enabledOn = async ({ id }: Resource) =>
  (await scene.sandbox.polytomic.connections.get(id)).configuration['accounts'];
const callsOf = async (work: () => Promise<unknown>) => {
  const before = (await scene.sandbox.requests()).length;
  await work();
  return (await scene.sandbox.requests()).slice(before).map(({ method }) => method);
};
const writes = async () => (await scene.sandbox.requests()).filter(({ method }) => method === 'PUT');

describe('ad accounts', () => {
  it.each(['value', 'label'] as const)('are enabled by their %s', async (by) => {
    const connection = await givenLinkedIn(scene.sandbox, []);
    expect(await enable(connection, [NORTHWIND[by]])).toEqual({ enabled: [NORTHWIND], added: [NORTHWIND] });
    expect(await enabledOn(connection)).toEqual([NORTHWIND]);
  });

  it('are all enabled that the person may use', async () => {
    const connection = await givenLinkedIn(scene.sandbox, []);
    expect(await enable(connection, 'all')).toMatchObject({ enabled: [ACCOUNT, NORTHWIND, CONTOSO] });
    expect(await enabledOn(connection)).toEqual([ACCOUNT, NORTHWIND, CONTOSO]);
  });

  it('are added to those that are enabled, and none is taken away', async () => {
    const connection = await givenLinkedIn(scene.sandbox, [CONTOSO]);
    expect(await enable(connection, [ACCOUNT.label, CONTOSO.value])).toEqual({
      enabled: [ACCOUNT, CONTOSO],
      added: [ACCOUNT],
    });
    expect(await enabledOn(connection)).toEqual([CONTOSO, ACCOUNT]);
  });

  it('that are named twice, by value and by label, are enabled once', async () => {
    const connection = await givenLinkedIn(scene.sandbox, []);
    expect(await enable(connection, [ACCOUNT.label, ACCOUNT.value])).toMatchObject({ enabled: [ACCOUNT] });
    expect(await enabledOn(connection)).toEqual([ACCOUNT]);
  });

  it('that are enabled already are not written', async () => {
    const connection = await givenLinkedIn(scene.sandbox, [CONTOSO, ACCOUNT]);
    const before = (await writes()).length;
    expect(await enable(connection, [ACCOUNT.label])).toEqual({ enabled: [ACCOUNT], added: [] });
    expect(await writes()).toHaveLength(before);
  });

  it('that are unknown are all named, with those that are allowed, and nothing is written', async () => {
    const connection = await givenLinkedIn(scene.sandbox, []);
    const failure = await failureOf(enable(connection, ['Nobody', ACCOUNT.label, 'Nothing']));
    expect(failure).toMatchObject({ type: 'NotAllowed', nonRetryable: true });
    expect(failure.message).toMatch(/^Enabling ad accounts on LinkedIn Ads connection “LinkedIn Ads”: /);
    for (const said of ['“Nobody”', '“Nothing”', `${NORTHWIND.label} = ${NORTHWIND.value}`, CONTOSO.value])
      expect(failure.message).toContain(said);
    expect(await writes()).toEqual([]);
  });

  it('cannot be enabled before the sign-in', async () => {
    const step = newStep('linkedin connection');
    const spec = { name: 'LinkedIn Ads' };
    const { resource } = await step.attempt(() =>
      scene.activities.provideLinkedInConnection({ step: step.context, spec }),
    );
    const failure = await failureOf(enable(resource, 'all'));
    expect(failure).toMatchObject({ type: 'Refused', nonRetryable: true });
    expect(failure.message).toMatch(/^Enabling ad accounts .*sign-in .*is not complete/);
  });

  it.each(['after', 'before'])(
    'are enabled by the next attempt, which knows what is added, where an answer was lost (%s it took effect)',
    async (when) => {
      const connection = await givenLinkedIn(scene.sandbox, [CONTOSO]);
      await scene.sandbox.fault({ match: { method: 'PUT' }, times: 1, drop: true, when });
      const step = newStep('ad accounts');
      const attempt = () => step.attempt(() => scene.activities.enableAdAccounts({ connection, wanted: 'all' }));
      expect(await failureOf(attempt())).toMatchObject({ type: 'NoAnswer', nonRetryable: false });
      expect(await attempt()).toMatchObject({ added: [ACCOUNT, NORTHWIND] });
      expect(await enabledOn(connection)).toEqual([CONTOSO, ACCOUNT, NORTHWIND]);
    },
  );

  it('may be enabled, and nobody knows which, where the step ends for good after an answer was lost', async () => {
    const connection = await givenLinkedIn(scene.sandbox, []);
    const step = newStep('ad accounts');
    const attempt = () => step.attempt(() => scene.activities.enableAdAccounts({ connection, wanted: 'all' }));
    await scene.sandbox.fault({ match: { method: 'PUT' }, times: 1, drop: true, when: 'after' });
    await failureOf(attempt());
    await scene.sandbox.fault({ match: { method: 'GET' }, times: 1, status: 403 });
    const failure = await failureOf(attempt());
    expect(failure).toMatchObject({ type: 'Unclear', nonRetryable: true });
    expect(failure.message).toMatch(
      /some may have been enabled when an answer was lost.* answered 403.* then try again/,
    );
  });

  it('may be enabled, and nobody knows which, where they cannot be read back', async () => {
    const connection = await givenLinkedIn(scene.sandbox, []);
    const { polytomic } = scene.sandbox;
    let reads = 0;
    const get = async (id: string) => {
      reads += 1;
      if (reads > 1) throw new ApiError('GET /api/connections/c', 403);
      return polytomic.connections.get(id);
    };
    const { enableAdAccounts } = activitiesOn({
      ...polytomic,
      connections: {
        get,
        parameterValues: (id: string) => polytomic.connections.parameterValues(id),
        update: (...args: Parameters<typeof polytomic.connections.update>) => polytomic.connections.update(...args),
      },
    } as unknown as typeof polytomic);
    const attempt = newStep('ad accounts').attempt(() => enableAdAccounts({ connection, wanted: 'all' }));
    expect(await failureOf(attempt)).toMatchObject({ type: 'Unclear' });
  });

  it('are not enabled, and the step says no more than that, where Polytomic refuses the write', async () => {
    const connection = await givenLinkedIn(scene.sandbox, []);
    await scene.sandbox.fault({ match: { method: 'PUT' }, times: 1, status: 403 });
    expect(await failureOf(enable(connection, 'all'))).toMatchObject({ type: 'NotPermitted' });
    expect((await enabledOn(connection)) ?? []).toEqual([]);
  });

  it('are merged anew where somebody else has written what they read before', async () => {
    const connection = await givenLinkedIn(scene.sandbox, []);
    const { polytomic } = scene.sandbox;
    let theirs: object[] | undefined = [CONTOSO];
    const disturbed = {
      ...polytomic,
      connections: {
        get: (id: string) => polytomic.connections.get(id),
        parameterValues: (id: string) => polytomic.connections.parameterValues(id),
        update: async (...args: Parameters<typeof polytomic.connections.update>) => {
          const after = await polytomic.connections.update(...args);
          if (theirs !== undefined)
            await polytomic.connections.update(connection.id, { configuration: { accounts: theirs } });
          theirs = undefined;
          return after;
        },
      },
    } as unknown as typeof polytomic;
    const step = newStep('ad accounts');
    const { enableAdAccounts } = activitiesOn(disturbed);
    const attempt = () => step.attempt(() => enableAdAccounts({ connection, wanted: [ACCOUNT.value] }));
    expect(await failureOf(attempt())).toMatchObject({ type: 'Unavailable', nonRetryable: false });
    expect(await attempt()).toEqual({ enabled: [ACCOUNT], added: [ACCOUNT] });
    expect(await enabledOn(connection)).toEqual([CONTOSO, ACCOUNT]);
  });

  it.each([
    ['that this run made are written, and not read again where the write’s answer lists them', true, []],
    ['of others are written, read back, and looked at once more', false, ['GET', 'GET']],
  ])('on a connection %s', async (_, made, after) => {
    const connection = { ...(await givenLinkedIn(scene.sandbox, [])), made };
    const calls = await callsOf(() => enable(connection, 'all'));
    expect(calls.slice(calls.indexOf('PUT') + 1)).toEqual(after);
    expect(await enabledOn(connection)).toEqual([ACCOUNT, NORTHWIND, CONTOSO]);
  });

  it('of two runs that enable others at the same time are all there in the end', async () => {
    const connection = await givenLinkedIn(scene.sandbox, [CONTOSO]);
    // Held up, so that both have read before either writes.
    await scene.sandbox.fault({ match: { method: 'PUT' }, times: 2, latencyMs: 300 });
    const untilEnabled = async (wanted: string) => {
      const step = newStep('ad accounts');
      for (;;) {
        try {
          return await step.attempt(() => scene.activities.enableAdAccounts({ connection, wanted: [wanted] }));
        } catch (error) {
          expect(error).toMatchObject({ type: 'Unavailable' });
        }
      }
    };
    await Promise.all([untilEnabled(ACCOUNT.value), untilEnabled(NORTHWIND.value)]);
    const enabled = await enabledOn(connection);
    expect(enabled).toHaveLength(3);
    expect(enabled).toEqual(expect.arrayContaining([ACCOUNT, NORTHWIND, CONTOSO]));
  });

  it('are asked for, and none is enabled, where the request leaves them to a person', async () => {
    const connection = await givenLinkedIn(scene.sandbox);
    expect(await enable(connection, 'ask')).toEqual({ ask: { total: 3, choices: [ACCOUNT, NORTHWIND, CONTOSO] } });
    expect(await enabledOn(connection)).toEqual([ACCOUNT]);
  });
});

describe('a search for ad accounts', () => {
  const find = async (search?: string) => {
    const input = { connection: await givenLinkedIn(scene.sandbox, []), ...(search === undefined ? {} : { search }) };
    return newStep('choices').attempt(() => scene.activities.findAdAccounts(input));
  };

  it.each(['TRADERS north', '508274113'])('finds those that have every word, in label or value: %s', async (search) => {
    expect(await find(search)).toEqual({ choices: [NORTHWIND], total: 1 });
  });

  it('finds none where one word is of another', async () => {
    expect(await find('traders polytomic')).toEqual({ choices: [], total: 0 });
  });

  it('finds all without a word', async () => {
    expect(await find()).toMatchObject({ total: 3 });
  });
});

describe('a person’s answer', () => {
  const check = (connection: Resource, wanted: string[]) =>
    newStep('choices').attempt(() => scene.activities.checkAdAccounts({ connection, wanted }));

  it('means accounts, each once, and enables none', async () => {
    const connection = await givenLinkedIn(scene.sandbox);
    expect(await check(connection, [NORTHWIND.value, NORTHWIND.label])).toEqual([NORTHWIND]);
    expect(await enabledOn(connection)).toEqual([ACCOUNT]);
  });

  it('that means none is refused, with all that is wrong with it', async () => {
    const connection = await givenLinkedIn(scene.sandbox);
    const failure = await failureOf(check(connection, ['Nobody', ACCOUNT.label, 'Nothing']));
    expect(failure).toMatchObject({ type: 'NotAllowed', nonRetryable: true });
    expect(failure.message).toMatch(/“Nobody”.*“Nothing”/);
  });
});

describe('ad accounts of another Polytomic', () => {
  const CONNECTION = { id: 'c', name: 'LinkedIn Ads', made: true };

  /** Answers as told; `connection` is what reads of the connection say, whatever was written. */
  const answering =
    (values: unknown, connection: object) => (request: { url: string }, response: { end(text: string): void }) =>
      response.end(
        JSON.stringify({
          data: request.url.endsWith('parameter_values') ? values : { ...connection, type: 'linkedinads' },
        }),
      );

  it.each([{}, { accounts: { values: [] } }])('there are none for the person who signed in: %j', async (values) => {
    await withApi(answering(values, { id: 'c', name: 'LinkedIn Ads', configuration: {} }), async ({ client }) => {
      const failure = await failureOf(enable(CONNECTION, 'all', activitiesOn(client)));
      expect(failure).toMatchObject({ type: 'NotAllowed', nonRetryable: true });
      expect(failure.message).toMatch(/may use no ad account.*Campaign Manager/);
    });
  });

  it('are too many for a run to keep in mind: a person is to name those that are needed, and nothing is written', async () => {
    const values = Array.from({ length: 3000 }, (_, n) => ({
      value: `v${n}`,
      label: `Account of a customer, number ${n}`,
    }));
    const connection = { id: 'c', name: 'LinkedIn Ads', configuration: {} };
    await withApi(answering({ accounts: { values } }, connection), async ({ client, received }) => {
      const failure = await failureOf(enable(CONNECTION, 'all', activitiesOn(client)));
      expect(failure).toMatchObject({ type: 'NotAllowed', nonRetryable: true });
      expect(failure.message).toMatch(/these are 3000 ad accounts, .* Name only those that are needed\.$/);
      expect(received.map(({ method }) => method)).toEqual(['GET', 'GET']);
    });
  });

  it('are asked for where a name fits several, those first and no more than fifty', async () => {
    const others = Array.from({ length: 100 }, (_, n) => ({ value: `v${n}`, label: `Account ${n}` }));
    const twins = ['1', '2'].map((value) => ({ value, label: 'Twin' }));
    const connection = { id: 'c', name: 'LinkedIn Ads', configuration: {} };
    const answers = answering({ accounts: { values: [...others, ...twins] } }, connection);
    await withApi(answers, async ({ client, received }) => {
      const result = await enable(CONNECTION, ['Account 7', 'Twin'], activitiesOn(client));
      if (!('ask' in result)) throw new Error('it did not ask');
      const { choices, total, why } = result.ask;
      expect(total).toBe(102);
      expect(choices).toHaveLength(50);
      expect(choices.slice(0, 3)).toEqual([...twins, others[0]]);
      expect(why).toBe('ad account “Twin” fits several: “1”, “2”; give the value instead');
      expect(received.map(({ method }) => method)).toEqual(['GET', 'GET']);
    });
  });

  it('that others may write to are read again in any case, although this run made the connection', async () => {
    const made = { ...(await givenLinkedIn(scene.sandbox, [])), made: true };
    const readsOf = async (shared: boolean, wanted: string) => {
      const enabling = () => scene.activities.enableAdAccounts({ connection: made, wanted: [wanted], shared });
      const methods = await callsOf(() => newStep('ad accounts').attempt(enabling));
      return methods.slice(methods.indexOf('PUT') + 1);
    };
    expect(await readsOf(false, ACCOUNT.value)).toEqual([]);
    expect(await readsOf(true, NORTHWIND.value)).toEqual(['GET', 'GET']);
    expect(await enabledOn(made)).toEqual([ACCOUNT, NORTHWIND]);
  });

  it.each([
    ['all of them', [ACCOUNT, NORTHWIND], 1],
    ['not all of them', [ACCOUNT], 2],
    ['none', undefined, 2],
  ])('that this run has just written are read again unless the write’s answer lists %s', async (_, echoed, reads) => {
    const there = { id: 'c', name: 'LinkedIn Ads', type: 'linkedinads', configuration: {} as object };
    const play = async ({ client, received }: { client: PolytomicClient; received: Received[] }) => {
      const { enableAdAccounts } = activitiesOn(client);
      const wanted = [ACCOUNT.value, NORTHWIND.value];
      const { enabled } = (await newStep('ad accounts').attempt(() =>
        enableAdAccounts({ connection: CONNECTION, wanted }),
      )) as { enabled: object[] };
      expect(enabled).toEqual([ACCOUNT, NORTHWIND]);
      expect(received.filter(({ method, url }) => method === 'GET' && url.endsWith('/c'))).toHaveLength(reads);
    };
    await withApi(({ method, url, body }, response) => {
      const values = { accounts: { values: [ACCOUNT, NORTHWIND] } };
      if (method === 'PUT') there.configuration = (body as typeof there).configuration;
      const answer = method === 'PUT' ? { ...there, configuration: { accounts: echoed } } : there;
      response.end(JSON.stringify({ data: url.endsWith('parameter_values') ? values : answer }));
    }, play);
  });

  it('that are not kept are written again, a few times, and then a person is asked', async () => {
    // What is there may be anything; only what looks like an ad account is.
    const connection = { id: 'c', name: 'LinkedIn Ads', configuration: { accounts: [null, 'x', { label: 'y' }] } };
    await withApi(answering({ accounts: { values: [ACCOUNT] } }, connection), async ({ client, received }) => {
      const step = newStep('ad accounts');
      const { enableAdAccounts } = activitiesOn(client);
      const attempt = () => failureOf(step.attempt(() => enableAdAccounts({ connection: CONNECTION, wanted: 'all' })));
      for (let times = 1; times < MAX_OVERWRITTEN; times++)
        expect(await attempt()).toMatchObject({ type: 'Unavailable', nonRetryable: false });
      const failure = await attempt();
      expect(failure).toMatchObject({ type: 'NotKept', nonRetryable: true });
      expect(failure.message).toMatch(
        /^Enabling ad accounts on LinkedIn Ads connection “LinkedIn Ads”: .*did not keep .* written 5 times/,
      );
      expect(received.filter(({ method }) => method === 'PUT')).toHaveLength(MAX_OVERWRITTEN);
      const written = received.find(({ method }) => method === 'PUT');
      expect(written?.body).toMatchObject({ configuration: { accounts: [ACCOUNT] } });
    });
  });
});
