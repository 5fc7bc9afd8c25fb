/** `audience dev`: everything on this machine, until Ctrl-C. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import type { Stack } from '../stack/stack.ts';
import { EXIT } from './exit-codes.ts';
import type { Exit } from './program.ts';
import { aborted, portOf } from './services.ts';
import { advise, print, type Terminal } from './terminal.ts';

interface DevOptions {
  address?: string;
  state?: string;
  port: number;
  uiPort: number;
  sandboxPort: number;
}

/** The command of this file. */
export function devCommand(terminal: Terminal, exit: Exit): Command {
  return new Command('dev')
    .summary('run Temporal, the sandbox and a worker here')
    .description(
      'Runs a Temporal server with its Web UI, the sandbox and a worker on this machine until Ctrl-C. What it keeps is there ' +
        'again at the next start.\n\nExample: audience dev',
    )
    .option('--address <host:port>', 'use this Temporal server in place of one of our own')
    .option('--state <dir>', 'where state and logs are kept (default: audience-provisioning in your state directory)')
    .option('--port <port>', "our Temporal server's port", portOf, 7233)
    .option('--ui-port <port>', "our Web UI's port", portOf, 8233)
    .option('--sandbox-port <port>', 'the port of the sandbox', portOf, 4000)
    .action(async ({ address, state, port, uiPort, sandboxPort }: DevOptions) => {
      const { startStack } = await import('../stack/stack.ts');
      const stack = await startStack({
        directory: state ?? defaultDirectory(terminal.env),
        ui: true,
        ports: { temporal: port, ui: uiPort, sandbox: sandboxPort },
        ...(address === undefined ? {} : { temporal: { env: { TEMPORAL_ADDRESS: address } } }),
        snowflakePassword: terminal.env['SNOWFLAKE_PASSWORD'] || 'secret',
        onProgress: (line) => advise(terminal, line),
      });
      try {
        const worker = await stack.startWorker();
        print(terminal, ...welcome(stack, address));
        const gone = [worker.exited.then(() => 'The worker'), stack.temporal?.exited.then(() => 'The Temporal server')];
        const ended = await Promise.race([aborted(terminal.interrupted), ...gone]);
        if (typeof ended === 'string') throw new Error(`${ended} has ended unexpectedly. Logs: ${stack.directory}`);
        exit(EXIT.interrupted);
        advise(terminal, '', 'Stopping. Runs that wait go on where they are at the next start.');
      } finally {
        await stack.stop();
      }
    });
}

function defaultDirectory(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'audience-provisioning', 'dev');
}

function welcome({ temporal, sandboxUrl, directory }: Stack, address: string | undefined): string[] {
  const server = temporal?.address ?? address ?? '';
  return [
    ...(temporal?.uiUrl === undefined ? [] : [`Temporal Web UI  ${temporal.uiUrl}`]),
    `Temporal         ${server}`,
    `Sandbox          ${sandboxUrl}`,
    `State and logs   ${directory}`,
    '',
    'In another terminal:',
    ...(server === '127.0.0.1:7233' ? [] : [`  export TEMPORAL_ADDRESS=${server}`]),
    '  npx audience start examples/walkthrough.yaml --wait',
    '',
    'Ctrl-C stops all of it.',
  ];
}
