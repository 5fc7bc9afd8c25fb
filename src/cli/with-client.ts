/** What commands that talk to Temporal have in common. */
import { Command } from 'commander';
import { type AudienceClient, connectAudienceClient } from '../client.ts';
import { example } from './example.ts';
import type { Terminal } from './terminal.ts';

/** The option that all of them have. */
export interface JsonOption {
  json?: true;
}

/** A command with `--json`, and with an example to paste at the end of its help. */
export function clientCommand(name: string, summary: string, description: string, pasted: string): Command {
  return new Command(name)
    .summary(summary)
    .description(description)
    .addHelpText('after', example(pasted))
    .option('--json', 'print JSON, one object a line');
}

/** Connects with the settings of the environment, does the work, and closes the connection. */
export async function withClient(terminal: Terminal, work: (client: AudienceClient) => Promise<void>): Promise<void> {
  const client = await connectAudienceClient(terminal.env);
  try {
    await work(client);
  } finally {
    await client.close();
  }
}
