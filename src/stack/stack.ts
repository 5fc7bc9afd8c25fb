/**
 * Everything on one machine: a Temporal server, the sandbox in Polytomic's place, and workers, each a process of its own,
 * as in production. For `audience dev`, the demo and the tests.
 */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { builtFile } from '../built-files.ts';
import { isFree } from '../processes/free-ports.ts';
import type { OwnedProcess } from '../processes/owned-process.ts';
import { type EmbeddedTemporal, startEmbeddedTemporal } from '../temporal/embedded-server.ts';
import { startProgram } from './start-program.ts';

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
  // Asked before the start, else a stranger's sandbox on that port would be taken for ours.
  if (ports.sandbox !== undefined && !(await isFree(ports.sandbox)))
    throw new Error(
      `Starting the sandbox: port ${ports.sandbox} is taken. Stop what listens there, or choose another port.`,
    );
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
    const { process: sandbox, port: sandboxPort } = await startProgram({
      name: 'sandbox',
      directory,
      script: builtFile('sandbox/main.js'),
      env: { ...ownEnv(), SANDBOX_API_KEY: apiKey, SANDBOX_SNOWFLAKE_PASSWORD: snowflakePassword },
      port: ports.sandbox,
      serving: (port) => ({ args: ['--port', String(port), '--state', join(directory, 'sandbox')] }),
      ready: '/_sandbox/faults',
    });
    const sandboxUrl = `http://127.0.0.1:${sandboxPort}`;
    processes.push(sandbox);
    return {
      ...(temporal === undefined ? {} : { temporal }),
      sandbox,
      sandboxUrl,
      apiKey,
      directory,
      clientEnv: temporalEnv,
      startWorker: async () => {
        const { process: worker } = await startProgram({
          name: 'worker',
          directory,
          script: builtFile('worker.js'),
          env: {
            ...ownEnv(),
            ...temporalEnv,
            POLYTOMIC_API_KEY: apiKey,
            POLYTOMIC_BASE_URL: sandboxUrl,
            SNOWFLAKE_PASSWORD: snowflakePassword,
          },
          serving: (port) => ({ env: { AUDIENCE_HEALTH_PORT: String(port) } }),
          ready: '/health',
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
