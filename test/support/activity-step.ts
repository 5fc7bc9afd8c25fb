/**
 * Attempts of an activity, one after the other, each with what the one before left in heartbeat details: what Temporal does
 * with an activity, without its waits.
 */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { BlockList } from 'node:net';
import { inspect } from 'node:util';
import { beforeAll, beforeEach } from '@jest/globals';
import { ApplicationFailure, type Info } from '@temporalio/activity';
import { ActivityCancellationDetails } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { type Activities, createActivities } from '../../src/activities/activities.ts';
import type { StepContext } from '../../src/activities/create-once.ts';
import { type SendRecord, UNDER_WAY_MS } from '../../src/activities/idempotency.ts';
import type { PolytomicClient } from '../../src/polytomic/client.ts';
import { createNoticeKeyResolver, createSecretResolver } from '../../src/request/secrets.ts';
import { linkedInConnection, snowflakeConnection } from './resources.ts';
import { newSandbox, type TestSandbox } from './sandbox.ts';
import { ACCOUNT } from './walkthrough.ts';

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
  /** Cancels the attempt that is under way, as when the run is cancelled. */
  cancel(): void;
  /** Breaks off the attempt that is under way, as when its worker stops. */
  stop(): void;
  /** What Temporal has of the heartbeats, as the next attempt will get it. */
  details: unknown;
  /** Every heartbeat so far. */
  heartbeats: unknown[];
  /** The same step in a run that a reset began: nothing is remembered. */
  reset(): Step;
  /** The same step as a person has it tried again after it ended unclear: with keys of its own, and nothing remembered. */
  again(): Step;
}

/**
 * A step that was scheduled just now. `info` overrides what the activity is told about itself, `known` what the step knows;
 * `runId` is of a run that a reset began.
 */
export function newStep(
  id: string,
  info: Partial<Info> = {},
  known: Partial<StepContext> = {},
  runId: string = known.originalRunId ?? known.firstRunId ?? randomUUID(),
): Step {
  const scheduledTimestampMs = Date.now();
  const context = { step: id, firstRunId: runId, originalRunId: known.firstRunId ?? runId, generation: 1, ...known };
  let attempts = 0;
  let underWay: MockActivityEnvironment | undefined;
  const step: Step = {
    context,
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
      environment.on('heartbeat', (details: unknown) => {
        said.push(asStored(details));
        step.heartbeats.push(said.at(-1));
        if (killed === undefined) step.details = said.at(-1);
      });
      try {
        return await environment.run(work);
      } catch (error) {
        refuseSecrets(error);
        throw error;
      } finally {
        refuseSecrets(said);
        if (killed === 'after its record arrived') step.details = said[0] ?? step.details;
      }
    },
    cancel: () => underWay?.cancel(),
    stop: () => underWay?.cancel('WORKER_SHUTDOWN', new ActivityCancellationDetails({ workerShutdown: true })),
    reset: () => newStep(id, info, context, randomUUID()),
    again: () => newStep(id, info, { ...context, generation: context.generation + 1, afterUnclear: true }, runId),
  };
  return step;
}

/** Makes the record of the step what it will be when nothing that it sent can take effect any more. */
export function letSendsEnd(step: Step): void {
  const then = Date.now() - UNDER_WAY_MS;
  const { unanswered, settlesAt, ...record } = step.details as SendRecord;
  step.details = {
    ...record,
    ...(unanswered === undefined ? {} : { unanswered: { first: then, last: then } }),
    ...(settlesAt === undefined ? {} : { settlesAt: then }),
  };
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

/** What a worker has besides Polytomic. */
interface ActivitySettings {
  /** Its environment, as far as secrets are in it. */
  secrets: Record<string, string>;
  noticeNetworks: BlockList;
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

/** All activities, calling this Polytomic and, of those who take notices, the ones in these networks. */
export function activitiesOn(
  polytomic: PolytomicClient,
  { secrets = SECRET_ENV, noticeNetworks = new BlockList() }: Partial<ActivitySettings> = {},
): Activities {
  return createActivities({
    polytomic,
    resolveSecret: createSecretResolver({
      env: { ...secrets },
      envPrefixes: ['SNOWFLAKE_', 'LINKEDIN_', 'SYNC_'],
    }),
    resolveNoticeKey: createNoticeKeyResolver({ env: { ...secrets } }),
    noticeNetworks,
    searchAttributesRegistered: async () => true,
    undoEntriesOf: async () => [],
  });
}

/** A Snowflake connection that this run did not make. */
export function givenSnowflake(sandbox: TestSandbox, name = 'Warehouse') {
  return snowflakeConnection(sandbox, false, { name, password: SECRET_ENV.SNOWFLAKE_PASSWORD });
}

/** A LinkedIn Ads connection that this run did not make, with these accounts enabled, signed in. */
export async function givenLinkedIn(sandbox: TestSandbox, accounts = [ACCOUNT], name = 'LinkedIn Ads') {
  return { ...(await linkedInConnection(sandbox, accounts, name)), made: false };
}

/** The keys of the creates under a path, in the order of the calls, and how each was answered. */
export async function creates({ requests }: TestSandbox, path: string) {
  const calls = await requests();
  return calls
    .filter((call) => call.method === 'POST' && call.path.split('?')[0] === path && call.idempotency_key !== undefined)
    .map(({ status, replayed, idempotency_key: key }) => ({ status, replayed, key }));
}
