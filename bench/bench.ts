/** What measures are given, and the sites on which they take place. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client, Connection } from '@temporalio/client';
import { AudienceClient } from '../src/client.ts';
import type { OwnedProcess } from '../src/processes/owned-process.ts';
import { startProgram } from '../src/stack/start-program.ts';
import { connectClient, temporalSettings } from '../src/temporal/connection.ts';
import { startEmbeddedTemporal } from '../src/temporal/embedded-server.ts';
import { registerSearchAttributes } from '../src/temporal/register-search-attributes.ts';
import { type BareBuild, buildBare } from './bare/build.ts';
import { type RunningWorker, startWorker } from './processes.ts';
import { Sandbox } from './sandbox.ts';

/** How the bench is run. */
export interface BenchOptions {
  /** How often each measure is taken. */
  rounds: number;
  /** Factor on the sizes that the marks speak of, such as 500 runs: 1 for the real figures, less to try. */
  scale: number;
  /** `host:port` of a Temporal server that runs already. Default: an embedded one for each site. */
  address: string | undefined;
  /** Directory for a profile of each worker's processor time. Default: none is taken. */
  profiles: string | undefined;
  /** Told in a line what goes on. */
  tell: (line: string) => void;
}

/** What every measure is given. */
export class Bench {
  readonly options: BenchOptions;
  readonly #bare: BareBuild;
  /** The server of the newest site. */
  server: ServerFacts | undefined;

  private constructor(options: BenchOptions, bare: BareBuild) {
    this.options = options;
    this.#bare = bare;
  }

  /** Builds what the program is compared with. */
  static async prepare(options: BenchOptions): Promise<Bench> {
    return new Bench(options, await buildBare());
  }

  get rounds(): number {
    return this.options.rounds;
  }

  /** Processors of this machine, in count. */
  get cores(): number {
    return cpus().length;
  }

  /** A size by the scale, but at least `least`. */
  scaled(size: number, least = 1): number {
    return Math.max(least, Math.round(size * this.options.scale));
  }

  tell(line: string): void {
    this.options.tell(line);
  }

