/** Commands that run a service until it is told to end: `worker`, `sandbox`. */
import { Command, InvalidArgumentError } from 'commander';
import { example } from './example.ts';
import { advise, print, printJson, type Terminal } from './terminal.ts';

/** The commands of this file. */
export function serviceCommands(terminal: Terminal): Command[] {
  return [
    new Command('worker')
      .summary('run a worker')
      .description(
        'Runs a worker until SIGTERM or Ctrl-C, then lets its activities finish. Settings come from the environment: POLYTOMIC_API_KEY ' +
          'at least; see docs/configuration.md. Logs are JSON lines on standard error.',
      )
      .addHelpText('after', example('POLYTOMIC_API_KEY=your-key audience worker'))
      .action(async () => {
        // Loaded only here: the SDK's native part takes a second to start, and `validate` should not wait for it.
        const { runWorker } = await import('../worker.ts');
        await runWorker(terminal.env, terminal.interrupted);
      }),

    new Command('sandbox')
      .summary('run a stand-in of the Polytomic API')
      .description(
        "Runs a stand-in of the Polytomic API, for trying things out: demo tables in place of Snowflake, a consent page in LinkedIn's place. " +
          'See docs/sandbox.md.',
      )
      .addHelpText('after', example('audience sandbox --port 4000 --state .sandbox --api-key test-key'))
      .requiredOption('--state <dir>', 'where its state is kept; made if missing')
      .option('--api-key <key>', 'the API key it takes; else SANDBOX_API_KEY')
      .option('--port <port>', 'port to listen on; 0 for any that is free', portOf, 0)
      .option('--host <host>', 'address to listen on', '127.0.0.1')
      .option('--public-url <url>', 'where browsers reach it, if not where its callers do; for sign-in links')
      .option('--verbose', 'log each call')
      .option('--json', 'print a JSON object with its address')
      .action(async (options: SandboxCommandOptions, command: Command) => {
        const apiKey = options.apiKey || terminal.env['SANDBOX_API_KEY'];
        if (!apiKey)
          return command.error('error: the sandbox needs an API key to ask for: --api-key, or SANDBOX_API_KEY');
        const { startSandbox } = await sandboxModule();
        const { port, host, state: stateDir } = options;
        const password = terminal.env['SANDBOX_SNOWFLAKE_PASSWORD'];
        const sandbox = await startSandbox({
          port,
          host,
          stateDir,
          apiKey,
          ...(password ? { snowflakePassword: password } : {}),
          ...(options.publicUrl === undefined ? {} : { publicUrl: options.publicUrl }),
          ...(options.verbose ? { log: (line: string) => advise(terminal, line) } : {}),
        });
        if (options.json) printJson(terminal, { url: sandbox.url });
        else print(terminal, `The sandbox answers at ${sandbox.url}`);
        await aborted(terminal.interrupted);
        await sandbox.close();
      }),
  ];
}

interface SandboxCommandOptions {
  state: string;
  apiKey?: string;
  port: number;
  host: string;
  publicUrl?: string;
  verbose?: true;
  json?: true;
}

/** What only the sandbox needs is optional for those who install the package. */
async function sandboxModule(): Promise<typeof import('../sandbox/listen.ts')> {
  try {
    return await import('../sandbox/listen.ts');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')) throw error;
    throw new Error(
      `The sandbox needs packages that are not installed: npm install fastify @fastify/formbody @duckdb/node-api (${error.message})`,
    );
  }
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** A port number, or 0 for any. */
export function portOf(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError('It must be a port number from 0 to 65535.');
}
