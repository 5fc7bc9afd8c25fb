/** Commands about provisionings: start one, follow it, say that the sign-in is done. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { createLogUpdate } from 'log-update';
import type { ProvisioningReport, ProvisioningSummary } from '../client/report.ts';
import { type AudienceClient, connectAudienceClient } from '../client.ts';
import { STAGES, type Stage } from '../workflows/messages.ts';
import { example } from './example.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { Exit } from './program.ts';
import { changeLines, reportLines, resultLines } from './report-text.ts';
import { readRequest } from './request.ts';
import { advise, columnsOf, plain, print, printJson, type Terminal } from './terminal.ts';

interface JsonOption {
  json?: true;
}

/** How a run that is over ends the command that followed it. */
const EXIT_OF_STATE: Record<ProvisioningReport['state'], ExitCode> = {
  running: EXIT.notYet,
  completed: EXIT.ok,
  failed: EXIT.failed,
  cancelled: EXIT.failed,
  terminated: EXIT.failed,
  timed_out: EXIT.failed,
};

/** The commands of this file. */
export function provisioningCommands(terminal: Terminal, exit: Exit): Command[] {
  const command = (name: string, summary: string, description: string, pasted: string) =>
    new Command(name)
      .summary(summary)
      .description(description)
      .addHelpText('after', example(pasted))
      .option('--json', 'print JSON, one object a line');
  const withClient = async (work: (client: AudienceClient) => Promise<void>) => {
    const client = await connectAudienceClient(terminal.env);
    try {
      await work(client);
    } finally {
      await client.close();
    }
  };

  return [
    command(
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
        await withClient(async (client) => {
          const started = await client.start(request, { again: options.again ?? false });
          if (options.json) printJson(terminal, started);
          else {
            const { outcome, workflowId, runId } = started;
            print(terminal, `${started.name}: ${outcome}`, `  workflow ${workflowId}`, `  run      ${runId}`);
          }
          if (options.wait) await follow(client, started.name, options);
          else if (!options.json) print(terminal, `See how it goes:  audience watch ${started.name}`);
        });
      }),

    command(
      'status',
      'show where a provisioning stands',
      'Shows where a provisioning stands: each step, what it made, whom it waits for.',
      'audience status active-users',
    )
      .argument('<name>', 'name of the provisioning')
      .action((name: string, { json }: JsonOption) =>
        withClient(async (client) => {
          const report = await client.status(name);
          if (json) printJson(terminal, report);
          else print(terminal, ...reportLines(report, columnsOf(terminal.out)));
        }),
      ),

    command(
      'watch',
      'follow a provisioning until it ends',
      'Follows a provisioning until it ends: redrawn in a terminal, a line for each change in a pipe.',
      'audience watch active-users',
    )
      .argument('<name>', 'name of the provisioning')
      .action((name: string, options: JsonOption) => withClient((client) => follow(client, name, options))),

    command(
      'signed-in',
      'say that the LinkedIn sign-in is done',
      'Says that the LinkedIn sign-in is done. The run asks Polytomic whether that is true; if not, it goes on waiting.',
      'audience signed-in active-users',
    )
      .argument('<name>', 'name of the provisioning')
      .action((name: string, { json }: JsonOption) =>
        withClient(async (client) => {
          await client.completeSignIn(name);
          if (json) printJson(terminal, { name, signal: 'sent' });
          else print(terminal, `${name} asks Polytomic now. See:  audience status ${name}`);
        }),
      ),

    command(
      'list',
      'list provisionings',
      'Lists provisionings, newest first.',
      'audience list --stage awaiting_sign_in',
    )
      .addOption(new Option('--stage <stage>', 'only those at this stage').choices(STAGES))
      .option('--limit <count>', 'at most so many', countOf, 100)
      .action(({ json, stage, limit }: JsonOption & { stage?: Stage; limit: number }) =>
        withClient(async (client) => {
          const summaries = await client.list({ limit, ...(stage === undefined ? {} : { stage }) });
          if (json) for (const summary of summaries) printJson(terminal, summary);
          else print(terminal, ...listLines(summaries, columnsOf(terminal.out)));
        }),
      ),

    command(
      'result',
      'show what a provisioning made',
      'Shows every id that a completed provisioning made or used.',
      'audience result active-users',
    )
      .argument('<name>', 'name of the provisioning')
      .action((name: string, { json }: JsonOption) =>
        withClient(async (client) => {
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

    command(
      'cancel',
      'stop a provisioning',
      'Stops a provisioning once its calls under way are through. What it made stays in Polytomic.',
      'audience cancel active-users',
    )
      .argument('<name>', 'name of the provisioning')
      .action((name: string, { json }: JsonOption) =>
        withClient(async (client) => {
          await client.cancel(name);
          if (json) printJson(terminal, { name, cancellation: 'requested' });
          else
            print(
              terminal,
              `${name} is asked to stop. What it made stays in Polytomic.`,
              `See:  audience status ${name}`,
            );
        }),
      ),
  ];

  /** Shows a run until it ends or the person has seen enough. */
  async function follow(client: AudienceClient, name: string, { json }: JsonOption): Promise<void> {
    const redraw = terminal.out.isTTY && !json ? createLogUpdate(terminal.out) : undefined;
    let last: ProvisioningReport | undefined;
    let longLink: string | undefined;
    try {
      for await (const report of client.watch(name, { signal: terminal.interrupted })) {
        if (json) printJson(terminal, report);
        else if (redraw) draw(report, redraw);
        else for (const line of changeLines(last, report)) print(terminal, line);
        last = report;
      }
    } finally {
      redraw?.done();
    }
    if (terminal.interrupted.aborted) {
      advise(terminal, `Stopped watching; ${name} goes on. See:  audience status ${name}`);
      return exit(EXIT.interrupted);
    }
    if (last !== undefined) exit(EXIT_OF_STATE[last.state]);
    if (last?.state === 'completed' && !json)
      print(terminal, '', ...resultLines(await client.result(name), columnsOf(terminal.out)));
    else if (last !== undefined && last.state !== 'completed') await client.result(name);

    function draw(report: ProvisioningReport, redraw: ReturnType<typeof createLogUpdate>): void {
      const columns = columnsOf(terminal.out);
      const url = report.status?.signIn?.url;
      // What is redrawn is broken at the terminal's edge, and half a link cannot be clicked: a long one goes above it, once.
      if (url !== undefined && url !== longLink && url.length + 2 > columns) {
        longLink = url;
        redraw.clear();
        print(terminal, 'Sign in to LinkedIn here:', url, '');
      }
      const linkShown = url !== undefined && url === longLink;
      redraw(reportLines(report, columns, { linkShown }).join('\n'));
    }
  }
}

function listLines(summaries: ProvisioningSummary[], columns: number): string[] {
  if (summaries.length === 0) return ['There are none. Start one:  audience start request.yaml'];
  const rows = summaries.map(({ name, state, stage, startedAt }) => ({
    // Anybody may have started a run under any name.
    name: plain(name),
    rest: `  ${(stage ?? state).padEnd(16)}  ${startedAt}`,
  }));
  const room = columns - Math.max(...rows.map(({ rest }) => rest.length));
  const width = Math.min(Math.max(...rows.map(({ name }) => name.length)), Math.max(room, 0));
  return rows.flatMap(({ name, rest }) =>
    name.length > width ? [name, ' '.repeat(width) + rest] : [name.padEnd(width) + rest],
  );
}

function countOf(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number from 1 to 999999.');
}
