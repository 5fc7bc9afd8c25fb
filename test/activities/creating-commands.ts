/**
 * What can happen while a step creates something, as commands for fast-check: each happens to a step of the real activities,
 * over real HTTP to the sandbox, and is followed by what must hold then.
 */
import { randomUUID } from 'node:crypto';
import { expect, jest } from '@jest/globals';
import type { ApplicationFailure } from '@temporalio/activity';
import fc from 'fast-check';
import type { Activities } from '../../src/activities/activities.ts';
import type { InspectedAudience } from '../../src/activities/audiences.ts';
import type { StepContext } from '../../src/activities/create-once.ts';
import { CLOCK_TOLERANCE_MS, type SendRecord, UNDER_WAY_MS } from '../../src/activities/idempotency.ts';
import { PolytomicClient } from '../../src/polytomic/client.ts';
import { ApiError, NoAnswerError } from '../../src/polytomic/errors.ts';
import type { SyncBody } from '../../src/polytomic/sync-shape.ts';
import type { Resource } from '../../src/workflows/messages.ts';
import { activitiesOn, failureOf, newStep, SECRET_ENV, type Step } from '../support/activity-step.ts';
import { activeUsers, linkedInConnection, snowflakeConnection } from '../support/resources.ts';
import type { TestSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';
import { ACCOUNT, AUDIENCE, existingSync, newSync } from '../support/walkthrough.ts';

const SECOND = 1000;
const HOUR = 60 * 60 * SECOND;

/** What is created, and on what. */
export interface Situation {
  kind: 'connection' | 'model' | 'sync' | 'sync with its audience';
  /** Whether the run may use one of this name that is there. */
  orUse: boolean;
  /** Whether this run made what the thing stands on. */
  parentMade: boolean;
}

/** What the rules are robbed of, to see that they are needed. */
export type Sabotage = 'no keys' | 'no look-up';

/** How a step ended: with what it was to provide, or with a failure that a person must mend. */
type Ending = { resource: Resource; audience?: Resource } | ApplicationFailure;

/** What is known of the world from what was done to it. */
export interface Known {
  /** How the step ended, if it has. */
  ending: Ending | undefined;
  /** Whether an answer may have been lost, or what was known of it: a fault, a kill, a reset. */
  troubled: boolean;
  /** Whether evidence may be missing or false: somebody else made one, a record was lost, the run or a person began anew. */
  doubtful: boolean;
  /** Whether what is made now, the same in every field, would be ours by all evidence that there is. */
  seemsOurs: boolean;
}

/** What a world is at its beginning. */
export function nothingKnown(): Known {
  return { ending: undefined, troubled: false, doubtful: false, seemsOurs: false };
}

/** A fault of the next call to one of these endpoints; `late`: the caller gives up, and the call is carried out later. */
interface FaultyCall {
  of: 'create' | 'look-up' | 'job' | 'audiences';
  effect: { status?: number; drop?: boolean; when?: string; message?: string; latencyMs?: number; retryAfter?: number };
  late?: boolean;
}

const faultyCall: fc.Arbitrary<FaultyCall> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      of: fc.constant('create' as const),
      effect: fc.constantFrom<FaultyCall['effect'][]>(
        { status: 500 },
        { status: 503 },
        { status: 500, when: 'after' },
        { status: 503, when: 'after' },
        { status: 500, when: 'partly' },
        { drop: true, when: 'partly' },
        { drop: true },
        { drop: true, when: 'after' },
        { status: 401 },
        { status: 403 },
        { status: 429 },
        { status: 429, retryAfter: 30 },
        { status: 422, message: 'cache refresh in progress' },
        { status: 422, message: 'no' },
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constant<FaultyCall>({ of: 'create', effect: { latencyMs: 40 }, late: true }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      of: fc.constantFrom('look-up' as const, 'job' as const, 'audiences' as const),
      effect: fc.constantFrom<FaultyCall['effect'][]>({ status: 500 }, { drop: true }, { status: 401 }),
    }),
  },
);

const NAME = 'The one';
const QUERY = 'SELECT first_name, last_name, email FROM users';
const NEW_AUDIENCE = { name: NAME, type: 'user_audience', account: ACCOUNT.value };
const MS_OF_A_JOB = 15;

