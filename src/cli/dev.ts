/** `audience dev`: everything on this machine, until Ctrl-C. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import type { Stack } from '../stack/stack.ts';
import { example } from './example.ts';
import { EXIT } from './exit-codes.ts';
import type { Exit } from './program.ts';
import { aborted, portOf } from './services.ts';
import { advise, print, printJson, type Terminal } from './terminal.ts';

interface DevOptions {
  address?: string;
  state?: string;
  port: number;
  uiPort: number;
  sandboxPort: number;
  json?: true;
}

/** The command of this file. */
export function devCommand(terminal: Terminal, exit: Exit): Command {
  return new Command('dev')
    .summary('run Temporal, the sandbox and a worker here')
    .description(
      'Runs a Temporal server with its Web UI, the sandbox and a worker on this machine until Ctrl-C. What it keeps is there ' +
        'again at the next start.',
    )
    .addHelpText('after', example('audience dev'))
    .option('--address <host:port>', 'use this Temporal server in place of one of our own')
    .option('--state <dir>', 'where state and logs are kept (default: audience-provisioning in your state directory)')
    .option('--port <port>', "our Temporal server's port; 0 for any that is free", portOf, 7233)
    .option('--ui-port <port>', "our Web UI's port", portOf, 8233)
    .option('--sandbox-port <port>', 'the port of the sandbox', portOf, 4000)
    .option('--json', 'print a JSON object with the addresses')
    .action(async ({ address, state, port, uiPort, sandboxPort, json }: DevOptions) => {
      const { startStack } = await import('../stack/stack.ts');
      const stack = await startStack({
        directory: state ?? defaultDirectory(terminal.env),
        ui: true,
        ports: {
          ...(port === 0 ? {} : { temporal: port }),
          ...(uiPort === 0 ? {} : { ui: uiPort }),
          ...(sandboxPort === 0 ? {} : { sandbox: sandboxPort }),
        },
        ...(address === undefined ? {} : { temporal: { env: { TEMPORAL_ADDRESS: address } } }),
        snowflakePassword: terminal.env['SNOWFLAKE_PASSWORD'] || 'secret',
        onProgress: (line) => advise(terminal, line),
      });
      try {
        const worker = await stack.startWorker();
        if (json) printJson(terminal, addresses(stack, address));
        else print(terminal, ...welcome(stack, address));
        const ended = await Promise.race([
          aborted(terminal.interrupted),
          worker.exited.then(() => 'The worker'),
          stack.sandbox.exited.then(() => 'The sandbox'),
          ...(stack.temporal === undefined ? [] : [stack.temporal.exited.then(() => 'The Temporal server')]),
        ]);
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

function addresses({ temporal, sandboxUrl, directory }: Stack, address: string | undefined) {
  return {
    temporal: temporal?.address ?? address,
    ...(temporal?.uiUrl === undefined ? {} : { ui: temporal.uiUrl }),
    sandbox: sandboxUrl,
    directory,
  };
}

function welcome(stack: Stack, address: string | undefined): string[] {
  const { temporal, ui, sandbox, directory } = addresses(stack, address);
  return [
    ...(ui === undefined ? [] : [`Temporal Web UI  ${ui}`]),
    `Temporal         ${temporal}`,
    `Sandbox          ${sandbox}`,
    `State and logs   ${directory}`,
    '',
    'In another terminal:',
    ...(temporal === '127.0.0.1:7233' ? [] : [`  export TEMPORAL_ADDRESS=${temporal}`]),
    '  npx audience start examples/walkthrough.yaml --wait',
    '',
    'Ctrl-C stops all of it.',
  ];
}
