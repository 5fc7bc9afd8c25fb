/**
 * A worker: takes tasks of `AudienceProvisioning` from Temporal and does their work. Run as a program
 * (`node dist/worker.js`, or `audience worker`) it reads its settings from the environment, see docs/configuration.md.
 */
import { realpathSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import {
  DefaultLogger,
  type LogEntry,
  Runtime,
  Worker,
  type WorkerOptions,
  type WorkflowBundleOption,
} from '@temporalio/worker';
import { createActivities } from './activities/activities.ts';
import { builtFile } from './built-files.ts';
import { undoEntriesOf } from './client/undo-entries-of.ts';
import { packageVersion } from './package-version.ts';
import { createNoticeKeyResolver, createSecretResolver } from './request/secrets.ts';
import { connectWorker, type TemporalSettings, temporalSettings } from './temporal/connection.ts';
import { dataConverter } from './temporal/data-converter.ts';
import { untilRegistered } from './temporal/register-search-attributes.ts';
import { type WorkerSettings, WorkerSettingsError, workerSettings } from './worker-settings.ts';

/** Made by `npm run build`, so that a worker starts without webpack. */
const BUILT_BUNDLE: WorkflowBundleOption = { codePath: builtFile('workflow-bundle.js') };

/**
 * For a container of half a CPU and 512 MiB. A cached workflow costs up to 1.7 MB, and a run that waits for a person needs
 * no cache; activities mostly wait for Polytomic.
 */
const SIZE = { maxCachedWorkflows: 100, maxConcurrentActivityTaskExecutions: 50 } as const;

/**
 * How long a run is kept for the worker that has it in its cache before any other may take it, in ms. When that worker was
 * killed, this is how long nothing goes on; when it is only busy, another one replays the run, which is cheap. Below the
 * deadline of a client's query, which waits here too. The SDK's default is 10 000.
 */
const STICKY_TIMEOUT_MS = 2_000;

/** What {@link startWorker} needs. */
export interface WorkerParts {
  temporal: TemporalSettings;
  settings: WorkerSettings;
  /** Where secrets that are environment variables are read from. */
  env: NodeJS.ProcessEnv;
  /** The workflow code. Default: the one that was built with this package. */
  workflowBundle?: WorkflowBundleOption;
  /** What a service adds of its own, such as interceptors for tracing. */
  additions?: Pick<WorkerOptions, 'interceptors' | 'sinks'>;
}

/** A worker that polls. */
export interface RunningWorker {
  /** `host:port` of the health check; absent without one. */
  health?: string;
  /** Resolves when it has drained after `stop`; rejects if it broke. Its connections are closed by then. */
  ended: Promise<void>;
  /** Takes no more tasks, lets those under way finish within the grace time, then ends. Returns at once; again is no harm. */
  stop(): void;
}

/**
 * Connects and begins to poll.
 *
 * @throws TemporalUnreachableError if the server does not answer; WorkerSettingsError if the health check's port is taken.
 */
export async function startWorker({
  temporal,
  settings,
  env,
  workflowBundle,
  additions,
}: WorkerParts): Promise<RunningWorker> {
  const { taskQueue, polytomic, secrets, shutdownGraceMs, activitiesPerSecond } = settings;
  let worker: Worker | undefined;
  const closers: Array<() => unknown> = [];
  const close = async () => {
    for (const closer of closers.splice(0).toReversed()) await closer();
  };
  try {
    const connection = await connectWorker(temporal);
    closers.push(() => connection.close());
    const client = new Client({ connection, namespace: temporal.namespace, dataConverter: dataConverter() });
    // Before the worker, which could not be thrown away again: only one that has run lets go of its connection.
    const health = settings.health === undefined ? undefined : await serveHealth(() => worker, settings.health);
    closers.push(() => health?.close());
    const created = await Worker.create({
      ...additions,
      connection,
      namespace: temporal.namespace,
      taskQueue,
      workflowBundle: workflowBundle ?? BUILT_BUNDLE,
      activities: createActivities({
        polytomic,
        resolveSecret: createSecretResolver({ env, ...secrets }),
        resolveNoticeKey: createNoticeKeyResolver({ env, ...secrets }),
        noticeNetworks: settings.noticeNetworks,
        undoEntriesOf: (run) => undoEntriesOf(client, run),
        // The first task of every run that no client has started waits for this.
        searchAttributesRegistered: untilRegistered(connection, temporal.namespace),
      }),
      dataConverter: dataConverter(),
      ...SIZE,
      // Temporal counts for all workers together. With it the SDK asks for no activity eagerly, which would not be counted.
      ...(activitiesPerSecond === undefined ? {} : { maxTaskQueueActivitiesPerSecond: activitiesPerSecond }),
      stickyQueueScheduleToStartTimeout: STICKY_TIMEOUT_MS,
      // Pollers as many as the SDK's default. With autoscaling the last activities of a run with 50 syncs were fetched 2 s late.
      shutdownGraceTime: shutdownGraceMs,
      // Activities that are still there after the grace are told to stop; what does not listen is left to its time-out.
      shutdownForceTime: shutdownGraceMs + 5_000,
    });
    worker = created;
    const ended = created.run().finally(close);
    return {
      ...(health === undefined ? {} : { health: addressOf(health) }),
      ended,
      stop: () => {
        if (created.getState() === 'RUNNING') created.shutdown();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** `GET /health`: 200 while it polls, 503 while it starts or drains. Any other path is a 404. */
async function serveHealth(
  worker: () => Worker | undefined,
  { host, port }: { host: string; port: number },
): Promise<Server> {
  const server = createServer(({ url }, response) => {
    const { runState: state = 'STARTING', numInFlightActivities, numCachedWorkflows } = worker()?.getStatus() ?? {};
    const status = url !== '/health' ? 404 : state === 'RUNNING' ? 200 : 503;
    const body = status === 404 ? { error: 'ask for /health' } : { state, numInFlightActivities, numCachedWorkflows };
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', ({ message }) =>
      reject(
        new WorkerSettingsError(
          `The health check cannot be served (${message}): AUDIENCE_HEALTH_HOST and AUDIENCE_HEALTH_PORT say where.`,
        ),
      ),
    );
    server.listen(port, host, resolve);
  });
  return server;
}

function addressOf(server: Server): string {
  const address = server.address();
  return typeof address === 'object' && address !== null ? `${address.address}:${address.port}` : String(address);
}

/** One JSON object a line, for whatever collects logs. */
function logLine({ level, timestampNanos, message, meta }: LogEntry): void {
  const at = new Date(Number(timestampNanos / 1_000_000n)).toISOString();
  const { error, ...rest } = meta ?? {};
  const shown =
    error instanceof Error ? { error: `${error.name}: ${error.message}` } : error === undefined ? {} : { error };
  process.stderr.write(`${JSON.stringify({ at, level, message, ...rest, ...shown })}\n`);
}

/**
 * Runs a worker until `interrupted` aborts, then drains. One a process: the SDK's runtime belongs to it.
 *
 * @throws WorkerSettingsError, TemporalSettingsError, TemporalUnreachableError before it polls.
 */
export async function runWorker(env: NodeJS.ProcessEnv, interrupted: AbortSignal): Promise<void> {
  const settings = workerSettings(env, packageVersion());
  const temporal = temporalSettings(env);
  Runtime.install({ logger: new DefaultLogger('INFO', logLine), shutdownSignals: [] });
  const worker = await startWorker({ temporal, settings, env });
  Runtime.instance().logger.info('worker started', {
    address: temporal.address,
    namespace: temporal.namespace,
    taskQueue: settings.taskQueue,
    health: worker.health,
  });
  interrupted.addEventListener('abort', worker.stop, { once: true });
  // It may have been told to end while it was starting.
  if (interrupted.aborted) worker.stop();
  await worker.ended;
}

const program = process.argv[1];
if (program !== undefined && realpathSync(program) === fileURLToPath(import.meta.url)) {
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  process.once('SIGTERM', interrupt).once('SIGINT', interrupt);
  try {
    await runWorker(process.env, interruption.signal);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
