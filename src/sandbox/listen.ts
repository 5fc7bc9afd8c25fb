/** Starts the sandbox: opens its state, takes up what a stop interrupted, and listens. */
import { setMaxListeners } from 'node:events';
import { buildApp } from './app.ts';
import { ExecutionRunner } from './execution-runner.ts';
import { FaultList } from './faults.ts';
import { JobRunner } from './job-runner.ts';
import { seedAudiences } from './linkedin.ts';
import { PAGE_SIZE } from './paging.ts';
import { PlannedFaults } from './planned-faults.ts';
import { QueryEngine } from './query-engine.ts';
import { RequestLog } from './request-log.ts';
import { Store } from './store.ts';
import type { World } from './world.ts';

export interface SandboxOptions {
  /** Default 0: any free port. */
  port?: number;
  /** Default `127.0.0.1`. The side API needs no key, so think before you listen on more. */
  host?: string;
  /** The directory of the state; made if it is not there. One sandbox at a time. */
  stateDir: string;
  /** The only API key that is accepted. */
  apiKey: string;
  /** The password of Snowflake's `user`. Default `secret`, the walkthrough's. */
  snowflakePassword?: string;
  /** Where browsers reach the sandbox, if not where its callers do: sign-in links begin with it. E.g. `http://localhost:4000`. */
  publicUrl?: string;
  /** How long work on a request may take before it is a 500, in ms. Default 10 000, as Polytomic documents. */
  requestLimitMs?: number;
  /** How long an execution stays in each status, in ms. Default 50. */
  executionPaceMs?: number;
  /** Items on a page of a list, at most. Default 50, as Polytomic has it. */
  pageSize?: number;
  /** Takes one line of log, with no secret in it. Default: nobody. */
  log?: (line: string) => void;
}

export interface Sandbox {
  /** Where it listens, e.g. `http://127.0.0.1:4000`. */
  url: string;
  /** Stops listening and closes the state. What runs is taken up at the next start. */
  close(): Promise<void>;
}

/** Starts a sandbox. Throws when the port or the state directory is taken. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { port = 0, host = '127.0.0.1', stateDir, apiKey, snowflakePassword = 'secret' } = options;
  const { requestLimitMs = 10_000, executionPaceMs = 50, pageSize = PAGE_SIZE, log = () => undefined } = options;
  if (apiKey === '') throw new Error('The sandbox needs an API key that its callers send: give apiKey.');
  const publicUrl = options.publicUrl === undefined ? undefined : withoutSlash(options.publicUrl);
  const stop = new AbortController();
  // Everything that sleeps listens to it.
  setMaxListeners(0, stop.signal);
  const store = await Store.open(stateDir);
  const queries = await QueryEngine.start();
  const world: World = {
    settings: {
      apiKey,
      snowflakePassword,
      requestLimitMs,
      executionPaceMs,
      pageSize,
      log,
      ...(publicUrl === undefined ? {} : { publicUrl }),
    },
    store,
    queries,
    faults: new FaultList(),
    plannedFaults: new PlannedFaults(store, log),
    requests: new RequestLog(),
    jobs: new JobRunner(),
    executions: new ExecutionRunner(),
    stopping: stop.signal,
  };
  const app = await buildApp(world);
  const close = async () => {
    stop.abort();
    await app.close();
    queries.close();
    await Promise.all([world.jobs.settled(), world.executions.settled(), world.plannedFaults.write()]);
    await store.close();
  };
  try {
    await store.seed(seedAudiences);
    const url = await app.listen({ port, host });
    world.jobs.resume(world);
    world.executions.wake(world);
    return { url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function withoutSlash(url: string): string {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new Error(
      'The public URL of the sandbox must begin with http:// or https://, such as http://localhost:4000.',
    );
  }
  return url.replace(/\/+$/, '');
}
