import { describe, expect, it } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/activity';
import type { PolytomicClient } from '../../src/polytomic/client.ts';
import { ApiError } from '../../src/polytomic/errors.ts';
import type { Resource } from '../../src/workflows/messages.ts';
import { activitiesOn, failureOf, newStep, type Step, sceneForEachTest } from '../support/activity-step.ts';

const scene = sceneForEachTest();
const CONNECTIONS = { method: 'POST', path: '/api/connections' };

const connections = async (): Promise<Array<{ id: string }>> => (await scene.sandbox.state()).connections;

/** A client that sends no create before `others` are about to send one too: all have looked by then, and found nothing. */
function meeting(polytomic: PolytomicClient, others: number): PolytomicClient {
  let missing = others;
  let allThere = () => {};
  const met = new Promise<void>((resolve) => {
    allThere = resolve;
  });
  return {
    ...polytomic,
    connections: {
      list: () => polytomic.connections.list(),
      create: async (...args: Parameters<typeof polytomic.connections.create>) => {
        missing -= 1;
        if (missing === 0) allThere();
        await met;
        return polytomic.connections.create(...args);
      },
    },
  } as unknown as PolytomicClient;
}

type Outcome = Resource | { type: string | null | undefined; message: string };

/** What one run's step comes to: the connection, or why it stops for good. */
async function ask(step: Step, orUse: boolean, polytomic = scene.sandbox.polytomic): Promise<Outcome> {
  const activities = activitiesOn(polytomic);
  const spec = {
    name: 'Warehouse',
    account: 'uc193736182',
    username: 'user',
    dbname: 'database',
    password: { env: 'SNOWFLAKE_PASSWORD' },
    orUse,
  };
  for (;;) {
    try {
      return await step.attempt(() => activities.provideSnowflakeConnection({ step: step.context, spec }));
    } catch (error) {
      if (!(error instanceof ApplicationFailure)) throw error;
      if (error.nonRetryable) return { type: error.type, message: error.message };
    }
  }
}

const newRunsStep = () => newStep('snowflake connection');

describe('two runs that ask for the same connection name at once', () => {
  it.each([
    [true, true],
    [true, false],
    [false, false],
  ])(
    'make one: who comes second uses it if the request says so, and else is told its id (orUse: %s, %s)',
    async (...orUse) => {
      const polytomic = meeting(scene.sandbox.polytomic, 2);
      const outcomes = await Promise.all(orUse.map((or) => ask(newRunsStep(), or, polytomic)));
      const [{ id } = { id: '' }, ...others] = await connections();
      expect(others).toEqual([]);
      const winner = outcomes.findIndex((outcome) => 'made' in outcome && outcome.made);
      expect(outcomes[winner]).toEqual({ id, name: 'Warehouse', made: true });
      const second = 1 - winner;
      if (orUse[second] === true) {
        expect(outcomes[second]).toEqual({ id, name: 'Warehouse', made: false });
      } else {
        expect(outcomes[second]).toMatchObject({ type: 'NameTaken' });
        const { message } = outcomes[second] as { message: string };
        expect(message).toMatch(new RegExp(`Say \`use: ${id}\` .*another name, or give up\\.$`));
      }
    },
  );

  it.each([
    ['the answer to who made it is lost', { times: 1, drop: true, when: 'after' }],
    ['both creates are held up by a limit', { times: 2, status: 429 }],
    ['one create is a 500 that made it', { times: 1, status: 500, when: 'after' }],
    ['one create is a 500 that made nothing', { times: 1, status: 500 }],
  ])('make one, whose both know, though %s', async (_, rule) => {
    await scene.sandbox.fault({ match: CONNECTIONS, ...rule });
    const polytomic = meeting(scene.sandbox.polytomic, 2);
    const outcomes = await Promise.all([ask(newRunsStep(), true, polytomic), ask(newRunsStep(), true, polytomic)]);
    const [{ id } = { id: '' }, ...others] = await connections();
    expect(others).toEqual([]);
    expect(outcomes).toContainEqual({ id, name: 'Warehouse', made: true });
    expect(outcomes.map((outcome) => ('id' in outcome ? outcome.id : outcome.message))).toEqual([id, id]);
  });

  it('are told whose it is also if the look after the refusal meets an outage', async () => {
    const there = await ask(newRunsStep(), false);
    if (!('id' in there)) throw new Error(there.message);
    const step = newRunsStep();
    let looks = 0;
    const { polytomic } = scene.sandbox;
    const blind = {
      ...polytomic,
      connections: {
        create: (...args: Parameters<typeof polytomic.connections.create>) => polytomic.connections.create(...args),
        // The first look is too early, the second one meets the outage.
        list: async () => {
          looks += 1;
          if (looks === 1) return [];
          if (looks === 2) await scene.sandbox.fault({ match: { method: 'GET' }, times: 1, status: 503 });
          return polytomic.connections.list();
        },
      },
    } as unknown as PolytomicClient;
    expect(await ask(step, true, blind)).toEqual({ ...there, made: false });
    expect(looks).toBe(3);
    expect(await connections()).toHaveLength(1);
  });
});

describe('a connection whose create is refused after an answer to it was lost', () => {
  /** A client whose second create is refused by who has not looked at its key. `looking` comes before each look. */
  function refusing(looking: (look: number) => Promise<void>): PolytomicClient {
    const { polytomic } = scene.sandbox;
    let sends = 0;
    let looks = 0;
    return {
      ...polytomic,
      connections: {
        create: async (...args: Parameters<typeof polytomic.connections.create>) => {
          sends += 1;
          if (sends === 2) throw new ApiError('POST /api/connections', 422);
          return polytomic.connections.create(...args);
        },
        list: async () => {
          looks += 1;
          await looking(looks);
          return polytomic.connections.list();
        },
      },
    } as unknown as PolytomicClient;
  }

  it('is not taken for somebody else’s, as it may be the run’s own', async () => {
    await scene.sandbox.fault({ match: CONNECTIONS, times: 1, drop: true, when: 'after' });
    const outcome = await ask(
      newRunsStep(),
      false,
      refusing(async () => undefined),
    );
    const [only] = await connections();
    expect(outcome).toMatchObject({ type: 'Unclear', message: expect.stringContaining(String(only?.id)) });
  });

  it('is made known by its key where nobody may look just then', async () => {
    await scene.sandbox.fault({ match: CONNECTIONS, times: 1, drop: true, when: 'after' });
    const blind = refusing(async (look) => {
      if (look === 2) await scene.sandbox.fault({ match: { method: 'GET' }, times: 1, status: 503 });
    });
    const outcome = await ask(newRunsStep(), false, blind);
    const [only] = await connections();
    expect(outcome).toEqual({ id: only?.id, name: 'Warehouse', made: true });
  });
});

describe('a clash', () => {
  it('of a name that is taken says how a person can go on: with its id, by another name, or not at all', async () => {
    const there = await ask(newRunsStep(), false);
    if (!('id' in there)) throw new Error(there.message);
    const step = newStep('linkedin connection');
    const failure = await failureOf(
      step.attempt(() =>
        scene.activities.provideLinkedInConnection({ step: step.context, spec: { name: 'Warehouse' } }),
      ),
    );
    expect(failure.type).toBe('NameTaken');
    expect(failure.message).toMatch(
      `(${there.id}), which this run did not make. Say \`use: ${there.id}\` (or \`orUse: true\`), give the connection another name, or give up.`,
    );
  });
});
