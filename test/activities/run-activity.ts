/**
 * Attempts of an activity, one after the other, each with what the one before left in heartbeat details: what Temporal does
 * with an activity, without its waits.
 */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { beforeAll, beforeEach } from '@jest/globals';
import { ApplicationFailure, type Info } from '@temporalio/activity';

import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { type Activities, createActivities } from '../../src/activities/activities.ts';
import type { StepContext } from '../../src/activities/create-once.ts';
import type { PolytomicClient } from '../../src/polytomic/client.ts';
import { createSecretResolver } from '../../src/request/secrets.ts';
import { newSandbox, type TestSandbox } from '../support/sandbox.ts';
import { ACCOUNT } from '../support/walkthrough.ts';

const { privateKey } = generateKeyPairSync('ed25519');

/** What a worker's environment holds; no value of it may show in a failure or a heartbeat. */
export const SECRET_ENV = {
  SNOWFLAKE_PASSWORD: 'pa55word-of-the-warehouse',
  SNOWFLAKE_WRONG: 'wr0ng-password-of-somebody',
  SNOWFLAKE_KEY: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  SNOWFLAKE_LOCKED_KEY: privateKey
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'passphrase-of-the-key-0815' })
    .toString(),
  SNOWFLAKE_PASSPHRASE: 'passphrase-of-the-key-0815',
  LINKEDIN_CLIENT_SECRET: 'client-secret-4711',
  LINKEDIN_REFRESH_TOKEN: 'sandbox-refresh-token',
  SYNC_PASSPHRASE: 'passphrase-of-the-sync-0815',
};

/** The same, line by line: a key in PEM form has several, and each is secret. */
const SECRETS = Object.values(SECRET_ENV)
  .flatMap((value) => value.split('\n'))
  .filter((line) => line !== '' && !line.startsWith('-----'));

/** How an attempt ends that does not end by itself: its worker is killed, with the record before its send on the server or not. */
type Killed = 'before its record arrived' | 'after its record arrived';

/** One activity as Temporal runs it: attempts that share heartbeat details. */
export interface Step {
  context: StepContext;
  /** Runs the next attempt. With `killed` its outcome is lost, and what it said is seen by nobody. */
  attempt<T>(work: () => Promise<T>, options?: { killed?: Killed }): Promise<T>;
  /** Cancels the attempt that is under way. */
  cancel(): void;
  /** What Temporal has of the heartbeats, as the next attempt will get it. */
  details: unknown;
  /** Every heartbeat so far. */
  heartbeats: unknown[];
  /** The same step in a run that a reset began: nothing is remembered. */
  reset(): Step;
}

/** A step that was scheduled just now. `info` overrides what the activity is told about itself. */
export function newStep(
  id: string,
  info: Partial<Info> = {},
  firstRunId: string = randomUUID(),
  runId = firstRunId,
): Step {
  const scheduledTimestampMs = Date.now();
  let attempts = 0;
  let underWay: MockActivityEnvironment | undefined;
  const step: Step = {
    context: { step: id, firstRunId, generation: 1 },
    details: undefined,
    heartbeats: [],
    attempt: async (work, { killed } = {}) => {
      attempts += 1;
      const environment = new MockActivityEnvironment(
        {
          workflowExecution: { workflowId: 'audience-provisioning/test', runId },
          attempt: attempts,
          scheduledTimestampMs,
          heartbeatDetails: step.details,
          ...info,
        },
        // Failures are what the tests are about; they need not fill the terminal too.
        { logger: new DefaultLogger('ERROR') },
      );
      underWay = environment;
      const said: unknown[] = [];
      environment.on('heartbeat', (details: unknown) => said.push(asStored(details)));
      try {
        return await environment.run(work);
      } catch (error) {
        refuseSecrets(error);
        throw error;
      } finally {
        refuseSecrets(said);
        step.heartbeats.push(...said);
        const arrived =
          killed === undefined ? said.at(-1) : killed === 'after its record arrived' ? said[0] : undefined;
        step.details = arrived ?? step.details;
      }
    },
    cancel: () => underWay?.cancel(),
    reset: () => newStep(id, info, firstRunId, randomUUID()),
  };
  return step;
}

/** Heartbeat details travel as JSON. */
function asStored(details: unknown): unknown {
  return details === undefined ? undefined : JSON.parse(JSON.stringify(details));
}

function refuseSecrets(shown: unknown): void {
  const text = inspect(shown, { depth: 20 });
  if (SECRETS.some((secret) => text.includes(secret))) throw new Error('a secret shows');
}

/** The failure with which an attempt ends, as far as Temporal and people see it. */
export async function failureOf(attempt: Promise<unknown>): Promise<ApplicationFailure> {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof ApplicationFailure) return error;
    throw error;
  }
  throw new Error('the attempt succeeded');
}

/** What a test of activities works with. */
export interface Scene {
  sandbox: TestSandbox;
  activities: Activities;
}

/** All activities, on a sandbox of the test file's own, which is as new before each test. */
export function sceneForEachTest(): Scene {
  const scene: Partial<Scene> = {};
  beforeAll(async () => {
    scene.sandbox = await newSandbox({ snowflakePassword: SECRET_ENV.SNOWFLAKE_PASSWORD });
    scene.activities = activitiesOn(scene.sandbox.polytomic);
  });
  beforeEach(async () => {
    await fetch(`${scene.sandbox?.url}/_sandbox/reset`, { method: 'POST' });
  });
  return scene as Scene;
}

/** All activities, calling this Polytomic. */
export function activitiesOn(polytomic: PolytomicClient): Activities {
  return createActivities({
    polytomic,
    resolveSecret: createSecretResolver({ env: { ...SECRET_ENV }, envPrefixes: ['SNOWFLAKE_', 'LINKEDIN_', 'SYNC_'] }),
    searchAttributesRegistered: async () => true,
  });
}

/** A Snowflake connection that this run did not make. */
export async function givenSnowflake({ polytomic }: TestSandbox, name = 'Warehouse') {
  const { id } = await polytomic.connections.create(
    {
      name,
      type: 'snowflake',
      configuration: {
        account: 'uc193736182',
        username: 'user',
        password: SECRET_ENV.SNOWFLAKE_PASSWORD,
        dbname: 'database',
      },
    },
    { idempotencyKey: randomUUID() },
  );
  return { id, name, made: false };
}

/** A LinkedIn Ads connection with these accounts enabled, signed in. */
export async function givenLinkedIn(sandbox: TestSandbox, accounts = [ACCOUNT], name = 'LinkedIn Ads') {
  const { polytomic, signIn } = sandbox;
  const { id, auth_url } = await polytomic.connections.create(
    { name, type: 'linkedinads', configuration: {} },
    { idempotencyKey: randomUUID() },
  );
  await signIn(auth_url ?? '');
  if (accounts.length > 0) await polytomic.connections.update(id, { configuration: { accounts } });
  return { id, name, made: false };
}

/** The keys of the creates under a path, in the order of the calls, and how each was answered. */
export async function creates({ requests }: TestSandbox, path: string) {
  const calls = await requests();
  return calls
    .filter((call) => call.method === 'POST' && call.path.split('?')[0] === path && call.idempotency_key !== undefined)
    .map(({ status, replayed, idempotency_key: key }) => ({ status, replayed, key }));
}