/** The calls that an activity makes in this situation. */
function callsOf({ kind }: Situation): Record<FaultyCall['of'], { method: string; path: string }> {
  const path = { connection: '/api/connections', model: '/api/models' }[kind as string] ?? '/api/syncs';
  return {
    create: { method: 'POST', path },
    'look-up': { method: 'GET', path },
    job: { method: 'GET', path: '/api/jobs/*/*' },
    audiences: { method: 'GET', path: '/api/connections/*/modelsync/targetobjects' },
  };
}

/** What the sandbox has of something. */
interface Thing {
  id: string;
  name: string;
  target: { object: string };
}

/** What a stranger made; nothing where the name was taken and there can be only one. */
interface StrangersThing {
  id?: string;
  target?: { object?: string };
}

/** A sandbox, and one step that creates one thing in it. */
export class CreatingWorld {
  readonly situation: Situation;
  readonly #sandbox: TestSandbox;
  readonly #activities: Activities;
  readonly #theirs = new Set<string>();
  readonly #first: StepContext;
  #step: Step;
  #snowflake: Resource | undefined;
  #theirSnowflake: Resource | undefined;
  #linkedIn: Resource | undefined;
  #model: Resource | undefined;
  #theirModel: Resource | undefined;
  /** Creates that nobody waits for any more. */
  #underWay: Array<Promise<unknown>> = [];
  #nextIsLate = false;
  /** Strikes in the next attempt. */
  #fault: FaultyCall | undefined;

  /** How long Temporal would wait for the next attempt at least, in ms. */
  #delayMs = 0;

  private constructor(sandbox: TestSandbox, situation: Situation, sabotage: Sabotage | undefined) {
    this.#sandbox = sandbox;
    this.situation = situation;
    this.#activities = activitiesOn(this.#client(sabotage));
    this.#step = newStep('the step');
    this.#first = this.#step.context;
  }

  /** A sandbox as new, with what the thing stands on. */
  static async begin(sandbox: TestSandbox, situation: Situation, sabotage?: Sabotage): Promise<CreatingWorld> {
    await sandbox.reset();
    const world = new CreatingWorld(sandbox, situation, sabotage);
    const { kind, parentMade: made } = situation;
    if (kind === 'connection') return world;
    const password = SECRET_ENV.SNOWFLAKE_PASSWORD;
    world.#snowflake = await snowflakeConnection(sandbox, made, { name: 'Ours', password });
    world.#theirSnowflake = await snowflakeConnection(sandbox, false, { name: 'Theirs', password });
    if (kind === 'model') return world;
    world.#linkedIn = await linkedInConnection(sandbox);
    world.#model = { ...(await activeUsers(sandbox, world.#snowflake)), made };
    world.#theirModel = { ...(await activeUsers(sandbox, world.#theirSnowflake)), made: false };
    return world;
  }

  /** Lets time pass. What is under way has arrived, once it has had its time. */
  async pass(ms: number): Promise<void> {
    if (ms >= UNDER_WAY_MS) await this.#arrive();
    jest.setSystemTime(Date.now() + ms);
  }

  /** Has a call of its kind fail in the next attempt. */
  fault(fault: FaultyCall): void {
    this.#fault = fault;
  }

  /** One attempt of the step. `undefined` where Temporal would try it again. */
  async attempt(): Promise<Ending | undefined> {
    await this.#beginAttempt();
    try {
      return await this.#step.attempt(() => this.#work());
    } catch (error) {
      const failure = await failureOf(Promise.reject(error));
      this.#delayMs = Number(failure.nextRetryDelay ?? 0);
      return failure.nonRetryable ? failure : undefined;
    }
  }

  /** One attempt of which nobody hears. */
  async killedAttempt(killed: 'before its record arrived' | 'after its record arrived'): Promise<void> {
    await this.#beginAttempt();
    await this.#step.attempt(() => this.#work(), { killed }).catch((error) => failureOf(Promise.reject(error)));
  }

