/**
 * A real Temporal server of our own, for the demo and the tests: started here, stopped here, and never the one that
 * `TEMPORAL_ADDRESS` names, which may be somebody's production.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { freePorts, isFree } from '../processes/free-ports.ts';
import { type OwnedProcess, type OwnedProcessExit, startOwnedProcess } from '../processes/owned-process.ts';
import { searchAttributeDefinitions, searchAttributesRegistered } from './register-search-attributes.ts';
import { findServerProgram } from './server-program.ts';

/** How an embedded server is started. */
export interface EmbeddedTemporalOptions {
  /** Database and log live here; made if missing. The same directory again continues where that server stopped. */
  directory: string;
  /** gRPC port on 127.0.0.1. Default: a free one. */
  port?: number;
  /** Whether to serve the Web UI. Default: if there is a `uiPort`. */
  ui?: boolean;
  /** Port of the Web UI on 127.0.0.1. Default, with `ui`: a free one. */
  uiPort?: number;
  /** Made if missing. Default `default`. */
  namespace?: string;
  /** Path of the Temporal CLI. Default: `findServerProgram`. */
  program?: string;
  /** Told in a line what takes long. */
  onProgress?: (line: string) => void;
  /** Whether to register our search attributes. Default `true`. */
  searchAttributes?: boolean;
  /** Further settings of the server's dynamic configuration, `key=value` each. */
  dynamicConfig?: readonly string[];
  /** What the server writes to its log. Default `warn`. */
  log?: 'debug' | 'info' | 'warn' | 'error';
}

/** A running embedded server. To start it again after `stop` or `kill`: same `directory`, `port`, `uiPort`, `namespace`. */
export interface EmbeddedTemporal {
  /** `127.0.0.1:port`. */
  address: string;
  port: number;
  namespace: string;
  /** Absent without Web UI. */
  uiUrl?: string;
  uiPort?: number;
  databaseFile: string;
  logFile: string;
  /** Where its metrics are read, in Prometheus' format. */
  metricsUrl: string;
  pid: number;
  /** Variables that make a child process use this server and nothing of the caller's own Temporal settings. */
  env: Record<string, string>;
  /** Resolves when the server is gone, whoever ended it. */
  exited: Promise<OwnedProcessExit>;
  /** Lets it finish, or kills it after ten seconds. Resolves when it is gone. */
  stop(): Promise<void>;
  /** Sends a signal, e.g. `SIGKILL` for a power cut or `SIGSTOP` for a hang. `exited` tells when it is gone. */
  kill(signal: NodeJS.Signals): void;
}

/** The server ended while starting, or did not answer in time. The message holds its last words. */
export class EmbeddedTemporalError extends Error {
  override readonly name = 'EmbeddedTemporalError';
}

/** How long a server may take until it answers, in ms: less than a second as a rule, but machines are busy. */
const READY_TIMEOUT_MS = 60_000;

/** How long a server may take to stop when asked to, in ms. It takes one second. */
const STOP_TIMEOUT_MS = 10_000;

/** What all variables begin with that the CLI and the SDK read. */
const TEMPORAL_VARIABLE = 'TEMPORAL_';

/** How often a start is tried again whose ports were taken by somebody else in the meantime. */
const PORT_TRIES = 4;

/**
 * What makes the development server fast: nine no-op activities take a fraction of 950 ms on two cores. With one history
 * shard its queues are read 20 times a second by default, which puts every step of a workflow on a grid of 50 ms.
 */
export const TUNING: readonly string[] = [
  '--sqlite-pragma=journal_mode=wal',
  '--sqlite-pragma=synchronous=normal',
  '--dynamic-config-value=history.transferProcessorMaxPollRPS=2000',
  '--dynamic-config-value=history.timerProcessorMaxPollRPS=2000',
  '--dynamic-config-value=history.visibilityProcessorMaxPollRPS=2000',
];

/**
 * Starts a server and waits until it answers for its namespace. It is killed with our process, however that ends.
 *
 * @throws EmbeddedTemporalError if it ends early, does not answer, or a port that was asked for is taken.
 * @throws ServerProgramError if there is no program to run.
 */
export async function startEmbeddedTemporal(options: EmbeddedTemporalOptions): Promise<EmbeddedTemporal> {
  const { onProgress } = options;
  const program = options.program ?? (await findServerProgram(onProgress === undefined ? {} : { onProgress }));
  await mkdir(options.directory, { recursive: true });
  for (let left = PORT_TRIES; ; left -= 1) {
    const plan = await planOf(options);
    const start = await tryStart(program, plan, options);
    if ('server' in start) {
      await writeFile(plan.settingsFile, settingsOf(plan));
      return embedded(start.server, plan);
    }
    if (left > 1 && /address already in use/.test(start.lastWords)) continue;
    throw new EmbeddedTemporalError(
      `Starting the embedded Temporal server (${program}): ${start.what}. Its last words:\n${start.lastWords || '(none)'}\nIts whole log: ${plan.logFile}`,
    );
  }
}

/** What is settled before a try. */
interface Plan {
  port: number;
  uiPort: number | undefined;
  metricsPort: number;
  namespace: string;
  databaseFile: string;
  logFile: string;
  settingsFile: string;
}

