/** What a worker is told by its environment. Every fault of it is reported at once. */
import { BlockList } from 'node:net';
import { networksIn } from './notices/allowed-addresses.ts';
import { DEFAULT_TIMEOUT_MS, PolytomicClient } from './polytomic/client.ts';

/** The task queue of this project's workers and clients, unless `AUDIENCE_TASK_QUEUE` names another. */
export const DEFAULT_TASK_QUEUE = 'audience-provisioning';

/** Secrets may come from variables with these prefixes, unless `AUDIENCE_SECRETS_ENV_PREFIXES` says otherwise. */
const DEFAULT_SECRET_PREFIXES = ['SNOWFLAKE_', 'LINKEDIN_'];

/** How long a worker that is told to stop lets its activities finish, in ms: a little more than one call may take. */
const DEFAULT_SHUTDOWN_GRACE_MS = 20_000;

/**
 * The shortest and the longest time-out of a call to Polytomic, in ms. What was sent counts as under way for 30 s (see
 * `activities/idempotency.ts`), which leaves the call no more than its default; and an attempt makes several calls.
 */
const TIMEOUT_MS: Bounds = {
  least: 1_000,
  most: DEFAULT_TIMEOUT_MS,
  why: 'what a call still does after it was given up could be made twice',
};

/** The environment does not say what a worker needs. The message has a line for each fault. */
export class WorkerSettingsError extends Error {
  override readonly name = 'WorkerSettingsError';
}

/** What a whole number may be. */
interface Bounds {
  /** Default 0. */
  least?: number;
  most: number;
  /** What would go wrong beyond them, where that is not plain. */
  why?: string;
}

/** What a worker needs besides a Temporal server. */
export interface WorkerSettings {
  taskQueue: string;
  polytomic: PolytomicClient;
  /** Where secrets may be read from. */
  secrets: { envPrefixes: string[]; directory?: string };
  /** Networks that are not public and that notices may be sent to all the same. */
  noticeNetworks: BlockList;
  /** Where `GET /health` answers; no port, no health. */
  health?: { host: string; port: number };
  shutdownGraceMs: number;
  /** How many activities a second Temporal hands out to all workers of the task queue together; absent without a limit. */
  activitiesPerSecond?: number;
}

/** The task queue that the environment names. */
export function taskQueueOf(env: NodeJS.ProcessEnv): string {
  return env['AUDIENCE_TASK_QUEUE'] || DEFAULT_TASK_QUEUE;
}

/**
 * Reads the settings that docs/configuration.md lists. A variable that is set to nothing counts as not set.
 *
 * @throws WorkerSettingsError
 */
export function workerSettings(env: NodeJS.ProcessEnv, version: string): WorkerSettings {
  const faults: string[] = [];
  const given = (name: string) => env[name] || undefined;
  const whole = (name: string, { least = 0, most, why }: Bounds): number | undefined => {
    const text = given(name);
    if (text === undefined) return undefined;
    if (/^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most) return Number(text);
    faults.push(
      `${name} must be a whole number from ${least} to ${most}, and is not${why === undefined ? '' : `: ${why}`}`,
    );
    return undefined;
  };

  const apiKey = given('POLYTOMIC_API_KEY');
  if (apiKey === undefined)
    faults.push('POLYTOMIC_API_KEY is not set: make a key in Polytomic under Settings, API keys');
  const baseUrl = given('POLYTOMIC_BASE_URL');
  const apiVersion = given('POLYTOMIC_API_VERSION');
  const timeoutMs = whole('POLYTOMIC_TIMEOUT_MS', TIMEOUT_MS);
  const healthPort = whole('AUDIENCE_HEALTH_PORT', { most: 65_535 });
  const shutdownGraceMs = whole('AUDIENCE_SHUTDOWN_GRACE_MS', { most: 600_000 }) ?? DEFAULT_SHUTDOWN_GRACE_MS;
  const activitiesPerSecond = whole('AUDIENCE_ACTIVITIES_PER_SECOND', { least: 1, most: 100_000 });
  const prefixes = given('AUDIENCE_SECRETS_ENV_PREFIXES')
    ?.split(',')
    .map((prefix) => prefix.trim());
  // An empty prefix allows every variable of the worker, its own API key among them.
  if (prefixes?.includes(''))
    faults.push('AUDIENCE_SECRETS_ENV_PREFIXES must be prefixes with commas between them, none of them empty');
  const directory = given('AUDIENCE_SECRETS_DIR');
  const networks = given('AUDIENCE_NOTIFY_ALLOW');
  const noticeNetworks = networks === undefined ? new BlockList() : networksIn(networks);
  if (noticeNetworks === undefined) {
    faults.push(
      'AUDIENCE_NOTIFY_ALLOW must be networks such as 10.1.0.0/16 or fd00::/8 with commas between them, and is not',
    );
  }

  let polytomic: PolytomicClient | undefined;
  try {
    polytomic = new PolytomicClient({
      apiKey: apiKey ?? 'not-set',
      userAgent: `audience-provisioning/${version}`,
      ...(baseUrl === undefined ? {} : { baseUrl }),
      ...(apiVersion === undefined ? {} : { version: apiVersion }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  } catch (error) {
    faults.push(`POLYTOMIC_*: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (polytomic === undefined || noticeNetworks === undefined || faults.length > 0) {
    throw new WorkerSettingsError(
      `A worker cannot start with these settings:\n${faults.map((fault) => `- ${fault}`).join('\n')}`,
    );
  }
  return {
    taskQueue: taskQueueOf(env),
    polytomic,
    secrets: { envPrefixes: prefixes ?? DEFAULT_SECRET_PREFIXES, ...(directory === undefined ? {} : { directory }) },
    noticeNetworks,
    ...(healthPort === undefined
      ? {}
      : { health: { host: given('AUDIENCE_HEALTH_HOST') ?? '127.0.0.1', port: healthPort } }),
    shutdownGraceMs,
    ...(activitiesPerSecond === undefined ? {} : { activitiesPerSecond }),
  };
}