  /** As long as Temporal would wait, and until nothing is under way any more. */
  async waitForTheNextAttempt(): Promise<void> {
    await this.pass(Math.max(this.#delayMs, UNDER_WAY_MS));
  }

  /**
   * Whether what is made now, the same in every field, would be ours by all evidence that there is. It would not where nothing
   * is remembered, or where the step looks before it sends more and all that it sent was settled long ago.
   */
  get takesForOurs(): boolean {
    if (this.#step.details === undefined) return false;
    const { lookUpFirst, settlesAt = 0 } = this.#step.details as SendRecord;
    // An audience has no date.
    const dated = this.situation.kind !== 'sync with its audience';
    return !(dated && lookUpFirst && Date.now() > settlesAt + CLOCK_TOLERANCE_MS);
  }

  /** The run is reset; to before anybody had the step tried again, if `toFirstGeneration`. */
  async reset(toFirstGeneration: boolean): Promise<void> {
    this.#step = this.#step.reset(toFirstGeneration ? this.#first : undefined);
  }

  /** A person has the step tried again. */
  async again(unclear: boolean): Promise<void> {
    this.#step = this.#step.again(unclear);
  }

  /** The sandbox is stopped and started on its state. What it held up is never carried out. */
  async restart(): Promise<void> {
    await this.#sandbox.restart();
    await this.#arrive();
  }

  /** Somebody else makes one of this name, unless the name is taken and there can be only one. */
  async strangersMake(content: 'the same' | 'another'): Promise<void> {
    await this.#sandbox.clearFaults();
    const { id, target } = await this.#createAsStrangers(content === 'the same').catch(
      (error: unknown): StrangersThing => {
        if (error instanceof ApiError && error.status === 422) return {};
        throw error;
      },
    );
    if (id !== undefined) this.#theirs.add(id);
    if (this.situation.kind === 'sync with its audience' && target?.object !== undefined)
      this.#theirs.add(target.object);
  }

  #createAsStrangers(same: boolean): Promise<StrangersThing> {
    const key = { idempotencyKey: randomUUID() };
    const { connections, models, syncs } = this.#sandbox.polytomic;
    switch (this.situation.kind) {
      case 'connection': {
        const dbname = same ? 'database' : 'another';
        const configuration = { ...ACCESS, dbname, password: SECRET_ENV.SNOWFLAKE_PASSWORD };
        return connections.create({ name: NAME, type: 'snowflake', configuration, validate: false }, key);
      }
      case 'model': {
        const on = this.situation.parentMade ? this.#theirSnowflake : this.#snowflake;
        const query = same ? QUERY : 'SELECT email FROM users';
        return models.create({ name: NAME, connection_id: idOf(on), configuration: { query } }, key);
      }
      case 'sync':
        return syncs.create(this.#theirSync({ target: this.#target({ object: AUDIENCE.id }) }, same), key);
      case 'sync with its audience': {
        const create = same ? NEW_AUDIENCE : { ...NEW_AUDIENCE, type: 'company_audience' };
        return syncs.create(this.#theirSync({ target: this.#target({ create }) }, same), key);
      }
    }
  }

  /** What this run has made, and the audiences that were made with it. */
  async ours(): Promise<{ things: Thing[]; audiences: string[] }> {
    const { connections, models, syncs, audiences } = await this.#sandbox.state();
    const ours = (all: Thing[]) => all.filter(({ name, id }) => name === NAME && !this.#theirs.has(id));
    const { kind } = this.situation;
    const things = { connection: connections, model: models }[kind as string] ?? syncs;
    return { things: ours(things), audiences: ours(audiences).map(({ id }) => id) };
  }

  /** How many of this name others have made. */
  get theirs(): number {
    return this.#theirs.size;
  }

  #work(): Promise<{ resource: Resource; audience?: Resource }> {
    const { kind, orUse } = this.situation;
    const { context: step } = this.#step;
    switch (kind) {
      case 'connection': {
        const password = { env: 'SNOWFLAKE_PASSWORD' };
        const spec = { name: NAME, ...ACCESS, dbname: 'database', password, orUse };
        return this.#activities.provideSnowflakeConnection({ step, spec }).then((resource) => ({ resource }));
      }
      case 'model': {
        const spec = { name: NAME, query: QUERY, orUse };
        return this.#activities.provideModel({ step, spec, columns: [], connection: known(this.#snowflake) });
      }
      default: {
        const audience: InspectedAudience = kind === 'sync' ? { existing: AUDIENCE } : { create: NEW_AUDIENCE };
        const sync = (kind === 'sync' ? existingSync : newSync)({ name: NAME, schedule: { frequency: 'manual' } });
        const model = { resource: known(this.#model), columns: ['first_name', 'last_name', 'email'] };
        return this.#activities.createSync({ step, sync, model, connection: known(this.#linkedIn), audience });
      }
    }
  }

  #target(target: { object: string } | { create: typeof NEW_AUDIENCE }): SyncBody['target'] {
    return { connection_id: idOf(this.#linkedIn), ...target };
  }

  /** A sync of somebody else's: on the same model, unless this run made it. */
  #theirSync({ target }: Pick<SyncBody, 'target'>, same: boolean): SyncBody {
    const on = this.situation.parentMade ? this.#theirModel : this.#model;
    const source = (field: string) => ({ model_id: idOf(on), field });
    return {
      name: NAME,
      mode: 'create',
      identity: { source: source('email'), target: 'Email', function: 'equality' },
      fields: [
        { target: 'FirstName', source: source('first_name') },
        ...(same ? [{ target: 'LastName', source: source('last_name') }] : []),
      ],
      schedule: { frequency: 'manual' },
      target,
    };
  }

  /** What was sent and not waited for has ended, and so have the jobs that it began. */
  async #arrive(): Promise<void> {
    await Promise.all(this.#underWay.splice(0));
    await until('all jobs have ended', async () => {
      const { jobs } = await this.#sandbox.state();
      return (jobs as Array<{ status: string }>).every(({ status }) => status === 'done' || status === 'failed');
    });
  }

  async #beginAttempt(): Promise<void> {
    const fault = this.#fault;
    this.#fault = undefined;
    this.#nextIsLate = fault?.late === true;
    await this.#sandbox.clearFaults();
    if (fault !== undefined) {
      const match = callsOf(this.situation)[fault.of];
      await this.#sandbox.fault({ match, times: 1, ...fault.effect });
    }
    // A job's first look finds it ended: the next one would come a while later.
    await this.#sandbox.fault({ match: callsOf(this.situation).job, latencyMs: MS_OF_A_JOB });
  }

  /** The client of the activities: its creates may go astray, and whoever sabotages it takes something away. */
  #client(sabotage: Sabotage | undefined): PolytomicClient {
    const { url: baseUrl, apiKey } = this.#sandbox;
    const client = new PolytomicClient({ apiKey, baseUrl });
    const { connections, models, syncs, targets } = client;
    const sending =
      <B, T>(create: (body: B, options: { idempotencyKey: string }) => Promise<T>) =>
      async (body: B, options: { idempotencyKey: string }): Promise<T> => {
        const sent = create(body, sabotage === 'no keys' ? { idempotencyKey: randomUUID() } : options);
        if (!this.#nextIsLate) return sent;
        this.#nextIsLate = false;
        this.#underWay.push(sent.catch(() => undefined));
        throw new NoAnswerError('POST /api/…', 'timeout', 'it was not waited for');
      };
    connections.create = sending(connections.create.bind(connections));
    models.createAsync = sending(models.createAsync.bind(models));
    syncs.create = sending(syncs.create.bind(syncs));
    if (sabotage === 'no look-up') {
      connections.list = async () => [];
      models.list = async () => [];
      syncs.list = async () => [];
      targets.list = async () => ({ target_creation: { supported: true, properties: [] }, data: [] });
    }
    return client;
  }
}

const ACCESS = { account: 'uc193736182', username: 'user' };

function known(resource: Resource | undefined): Resource {
  if (resource === undefined) throw new Error('the situation has no such thing');
  return resource;
}

function idOf(resource: Resource | undefined): string {
  return known(resource).id;
}

/** A world as it may be, and what is known of it. */
type Command = fc.AsyncCommand<Known, CreatingWorld>;

/** A command that happens only where `applies`, and after which the world must be sound. */
function command(
  name: string,
  applies: (known: Readonly<Known>) => boolean,
  happen: (known: Known, world: CreatingWorld) => Promise<void>,
): Command {
  return {
    check: applies,
    run: async (known, world) => {
      await happen(known, world);
      await mustBeSound(known, world);
    },
    toString: () => name,
  };
}

const goesOn = ({ ending }: Readonly<Known>) => ending === undefined;
const hasFailed = ({ ending }: Readonly<Known>) => ending !== undefined && !('resource' in ending);

/** All that can happen, in sequences of at most `maxCommands`. */
export function happenings({ parentMade, kind }: Situation, maxCommands: number) {
  const faults = faultyCall
    .filter(({ effect }) => effect.when !== 'partly' || kind === 'sync with its audience')
    .map((fault) =>
      command(`fault(${JSON.stringify(fault)})`, goesOn, async (known, world) => {
        known.troubled = true;
        // Whoever may not look can not tell.
        known.doubtful ||= [401, 403].includes(fault.effect.status ?? 0);
        world.fault(fault);
      }),
    );
  const attempts = fc.constant(command('attempt', goesOn, tryOnce));
  const kills = fc.constantFrom('before its record arrived' as const, 'after its record arrived' as const).map((when) =>
    command(`killed(${when})`, goesOn, async (known, world) => {
      known.troubled = true;
      known.doubtful ||= when === 'before its record arrived';
      await world.killedAttempt(when);
      known.seemsOurs = world.takesForOurs;
    }),
  );
  const resets = fc.boolean().map((toFirst) =>
    command(
      `reset(${toFirst ? 'to the first generation' : ''})`,
      () => true,
      async (known, world) => {
        Object.assign(known, { ending: undefined, troubled: true, doubtful: true, seemsOurs: false });
        await world.reset(toFirst);
      },
    ),
  );
  const people = fc.constant(
    command('a person tries again', hasFailed, async (known, world) => {
      const unclear = (known.ending as ApplicationFailure).type === 'Unclear';
      Object.assign(known, { ending: undefined, doubtful: true, seemsOurs: false });
      await world.again(unclear);
    }),
  );
  const strangers = fc.constantFrom('the same' as const, 'another' as const).map((content) =>
    command(
      `strangers make ${content}`,
      // What is the same in every field and appears between our sends is ours by all evidence that there is: the rule does
      // not promise to tell it apart. Nobody else builds on what this run made.
      ({ seemsOurs }) => content === 'another' || !(seemsOurs || (parentMade && kind !== 'sync with its audience')),
      async (known, world) => {
        known.doubtful = true;
        await world.strangersMake(content);
      },
    ),
  );
  const restarts = fc.constant(
    command(
      'restart',
      () => true,
      async (known, world) => {
        known.troubled = true;
        await world.restart();
      },
    ),
  );
  // Polytomic keeps keys for 24 hours at least, the sandbox for 48.
  const jumps = fc.constantFrom(SECOND, 60 * SECOND, 22.9 * HOUR, 24 * HOUR, 49 * HOUR).map((ms) =>
    command(
      `${ms / SECOND} s pass`,
      () => true,
      async (known, world) => {
        await world.pass(ms);
        known.seemsOurs = world.takesForOurs;
      },
    ),
  );
  const often = (arbitrary: fc.Arbitrary<Command>, weight: number) =>
    Array<fc.Arbitrary<Command>>(weight).fill(arbitrary);
  const all = [
    ...often(attempts, 6),
    ...often(faults, 4),
    ...often(kills, 2),
    ...often(jumps, 3),
    strangers,
    resets,
    people,
    restarts,
  ];
  return fc.commands(all, { maxCommands });
}

async function tryOnce(known: Known, world: CreatingWorld): Promise<void> {
  known.ending = await world.attempt();
  known.seemsOurs = world.takesForOurs;
}

/** Quiet attempts in which a step must end: one learns what the key says, one looks, one makes it; and twice as many. */
const ENOUGH = 6;

/** Lets the step end without further trouble. */
export async function letItEnd(known: Known, world: CreatingWorld): Promise<void> {
  await world.pass(UNDER_WAY_MS);
  for (let attempt = 0; known.ending === undefined && attempt < ENOUGH; attempt += 1) {
    await world.waitForTheNextAttempt();
    await tryOnce(known, world);
  }
  await mustBeSound(known, world);
  expect(known.ending).toBeDefined();
}

/** What must hold at any time. */
async function mustBeSound({ ending, troubled, doubtful }: Known, world: CreatingWorld): Promise<void> {
  const { things, audiences } = await world.ours();
  const { orUse, kind } = world.situation;
  expect(things.length).toBeLessThanOrEqual(1);
  expect(audiences.length).toBeLessThanOrEqual(1);
  if (ending === undefined) return;
  if ('resource' in ending) {
    const { resource, audience } = ending;
    if (!resource.made) {
      expect(orUse).toBe(true);
      return;
    }
    expect(things.map(({ id }) => id)).toEqual([resource.id]);
    if (kind !== 'sync with its audience') return;
    expect(audiences).toEqual([audience?.id]);
    expect(things[0]?.target.object).toBe(audience?.id);
    return;
  }
  expect(['Unclear', 'Ambiguous', 'NameTaken', 'Refused', 'ApiKeyRefused', 'NotPermitted']).toContain(ending.type);
  // A refusal for good means that nothing was made.
  if (ending.type !== 'Unclear') expect({ things, audiences }).toEqual({ things: [], audiences: [] });
  // Where it cannot tell it says so, and a person decides. It can where nobody interferes and nothing is forgotten.
  if (ending.type === 'Unclear') expect({ troubled, doubtful }).toEqual({ troubled: true, doubtful: true });
  if (ending.type === 'Ambiguous') expect(orUse && world.theirs > 0).toBe(true);
}
