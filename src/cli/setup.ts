/** `audience setup`: what a namespace needs once. */
import { Command } from 'commander';
import { connectClient, temporalSettings } from '../temporal/connection.ts';
import { registerSearchAttributes } from '../temporal/register-search-attributes.ts';
import { PROVISIONING_STAGE } from '../temporal/search-attributes.ts';
import { example } from './example.ts';
import { print, printJson, type Terminal } from './terminal.ts';

/** The command of this file. */
export function setupCommand(terminal: Terminal): Command {
  return new Command('setup')
    .summary('prepare a Temporal namespace')
    .description(
      'Registers search attribute ProvisioningStage in the Temporal namespace, once; again is no harm. ' +
        'Runs work without it, but cannot be listed by stage.',
    )
    .addHelpText('after', example('audience setup'))
    .option('--json', 'print a JSON object')
    .action(async ({ json }: { json?: true }) => {
      const settings = temporalSettings(terminal.env);
      const { connection } = await connectClient(settings);
      try {
        const outcome = await registerSearchAttributes(connection, settings.namespace);
        if (json)
          printJson(terminal, { searchAttribute: PROVISIONING_STAGE.name, namespace: settings.namespace, outcome });
        else
          print(
            terminal,
            `Search attribute ${PROVISIONING_STAGE.name} in namespace ${settings.namespace}: ${outcome}.`,
          );
      } finally {
        await connection.close();
      }
    });
}
