/** Commands by which people answer a provisioning: choices, mended steps, giving up, fresh links; and recovering it, or cleaning up after it. */
import type { Command } from 'commander';
import { AudienceClient, type Choices, type ChooseAudience } from '../client.ts';
import { formatFault, type LocatedFault, loadValue } from '../request/load.ts';
import { connectClient, temporalSettings } from '../temporal/connection.ts';
import { taskQueueOf } from '../worker-settings.ts';
import { retryWithChange } from './change.ts';
import { EXIT } from './exit-codes.ts';
import type { Exit } from './program.ts';
import { choiceLines, fitted, undoLines } from './report-text.ts';
import { textOf } from './request.ts';
import { advise, columnsOf, print, printJson, type Terminal } from './terminal.ts';
import { clientCommand, type JsonOption } from './with-client.ts';

interface SelectOptions extends JsonOption {
  all?: true;
  search?: string;
}

interface ChooseOptions extends JsonOption {
  search?: string;
  create?: string;
  type?: string;
  account?: string;
}

/** The commands of this file. */
export function answerCommands(terminal: Terminal, exit: Exit): Command[] {
  return [
    clientCommand(
      'select-accounts',
      'choose the ad accounts',
      'Chooses the ad accounts where the request leaves that to a person: by label or value, or all. Without accounts it lists what ' +
        'there is. An answer before the question is kept.',
      "audience select-accounts active-users 'Polytomic Inc. (512630692)'",
    )
      .argument('<name>', 'name of the provisioning')
      .argument('[accounts...]', 'labels or values of ad accounts')
      .option('--all', 'all there are')
      .option('--search <words>', 'list those with these words, instead of choosing')
      .action((name: string, accounts: string[], options: SelectOptions, command: Command) => {
        const { all, search, json } = options;
        const ways = [accounts.length > 0, all, search !== undefined].filter(Boolean);
        if (ways.length > 1) return command.error('error: give accounts, or --all, or --search, but one of them alone');
        return answering(async (client) => {
          if (accounts.length === 0 && !all) {
            return list(await client.findChoices(name, { step: 'ad accounts', ...words(search) }), json);
          }
          const answer = await client.selectAccounts(name, all ? 'all' : accounts);
          if (json) return printJson(terminal, { name, answer });
          const chosen = typeof answer === 'string' ? answer : answer.map(({ label }) => label).join(', ');
          print(terminal, `ad accounts: ${chosen}`);
        });
      }),

    clientCommand(
      'choose-audience',
      'choose the audience of a sync',
      'Chooses the audience that a sync writes to where the request leaves that to a person: one that exists, by name or id, or one ' +
        'to make. Without an audience it lists what there is. An answer before the question is kept.',
      "audience choose-audience active-users 'New audience' --search company",
    )
      .argument('<name>', 'name of the provisioning')
      .argument('<sync>', 'name of the sync in the request')
      .argument('[audience]', 'name or id of an audience that exists')
      .option('--search <words>', 'list those with these words, instead of choosing')
      .option('--create <name>', 'make an audience of this name; needs --type and --account')
      .option('--type <type>', 'its type: user_audience or company_audience')
      .option('--account <account>', 'the ad account to make it in, by label or value')
      .action((name: string, sync: string, existing: string | undefined, options: ChooseOptions, command: Command) => {
        const { search, json } = options;
        const audience = audienceOf(existing, options);
        if (audience === 'incomplete') {
          return command.error('error: to make an audience takes --create, --type and --account together');
        }
        const ways = [existing, options.create, search].filter((one) => one !== undefined);
        if (ways.length > 1) {
          return command.error('error: give an audience, or --create, or --search, but one of them alone');
        }
        return answering(async (client) => {
          if (audience === undefined) {
            return list(await client.findChoices(name, { step: `sync ${sync}`, ...words(search) }), json);
          }
          const answer = await client.chooseAudience(name, { sync, audience });
          if (json) printJson(terminal, { name, sync, answer });
          else print(terminal, `sync ${sync}: ${answer}`);
        });
      }),

    clientCommand(
      'retry',
      'try a blocked step again',
      'Tries a blocked step again, with a change to its piece of the request or without. `audience status` names the steps that are ' +
        'blocked, and their pieces.',
      "audience retry active-users 'model active-users' --change model.yaml",
    )
      .argument('<name>', 'name of the provisioning')
      .argument('<step>', 'the step, as `audience status` calls it')
      .option(
        '--change <file>',
        "what replaces the step's piece of the request, without the key above it, YAML or JSON; - reads standard input",
      )
      .action(async (name: string, step: string, { change: file, json }: JsonOption & { change?: string }) => {
        const change =
          file === undefined ? undefined : await loadValue(file, file === '-' ? await textOf(terminal) : undefined);
        if (change?.ok === false) return refuseChange(change.faults, json);
        if (change?.value === null) {
          const [fault] = change.located([
            { path: [], message: 'holds nothing; without --change, nothing is changed' },
          ]);
          return refuseChange(fault === undefined ? [] : [fault], json);
        }
        await answering(async (client) => {
          const retried =
            change === undefined
              ? await client.retryStep(name, { step })
              : await retryWithChange(client, name, step, change);
          if ('faults' in retried) return refuseChange(retried.faults, json);
          if (json) printJson(terminal, { name, ...retried });
          else print(terminal, `${step} is tried again. See:  audience status ${name}`);
        });
      }),

    clientCommand(
      'give-up',
      'end a provisioning that cannot go on',
      'Ends a provisioning as failed. What it made is kept or undone, as options.onFailure of its request says.',
      "audience give-up active-users --reason 'the campaign is off'",
    )
      .argument('<name>', 'name of the provisioning')
      .option('--reason <text>', 'why, for whoever reads what came of it')
      .action((name: string, { reason, json }: JsonOption & { reason?: string }) =>
        answering(async (client) => {
          await client.giveUp(name, reason === undefined ? {} : { reason });
          if (json) printJson(terminal, { name, givenUp: true });
          else print(terminal, `${name} is given up, and ends. See:  audience status ${name}`);
        }),
      ),

    clientCommand(
      'refresh-link',
      'get a fresh sign-in link',
      'Prints a fresh link for the LinkedIn sign-in; older ones stop working. Whoever has it can connect an account.',
      'audience refresh-link active-users',
    )
      .argument('<name>', 'name of the provisioning')
      .option('--if-old', 'only if the one there is has become too old; else print that one')
      .action((name: string, { ifOld, json }: JsonOption & { ifOld?: true }) =>
        answering(async (client) => {
          const link = await client.signInLink(name, { fresh: !ifOld });
          if (json) printJson(terminal, { name, ...link });
          else print(terminal, link.url);
        }),
      ),

    clientCommand(
      'recover',
      'let a provisioning go on that no worker can read',
      'Lets a provisioning go on that stands still since no worker can read its history (TMPRL1100 in `audience status`): goes back to ' +
        'before the event at which they fail. Nothing is made twice. What people said since is said again by Temporal; what comes too ' +
        'early then, the run asks for once more. If workers of another version have taken it up, start the right ones instead.',
      'audience recover active-users',
    )
      .argument('<name>', 'name of the provisioning')
      .action((name: string, { json }: JsonOption) =>
        answering(async (client) => {
          const recovery = await client.recover(name);
          if (json) return printJson(terminal, recovery);
          const { eventId, at, failure } = recovery;
          const lines = [
            `${name} goes on from event ${eventId}, ${at}. See:  audience status ${name}`,
            `What no worker could read: ${failure}`,
          ];
          print(terminal, ...fitted(lines, terminal.out));
        }),
      ),

    clientCommand(
      'undo',
      'delete what a provisioning left',
      'Deletes what a provisioning made that failed, was cancelled, terminated or timed out, and waits until that is done. Lists what ' +
        'was undone and what is left, with exit code 4 if anything is. Again is no harm.',
      'audience undo active-users',
    )
      .argument('<name>', 'name of the provisioning')
      .action((name: string, { json }: JsonOption) =>
        answering(async (client) => {
          const result = await client.undo(name);
          if (json) printJson(terminal, { name, ...result });
          else print(terminal, ...undoLines(name, result, columnsOf(terminal.out)));
          if (result.left.length > 0) exit(EXIT.failed);
        }, `Stopped waiting; the undo of ${name} goes on. See how it ends:  audience undo ${name}`),
      ),
  ];

  /** Does the work, unless somebody presses Ctrl-C first: what was sent is not taken back by that. */
  async function answering(
    work: (client: AudienceClient) => Promise<void>,
    stopped = 'Stopped waiting; what was sent may have been taken.',
  ): Promise<void> {
    const { env, interrupted } = terminal;
    const { client: temporal } = await connectClient(temporalSettings(env));
    const client = new AudienceClient({ temporal, taskQueue: taskQueueOf(env) });
    try {
      await temporal.withAbortSignal(interrupted, () => work(client));
    } catch (error) {
      if (!interrupted.aborted) throw error;
      advise(terminal, stopped);
      exit(EXIT.interrupted);
    } finally {
      await client.close();
    }
  }

  function list(choices: Choices, json: true | undefined): void {
    if (json) printJson(terminal, choices);
    else print(terminal, ...choiceLines(choices, columnsOf(terminal.out)));
  }

  function refuseChange(faults: LocatedFault[], json: true | undefined): void {
    exit(EXIT.badRequest);
    if (json) printJson(terminal, { valid: false, faults });
    else advise(terminal, ...fitted(faults.map(formatFault), terminal.err));
  }
}

function words(search: string | undefined): { search?: string } {
  return search === undefined ? {} : { search };
}

/** The audience that the command line means; `undefined` where it means none. */
function audienceOf(
  existing: string | undefined,
  { create, type, account }: ChooseOptions,
): ChooseAudience['audience'] | 'incomplete' | undefined {
  if (create === undefined && type === undefined && account === undefined) {
    return existing === undefined ? undefined : { existing };
  }
  if (create === undefined || type === undefined || account === undefined) return 'incomplete';
  return { create: { name: create, type, account } };
}
