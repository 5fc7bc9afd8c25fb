/** The table under Idempotency in docs/architecture.md, row by row, for each kind of thing that is created. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { KEY_LIFETIME_MS, MAX_CONFLICTS, type SendRecord } from '../../src/activities/idempotency.ts';
import type { Resource } from '../../src/workflows/messages.ts';
import {
  creates,
  failureOf,
  givenLinkedIn,
  givenSnowflake,
  letSendsEnd,
  newStep,
  type Step,
  sceneForEachTest,
} from '../support/activity-step.ts';
import { until } from '../support/until.ts';
import { AUDIENCE, existingSync } from '../support/walkthrough.ts';

const scene = sceneForEachTest();
const QUERY = 'SELECT first_name, last_name, email FROM users';

/** What stands there before: each made by this run, so that what is found on it is this run's own. */
let snowflake: Resource;
let linkedin: Resource;
let model: Resource;

beforeEach(async () => {
  snowflake = { ...(await givenSnowflake(scene.sandbox, 'Before')), made: true };
  linkedin = { ...(await givenLinkedIn(scene.sandbox)), made: true };
  const body = { name: 'Before', connection_id: snowflake.id, configuration: { query: QUERY } };
  const { id, name } = await scene.sandbox.polytomic.models.create(body, { idempotencyKey: 'before-everything' });
  model = { id, name, made: true };
});

interface Kind {
  path: string;
  /** The next attempt of the step. */
  make(step: Step, killed?: 'before its record arrived'): Promise<Resource>;
}

const KINDS: Record<string, Kind> = {
  connection: {
    path: '/api/connections',
    make: (step, killed) => {
      const spec = {
        name: 'Thing',
        account: 'uc193736182',
        username: 'user',
        dbname: 'database',
        password: { env: 'SNOWFLAKE_PASSWORD' },
      };
      const work = () => scene.activities.provideSnowflakeConnection({ step: step.context, spec });
      return step.attempt(work, killed === undefined ? {} : { killed });
    },
  },
  model: {
    path: '/api/models',
    make: async (step, killed) => {
      const spec = { name: 'Thing', query: QUERY };
      const work = () =>
        scene.activities.provideModel({ step: step.context, spec, columns: [], connection: snowflake });
      return (await step.attempt(work, killed === undefined ? {} : { killed })).resource;
    },
  },
  sync: {
    path: '/api/syncs',
    make: async (step, killed) => {
      const work = () =>
        scene.activities.createSync({
          step: step.context,
          sync: existingSync({ name: 'Thing' }),
          model: { resource: model, columns: ['email', 'first_name', 'last_name'] },
          connection: linkedin,
          audience: { existing: AUDIENCE },
        });
      return (await step.attempt(work, killed === undefined ? {} : { killed })).resource;
    },
  },
};

describe.each(Object.entries(KINDS))('what comes after an answer to the create of a %s', (kind, { path, make }) => {
  const POST = { method: 'POST', path };
  const things = async () =>
    (await scene.sandbox.state())[`${kind}s`].filter(({ name }: { name: string }) => name === 'Thing');
  const sent = async () => (await creates(scene.sandbox, path)).filter(({ key }) => key !== 'before-everything');
  /** The keys of our creates, as numbers in the order in which they were new. */
  const keys = async () => {
    const all = (await sent()).map(({ key }) => key).slice(-numberOfOurs);
    const fresh = [...new Set(all)];
    return all.map((key) => fresh.indexOf(key) + 1);
  };
  const looks = async () =>
    (await scene.sandbox.requests()).filter((call) => call.method === 'GET' && call.path.split('?')[0] === path).length;
  let numberOfOurs = 0;
  let step: Step;
  beforeEach(() => {
    numberOfOurs = 0;
    step = newStep(kind);
  });

  async function fails(fault: object | undefined, type: string): Promise<void> {
    if (fault !== undefined) await scene.sandbox.fault({ match: POST, times: 1, ...fault });
    numberOfOurs += 1;
    expect(await failureOf(make(step))).toMatchObject({ type, nonRetryable: false });
  }

  async function isMade(sends = 1): Promise<void> {
    numberOfOurs += sends;
    const { id, made } = await make(step);
    expect(made).toBe(true);
    expect(await things()).toMatchObject([{ id }]);
  }

  it.each(['before', 'after'])('nothing (a reset %s it took effect): the same key', async (when) => {
    await fails({ drop: true, when }, 'NoAnswer');
    await isMade();
    expect(await keys()).toEqual([1, 1]);
  });

  it('nothing (a killed worker): the same key', async () => {
    await make(step, 'before its record arrived');
    numberOfOurs += 1;
    await isMade();
    expect(await keys()).toEqual([1, 1]);
  });

  it('409 while in flight: the same key, a bounded number of times', async () => {
    for (let times = 1; times <= MAX_CONFLICTS; times++) await fails({ status: 409 }, 'InFlight');
    await scene.sandbox.fault({ match: POST, times: 1, status: 409 });
    numberOfOurs += 1;
    expect(await failureOf(make(step))).toMatchObject({ type: 'Unclear', nonRetryable: true });
    expect(new Set(await keys())).toEqual(new Set([1]));
  });

  it('409 while in flight, and then no more: the same key', async () => {
    await fails({ status: 409 }, 'InFlight');
    await isMade();
    expect(await keys()).toEqual([1, 1]);
  });

  it('429: as told, and a new key', async () => {
    await fails({ status: 429, retryAfter: 1 }, 'RateLimited');
    await isMade();
    expect(await keys()).toEqual([1, 2]);
  });

  it('any other 4xx that is worth another try: a new key', async () => {
    await fails({ status: 422, message: 'cache refresh in progress' }, 'NotReady');
    await isMade();
    expect(await keys()).toEqual([1, 2]);
  });

  it('any other 4xx that is not: no other try', async () => {
    await scene.sandbox.fault({ match: POST, times: 1, status: 422 });
    expect(await failureOf(make(step))).toMatchObject({ type: 'Refused', nonRetryable: true });
    expect(await things()).toEqual([]);
  });

  it('5xx that made it: a look-up, and no other send', async () => {
    await fails({ status: 500, when: 'after' }, 'Unavailable');
    // A model is made by a job.
    await until('it is there', async () => (await things()).length === 1);
    const before = await looks();
    await isMade(0);
    expect(await looks()).toBeGreaterThan(before);
    expect(await keys()).toEqual([1]);
  });

  it('5xx that made nothing: a look-up, and a new key', async () => {
    await fails({ status: 500 }, 'Unavailable');
    letSendsEnd(step);
    const before = await looks();
    await isMade();
    expect(await looks()).toBeGreaterThan(before);
    expect(await keys()).toEqual([1, 2]);
  });

  it('first sent over 24 hours ago: a look-up, and no other send', async () => {
    await fails({ drop: true, when: 'after' }, 'NoAnswer');
    await until('it is there', async () => (await things()).length === 1);
    const then = Date.now() - KEY_LIFETIME_MS;
    const unanswered = { first: then, last: Date.now() };
    step.details = { ...(step.details as SendRecord), firstSentAt: then, unanswered };
    await isMade(0);
    expect(await keys()).toEqual([1]);
  });

  it('first sent nobody knows when (a reset run): a look-up before anything is sent', async () => {
    await isMade();
    step = step.reset();
    const before = await looks();
    const { id } = await make(step);
    expect(await looks()).toBeGreaterThan(before);
    expect(await things()).toMatchObject([{ id }]);
    expect(new Set((await sent()).slice(-1).map(({ status }) => status))).toEqual(new Set([200]));
  });
});
