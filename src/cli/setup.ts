/** `audience setup`: what a namespace needs once. */
import { Command } from 'commander';
import { connectClient, temporalSettings } from '../temporal/connection.ts';
import { registerSearchAttributes } from '../temporal/register-search-attributes.ts';
import { SEARCH_ATTRIBUTES } from '../temporal/search-attributes.ts';
import { example } from './example.ts';
import { print, printJson, type Terminal } from './terminal.ts';

/** The command of this file. */
export function setupCommand(terminal: Terminal): Command {
  return new Command('setup')
    .summary('prepare a Temporal namespace')
    .description(
      'Registers the search attributes of provisionings in the Temporal namespace, once; again is no harm. ' +
        'Runs work without them, but cannot be listed by stage, requester or blocked step.',
    )
    .addHelpText('after', example('audience setup'))
    .option('--json', 'print a JSON object')
    .action(async ({ json }: { json?: true }) => {
      const settings = temporalSettings(terminal.env);
      const names = SEARCH_ATTRIBUTES.map(({ name }) => name);
      const { connection } = await connectClient(settings);
      try {
        const outcome = await registerSearchAttributes(connection, settings.namespace);
        if (json) printJson(terminal, { searchAttributes: names, namespace: settings.namespace, outcome });
        else print(terminal, `Search attributes ${names.join(', ')} in namespace ${settings.namespace}: ${outcome}.`);
      } finally {
        await connection.close();
      }
    });
}