  /** Runs the measure on a site of its own, and clears it away. */
  async on<T>(measure: (site: Site) => Promise<T>): Promise<T> {
    const directory = await mkdtemp(join(tmpdir(), 'audience-bench-'));
    const site = await openSite(directory, this.#bare, this.options);
    this.server = site.server;
    const result = await measure(site).finally(site.close);
    // After a failure the logs stay.
    await rm(directory, { recursive: true, force: true });
    return result;
  }
}

/** A Temporal server as it tells of itself. */
export interface ServerFacts {
  version: string;
  /** Where it keeps histories, e.g. `sqlite` or `postgres12_pgx`. */
  persistence: string;
}

/** A server, a sandbox and workers, each a process of its own. */
export interface Site {
  client: Client;
  audiences: AudienceClient;
  sandbox: Sandbox;
  server: ServerFacts;
  /** Process id of the Temporal server; absent where it is not ours. */
  serverPid?: number;
  sandboxPid: number;
  /** Where the server's own metrics are read; absent where it is not ours. */
  serverMetricsUrl?: string;
  /** Task queue of the bare workers. */
  bareTaskQueue: string;
  /** A worker as it ships. */
  startWorker(): Promise<RunningWorker>;
  /** A worker with the bare workflows and activities. */
  startBareWorker(): Promise<RunningWorker>;
  close(): Promise<void>;
}

/** The sandbox's Snowflake takes it. */
const SNOWFLAKE_PASSWORD = 'secret';

const API_KEY = 'key-of-the-bench';

/** Nothing of ours: a program's settings are all given to it. */
const OWN_ENV = { PATH: process.env['PATH'] };

async function openSite(directory: string, bare: BareBuild, { address, profiles }: BenchOptions): Promise<Site> {
  const closers: Array<() => Promise<unknown>> = [];
  const close = async () => {
    for (const closer of closers.splice(0).toReversed()) await closer();
  };
  try {
    const server = address === undefined ? await embedded(directory) : await foreign(address);
    closers.push(server.close);
    const { process: sandboxProcess, port } = await startProgram({
      name: 'sandbox',
      directory,
      script: built('sandbox/main.js'),
      env: { ...OWN_ENV, SANDBOX_API_KEY: API_KEY, SANDBOX_SNOWFLAKE_PASSWORD: SNOWFLAKE_PASSWORD },
      serving: (at) => ({ args: ['--port', String(at), '--state', join(directory, 'sandbox')] }),
      ready: '/_sandbox/faults',
    });
    closers.push(() => ended(sandboxProcess));
    const sandbox = new Sandbox(`http://127.0.0.1:${port}`, API_KEY);

    const { client, connection } = await connectClient(temporalSettings(server.env));
    closers.push(() => connection.close());
    const { serverVersion, persistenceStore } = await client.workflowService.getClusterInfo({});
    // A queue of the site's own: nothing that an earlier measure left on a foreign server comes to these workers.
    const taskQueue = `bench-${randomUUID()}`;
    const bareTaskQueue = `${taskQueue}-bare`;
    const env = { ...OWN_ENV, ...server.env, SNOWFLAKE_PASSWORD };
    const nodeOptions = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
    const started = (worker: RunningWorker) => {
      closers.push(worker.stop);
      return worker;
    };
    return {
      client,
      audiences: new AudienceClient({ temporal: client, taskQueue }),
      sandbox,
      server: { version: serverVersion, persistence: persistenceStore },
      ...(server.pid === undefined ? {} : { serverPid: server.pid }),
      ...(server.metricsUrl === undefined ? {} : { serverMetricsUrl: server.metricsUrl }),
      sandboxPid: sandboxProcess.pid,
      bareTaskQueue,
      startWorker: async () =>
        started(
          await startWorker(
            built('worker.js'),
            directory,
            {
              ...env,
              POLYTOMIC_API_KEY: API_KEY,
              POLYTOMIC_BASE_URL: sandbox.url,
              AUDIENCE_TASK_QUEUE: taskQueue,
            },
            nodeOptions,
          ),
        ),
      startBareWorker: async () =>
        started(
          await startWorker(
            bare.workerScript,
            directory,
            {
              ...env,
              BARE_TASK_QUEUE: bareTaskQueue,
              BARE_BUNDLE: bare.bundle,
              BARE_API_KEY: API_KEY,
              BARE_BASE_URL: sandbox.url,
            },
            nodeOptions,
          ),
        ),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Server {
  env: Record<string, string>;
  pid?: number;
  metricsUrl?: string;
  close: () => Promise<void>;
}

async function embedded(directory: string): Promise<Server> {
  const server = await startEmbeddedTemporal({ directory: join(directory, 'temporal') });
  return { env: server.env, pid: server.pid, metricsUrl: server.metricsUrl, close: server.stop };
}

/** A namespace of its own on a server that is not ours. It stays there: there is no telling who else looks at it. */
async function foreign(address: string): Promise<Server> {
  const namespace = `bench-${randomUUID().slice(0, 8)}`;
  const env = { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace };
  const { connection } = await connectClient(temporalSettings(env));
  try {
    await connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
    });
    await untilUsable(connection, namespace);
  } finally {
    await connection.close();
  }
  return { env, close: async () => undefined };
}

/** How long a server may take until all of it knows of a new namespace, in ms. */
const NAMESPACE_TIMEOUT_MS = 60_000;

async function untilUsable(connection: Connection, namespace: string): Promise<void> {
  const deadline = Date.now() + NAMESPACE_TIMEOUT_MS;
  for (;;) {
    try {
      await registerSearchAttributes(connection, namespace);
      await connection.workflowService.listWorkflowExecutions({ namespace, query: 'ProvisioningStage IS NOT NULL' });
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

async function ended(process: OwnedProcess): Promise<void> {
  process.kill('SIGTERM');
  await process.exited;
}

function built(file: string): string {
  return fileURLToPath(new URL(`../dist/${file}`, import.meta.url));
}
