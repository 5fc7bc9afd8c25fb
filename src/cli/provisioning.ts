/** Commands about provisionings: start one, follow it, say that the sign-in is done. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ProvisioningSummary } from '../client/report.ts';
import type { ListFilter } from '../client.ts';
import { LISTED_STAGES } from '../workflows/messages.ts';
import { EXIT } from './exit-codes.ts';
import { follow } from './follow.ts';
import type { Exit } from './program.ts';
import { reportLines, resultLines, wrapped } from './report-text.ts';
import { readRequest } from './request.ts';
import { advise, columnsOf, plain, print, printJson, type Terminal } from './terminal.ts';
import { clientCommand, type JsonOption, withClient } from './with-client.ts';

/** The commands of this file. */
export function provisioningCommands(terminal: Terminal, exit: Exit): Command[] {
  return [
    clientCommand(
      'start',
      'start a provisioning',
      'Starts a provisioning, or joins the one of the same name and request. With --wait it shows how it goes on, until it ends.',
      'audience start request.yaml --wait',
    )
      .argument('<file>', 'the request, YAML or JSON; - reads standard input')
      .option('--wait', 'stay until it ends')
      .option('--again', 'start although one of this name has failed or was cancelled')
      .action(async (file: string, options: JsonOption & { wait?: true; again?: true }) => {
        const request = await readRequest(file, options, terminal, exit);
        if (request === undefined) return;
        await withClient(terminal, async (client) => {
          const started = await client.start(request, { again: options.again ?? false });
          if (options.json) printJson(terminal, started);
          else {
            const { outcome, workflowId, runId } = started;
            print(terminal, `${started.name}: ${outcome}`, `  workflow ${workflowId}`, `  run      ${runId}`);
          }
          if (options.wait) await follow(client, started.name, options, terminal, exit);
          else if (!options.json) print(terminal, `See how it goes:  audience watch ${started.name}`);
        });
      }),

    clientCommand(
      'status',
      'show where a provisioning stands',
      'Shows where a provisioning stands: each step, what it made, whom it waits for.',
      'audience status active-users',
    )
      .argument('<name>', 'name of the provisioning')
      .action((name: string, { json }: JsonOption) =>
        withClient(terminal, async (client) => {
          const report = await client.status(name);
          if (json) printJson(terminal, report);
          else print(terminal, ...reportLines(report, columnsOf(terminal.out)));
        }),
      ),

    clientCommand(
      'watch',
      'follow a provisioning until it ends',
      'Follows a provisioning until it ends. In a terminal it is redrawn, and asks in place what the run asks of people; in a pipe it is a line for each change.',
      'audience watch active-users',
    )
      .argument('<name>', 'name of the provisioning')
      .action((name: string, options: JsonOption) =>
        withClient(terminal, (client) => follow(client, name, options, terminal, exit)),
      ),

    clientCommand(
      'signed-in',
      'say that the LinkedIn sign-in is done',
      'Says that the LinkedIn sign-in is done. The run asks Polytomic whether that is true; if not, it goes on waiting.',
      'audience signed-in active-users',
    )
      .argument('<name>', 'name of the provisioning')
      .action((name: string, { json }: JsonOption) =>
        withClient(terminal, async (client) => {
          await client.completeSignIn(name);
          if (json) printJson(terminal, { name, signal: 'sent' });
          else print(terminal, `${name} asks Polytomic now. See:  audience status ${name}`);
        }),
      ),

    clientCommand(
      'list',
      'list provisionings',
      'Lists provisionings, newest first.',
      'audience list --stage awaiting_sign_in',
    )
      .addOption(
        new Option(
          '--stage <stage>',
          'only those at this stage; working: that go on and wait for nobody; blocked: that wait for nothing else',
        ).choices(LISTED_STAGES),
      )
      .option('--requester <name>', 'only those that this one asked for')
      .option('--blocked', 'only those with a step that waits to be mended, whatever else they wait for')
      .option('--limit <count>', 'at most so many', countOf, 100)
      .action(({ json, ...filter }: JsonOption & ListFilter) =>
        withClient(terminal, async (client) => {
          const summaries = await client.list(filter);
          if (json) for (const summary of summaries) printJson(terminal, summary);
          else if (summaries.length > 0) print(terminal, ...listLines(summaries, columnsOf(terminal.out)));
          else if (filter.stage ?? filter.requester ?? filter.blocked)
            print(terminal, 'There are none such. All:  audience list');
          else print(terminal, 'There are none. Start one:  audience start request.yaml');
        }),
      ),

    clientCommand(
      'result',
      'show what a provisioning made',
      'Shows every id that a completed provisioning made or used.',
      'audience result active-users',
    )
      .argument('<name>', 'name of the provisioning')
      .action((name: string, { json }: JsonOption) =>
        withClient(terminal, async (client) => {
          const { state } = await client.status(name);
          if (state === 'running') {
            advise(terminal, `${name} still runs. See:  audience watch ${name}`);
            return exit(EXIT.notYet);
          }
          const result = await client.result(name);
          if (json) printJson(terminal, result);
          else print(terminal, ...resultLines(result, columnsOf(terminal.out)));
        }),
      ),

    clientCommand(
      'cancel',
      'stop a provisioning',
      'Stops a provisioning once its calls under way are through. What it made is kept or undone, as options.onFailure of its request says.',
      'audience cancel active-users',
    )
      .argument('<name>', 'name of the provisioning')
      .action((name: string, { json }: JsonOption) =>
        withClient(terminal, async (client) => {
          await client.cancel(name);
          if (json) printJson(terminal, { name, cancellation: 'requested' });
          else
            print(
              terminal,
              `${name} is asked to stop. What it made is kept or undone, as its request says.`,
              `See:  audience status ${name}`,
            );
        }),
      ),
  ];
}

function listLines(summaries: ProvisioningSummary[], columns: number): string[] {
  const rows = summaries.map(({ name, state, stage, startedAt, requester, blockedSteps }) => ({
    // Anybody may have started a run under any name.
    name: plain(name),
    rest: `  ${(stage ?? state).padEnd(16)}  ${startedAt}`,
    more: [
      ...(requester === undefined ? [] : [`for ${plain(requester)}`]),
      ...(blockedSteps.length === 0 ? [] : [`blocked: ${plain(blockedSteps.join(', '))}`]),
    ].flatMap((line) => wrapped(`  ${line}`, columns, '  ')),
  }));
  const room = columns - Math.max(...rows.map(({ rest }) => rest.length));
  const width = Math.min(Math.max(...rows.map(({ name }) => name.length)), Math.max(room, 0));
  return rows.flatMap(({ name, rest, more }) => [
    ...(name.length > width ? [name, ' '.repeat(width) + rest] : [name.padEnd(width) + rest]),
    ...more,
  ]);
}

function countOf(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number from 1 to 999999.');
}
