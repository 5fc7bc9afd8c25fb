/**
 * A Temporal server, a sandbox and workers as in production: each a process of its own, which a test may kill and start
 * again. They run what `npm run build` made.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client, WorkflowHandle } from '@temporalio/client';
import type { Activities } from '../../src/activities/activities.ts';
import { AudienceClient } from '../../src/client.ts';
import type { OwnedProcess } from '../../src/processes/owned-process.ts';
import { startProgram } from '../../src/stack/start-program.ts';
import { connectClient, temporalSettings } from '../../src/temporal/connection.ts';
import { type EmbeddedTemporal, startEmbeddedTemporal } from '../../src/temporal/embedded-server.ts';
import { DEFAULT_TASK_QUEUE } from '../../src/worker-settings.ts';
import { type Directions, directions } from './directions.ts';
import { sandboxAt } from './sandbox-at.ts';
import { until } from './until.ts';

/** What runs, and what a test does with it. */
export interface Machine extends Directions {
  /** Logs of sandbox and workers, files of the Temporal server in `temporal`, state of the sandbox in `sandbox`. */
  directory: string;
  audiences: AudienceClient;
  temporal: Client;
  sandbox: ReturnType<typeof sandboxAt>;
  /** Starts a worker and waits until it polls. `env` goes on top of its environment. */
  startWorker(options?: WorkerOptions): Promise<OwnedProcess>;
  /** SIGKILL to the Temporal server. */
  killServer(): Promise<void>;
  /** Starts it again on the same directory and port. */
  startServer(): Promise<void>;
  /** SIGKILL to the sandbox. */
  killSandbox(): Promise<void>;
  /** Starts it again on the same state and port. */
  startSandbox(): Promise<void>;
  /** Ends all of it in the order in which they need each other, and leaves the files. Again is no harm. */
  stop(): Promise<void>;
  /** Ends all of it, and removes the files. */
  remove(): Promise<void>;
}

/** What a worker is told. */
export interface WorkerOptions {
  env?: Record<string, string>;
  /** Program, relative to this file; default: the worker as it ships. */
  script?: string;
}

/** Starts server and sandbox. */
export async function startMachine({
  snowflakePassword = 'secret',
  sandboxArgs = [],
}: {
  snowflakePassword?: string;
  sandboxArgs?: readonly string[];
} = {}): Promise<Machine> {
  const directory = await mkdtemp(join(tmpdir(), 'audience-machine-'));
  const apiKey = 'key-of-the-machine';
  const workers: OwnedProcess[] = [];
  await mkdir(join(directory, 'secrets'));

  let server: EmbeddedTemporal = await startEmbeddedTemporal({ directory: join(directory, 'temporal') });
  const first = await runSandbox();
  let sandboxProcess = first.process;
  const sandbox = sandboxAt(`http://127.0.0.1:${first.port}`, apiKey);
  const { client: temporal } = await connectClient(temporalSettings(server.env));
  const audiences = new AudienceClient({ temporal, taskQueue: DEFAULT_TASK_QUEUE });
  const clients = { temporal, audiences };

  function runSandbox(port?: number) {
    return startProgram({
      name: 'sandbox',
      directory,
      script: here('../../dist/sandbox/main.js'),
      env: { ...OWN_ENV, SANDBOX_API_KEY: apiKey, SANDBOX_SNOWFLAKE_PASSWORD: snowflakePassword },
      port,
      serving: (at) => ({
        args: ['--port', String(at), '--state', join(directory, 'sandbox'), '--verbose', ...sandboxArgs],
      }),
      ready: '/_sandbox/faults',
    });
  }

  const machine: Machine = {
    ...directions({ ...clients, sandbox }),
    ...clients,
    directory,
    sandbox,
    startWorker: async ({ env = {}, script = '../../dist/worker.js' } = {}) => {
      const { process: worker } = await startProgram({
        name: 'worker',
        directory,
        script: here(script),
        env: {
          ...OWN_ENV,
          ...server.env,
          POLYTOMIC_API_KEY: apiKey,
          POLYTOMIC_BASE_URL: sandbox.url,
          SNOWFLAKE_PASSWORD: snowflakePassword,
          AUDIENCE_SECRETS_DIR: join(directory, 'secrets'),
          ...env,
        },
        serving: (port) => ({ env: { AUDIENCE_HEALTH_PORT: String(port) } }),
        ready: '/health',
      });
      workers.push(worker);
      return worker;
    },
    killServer: async () => {
      server.kill('SIGKILL');
      await server.exited;
    },
    startServer: async () => {
      server = await startEmbeddedTemporal({ directory: join(directory, 'temporal'), port: server.port });
    },
    killSandbox: () => killed(sandboxProcess),
    startSandbox: async () => {
      ({ process: sandboxProcess } = await runSandbox(first.port));
    },
    stop: async () => {
      await audiences.close();
      for (const worker of workers.splice(0)) {
        worker.kill('SIGTERM');
        await worker.exited;
      }
      sandboxProcess.kill('SIGTERM');
      await sandboxProcess.exited;
      await server.stop();
    },
    remove: async () => {
      await machine.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
  return machine;
}

/** Waits until an attempt of this activity is under way. */
export async function untilUnderWay(handle: WorkflowHandle, activity: keyof Activities): Promise<void> {
  await until(`an attempt of ${activity} is under way`, async () => {
    const { raw } = await handle.describe();
    return raw.pendingActivities?.some(
      ({ activityType, lastStartedTime }) => activityType?.name === activity && lastStartedTime != null,
    );
  });
}

/** Kills a process, and waits until it is gone. */
export async function killed(victim: OwnedProcess): Promise<void> {
  victim.kill('SIGKILL');
  await victim.exited;
}

/** Nothing of ours: a program's settings are all given to it. */
const OWN_ENV = { PATH: process.env['PATH'] };

function here(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}