async function planOf({
  directory,
  port,
  uiPort,
  ui = uiPort !== undefined,
  namespace = 'default',
}: EmbeddedTemporalOptions): Promise<Plan> {
  for (const wanted of [port, uiPort]) {
    // Asked before the start, else a stranger's server on that port would be taken for ours.
    if (wanted !== undefined && !(await isFree(wanted))) {
      throw new EmbeddedTemporalError(
        `Starting the embedded Temporal server: port ${wanted} is taken. Stop what listens there, or choose another port.`,
      );
    }
  }
  const [first, second, third] = await freePorts(3);
  if (first === undefined || second === undefined || third === undefined) throw new Error('Three ports were asked for');
  return {
    port: port ?? first,
    uiPort: ui ? (uiPort ?? second) : undefined,
    metricsPort: third,
    namespace,
    databaseFile: join(directory, 'temporal.db'),
    logFile: join(directory, 'temporal.log'),
    settingsFile: join(directory, 'temporal.toml'),
  };
}

function argumentsOf(
  plan: Plan,
  { searchAttributes = true, log = 'warn', dynamicConfig = [] }: EmbeddedTemporalOptions,
): string[] {
  return [
    'server',
    'start-dev',
    '--ip=127.0.0.1',
    `--port=${plan.port}`,
    `--metrics-port=${plan.metricsPort}`,
    ...(plan.uiPort === undefined ? ['--headless'] : [`--ui-port=${plan.uiPort}`]),
    `--namespace=${plan.namespace}`,
    `--db-filename=${plan.databaseFile}`,
    `--log-level=${log}`,
    ...(searchAttributes ? searchAttributeDefinitions().map((one) => `--search-attribute=${one}`) : []),
    ...TUNING,
    ...dynamicConfig.map((setting) => `--dynamic-config-value=${setting}`),
  ];
}

async function tryStart(
  program: string,
  plan: Plan,
  options: EmbeddedTemporalOptions,
): Promise<{ server: OwnedProcess } | { what: string; lastWords: string }> {
  let server: OwnedProcess;
  try {
    server = await startOwnedProcess({
      program,
      args: argumentsOf(plan, options),
      env: serverEnv(),
      logFile: plan.logFile,
    });
  } catch (error) {
    return { what: `it could not be run (${error instanceof Error ? error.message : String(error)})`, lastWords: '' };
  }
  const what = await untilReady(server, plan, options.searchAttributes ?? true);
  if (what === undefined) return { server };
  server.kill('SIGKILL');
  await server.exited;
  return { what, lastWords: await server.lastWords() };
}

/** A development server is told everything by its arguments; a developer's own settings are for other servers. */
function serverEnv(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith(TEMPORAL_VARIABLE)));
}

/** `undefined` once the server answers for its namespace, else what went wrong. */
async function untilReady(server: OwnedProcess, plan: Plan, searchAttributes: boolean): Promise<string | undefined> {
  const connection = Connection.lazy({
    address: `127.0.0.1:${plan.port}`,
    // The first try comes before the server listens. The default waits a second before the next one.
    channelArgs: { 'grpc.initial_reconnect_backoff_ms': 50, 'grpc.max_reconnect_backoff_ms': 200 },
    // The SDK would retry by itself, more slowly.
    interceptors: [],
  });
  let exit: OwnedProcessExit | undefined;
  void server.exited.then((ended) => {
    exit = ended;
  });
  try {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    let reason = '';
    while (Date.now() < deadline) {
      if (exit !== undefined) return `it ended at once, with ${exit.signal ?? `code ${exit.code}`}`;
      try {
        await connection.withDeadline(Date.now() + 2_000, async () => {
          await connection.workflowService.describeNamespace({ namespace: plan.namespace });
          if (searchAttributes && !(await searchAttributesRegistered(connection, plan.namespace))) {
            throw new Error('its search attributes are not there yet');
          }
        });
        return undefined;
      } catch (error) {
        reason = error instanceof Error ? error.message : String(error);
        await sleep(50);
      }
    }
    return `it did not answer within ${READY_TIMEOUT_MS / 1000} s (${reason})`;
  } finally {
    await connection.close();
  }
}

function embedded(server: OwnedProcess, plan: Plan): EmbeddedTemporal {
  const { port, uiPort, metricsPort, namespace, databaseFile, logFile, settingsFile } = plan;
  const address = `127.0.0.1:${port}`;
  return {
    address,
    port,
    namespace,
    ...(uiPort === undefined ? {} : { uiPort, uiUrl: `http://127.0.0.1:${uiPort}` }),
    databaseFile,
    logFile,
    metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
    pid: server.pid,
    env: {
      ...withoutTemporalSettings(),
      // A file too, since the caller's own may carry an API key, which would turn on TLS.
      TEMPORAL_CONFIG_FILE: settingsFile,
      TEMPORAL_ADDRESS: address,
      TEMPORAL_NAMESPACE: namespace,
    },
    exited: server.exited,
    stop: () => stop(server),
    kill: (signal) => server.kill(signal),
  };
}

/** As a profile of the CLI and the SDK. JSON's strings are TOML's too. */
function settingsOf({ port, namespace }: Plan): string {
  return `[profile.default]\naddress = ${JSON.stringify(`127.0.0.1:${port}`)}\nnamespace = ${JSON.stringify(namespace)}\n`;
}

async function stop(server: OwnedProcess): Promise<void> {
  server.kill('SIGTERM');
  const timer = setTimeout(() => server.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await server.exited;
  clearTimeout(timer);
}

/** Every `TEMPORAL_*` variable of ours, set to nothing. */
function withoutTemporalSettings(): Record<string, string> {
  const ours = Object.keys(process.env).filter((name) => name.startsWith(TEMPORAL_VARIABLE));
  return Object.fromEntries(ours.map((name) => [name, '']));
}
