/**
 * Everything on one machine: a Temporal server, the sandbox in Polytomic's place, and workers, each a process of its own,
 * as in production. For `audience dev`, the demo and the tests.
 */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../processes/free-ports.ts';
import { type OwnedProcess, startOwnedProcess } from '../processes/owned-process.ts';
import { type EmbeddedTemporal, startEmbeddedTemporal } from '../temporal/embedded-server.ts';
import { untilAnswers } from './until-answers.ts';

/** What runs where. */
export interface StackOptions {
  /** Database, state and logs live here; made if missing. The same directory again continues where it stopped. */
  directory: string;
  /** A Temporal server that runs already, by the `TEMPORAL_*` variables that lead to it. Default: one of our own. */
  temporal?: { env: Record<string, string> };
  /** Ports on 127.0.0.1; each by default a free one. */
  ports?: { temporal?: number; ui?: number; sandbox?: number };
  /** Whether our own server has a Web UI. */
  ui: boolean;
  /** The password that the sandbox's Snowflake takes; the workers have it as `SNOWFLAKE_PASSWORD`. */
  snowflakePassword: string;
  /** Told in a line what takes long. */
  onProgress: (line: string) => void;
}

/** A running stack. Whatever ends our process ends all of it. */
export interface Stack {
  /** Absent where the Temporal server is not ours. */
  temporal?: EmbeddedTemporal;
  sandbox: OwnedProcess;
  /** Base URL of the sandbox. */
  sandboxUrl: string;
  /** The API key that the sandbox takes. */
  apiKey: string;
  /** Where logs are, one file a process. */
  directory: string;
  /** What a client, such as the CLI, needs in its environment to reach the server. */
  clientEnv: Record<string, string>;
  /** Starts a worker and waits until it polls. */
  startWorker(): Promise<OwnedProcess>;
  /** Ends all processes in the order in which they need each other: workers, sandbox, server. */
  stop(): Promise<void>;
}

/** How long a process may take to end when asked to, in ms, before it is killed: a worker drains. */
const STOP_TIMEOUT_MS = 30_000;

/** Starts server and sandbox. Workers are started by `startWorker`. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { directory, ports = {}, onProgress, snowflakePassword } = options;
  await mkdir(directory, { recursive: true });
  const processes: OwnedProcess[] = [];
  let temporal: EmbeddedTemporal | undefined;
  const stop = async () => {
    for (const process of processes.toReversed()) await end(process);
    await temporal?.stop();
  };
  try {
    if (options.temporal === undefined) {
      temporal = await startEmbeddedTemporal({
        directory: join(directory, 'temporal'),
        ui: options.ui,
        onProgress,
        ...(ports.temporal === undefined ? {} : { port: ports.temporal }),
        ...(ports.ui === undefined ? {} : { uiPort: ports.ui }),
      });
    }
    const temporalEnv = temporal?.env ?? options.temporal?.env ?? {};
    const apiKey = randomBytes(24).toString('base64url');
    const [freePort] = await freePorts(1);
    const sandboxUrl = `http://127.0.0.1:${ports.sandbox ?? freePort}`;
    const sandbox = await startProgram('sandbox', {
      directory,
      script: '../sandbox/main.js',
      args: ['--port', new URL(sandboxUrl).port, '--state', join(directory, 'sandbox')],
      env: { ...ownEnv(), SANDBOX_API_KEY: apiKey, SANDBOX_SNOWFLAKE_PASSWORD: snowflakePassword },
      answersAt: `${sandboxUrl}/_sandbox/faults`,
    });
    processes.push(sandbox);
    return {
      ...(temporal === undefined ? {} : { temporal }),
      sandbox,
      sandboxUrl,
      apiKey,
      directory,
      clientEnv: temporalEnv,
      startWorker: async () => {
        const [healthPort] = await freePorts(1);
        const worker = await startProgram('worker', {
          directory,
          script: '../worker.js',
          args: [],
          env: {
            ...ownEnv(),
            ...temporalEnv,
            POLYTOMIC_API_KEY: apiKey,
            POLYTOMIC_BASE_URL: sandboxUrl,
            SNOWFLAKE_PASSWORD: snowflakePassword,
            AUDIENCE_HEALTH_PORT: String(healthPort),
          },
          answersAt: `http://127.0.0.1:${healthPort}/health`,
        });
        processes.push(worker);
        return worker;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Program {
  directory: string;
  /** Relative to this module. */
  script: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  /** Where a GET is answered with success once it is ready. */
  answersAt: string;
}

async function startProgram(name: string, { directory, script, args, env, answersAt }: Program): Promise<OwnedProcess> {
  const logFile = join(directory, `${name}.log`);
  const process_ = await startOwnedProcess({
    program: process.execPath,
    args: [fileURLToPath(new URL(script, import.meta.url)), ...args],
    env,
    logFile,
  });
  try {
    await untilAnswers(answersAt, process_.exited);
  } catch (error) {
    process_.kill('SIGKILL');
    await process_.exited;
    throw new Error(
      `Starting the ${name}: ${error instanceof Error ? error.message : String(error)}. Its log: ${logFile}`,
      { cause: error },
    );
  }
  return process_;
}

async function end(process: OwnedProcess): Promise<void> {
  process.kill('SIGTERM');
  const timer = setTimeout(() => process.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await process.exited;
  clearTimeout(timer);
}

/** Our environment without what is meant for other workers and servers than this stack's. */
function ownEnv(): NodeJS.ProcessEnv {
  const foreign = /^(TEMPORAL_|POLYTOMIC_|AUDIENCE_|SANDBOX_)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}
