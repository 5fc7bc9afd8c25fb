/** Commands about a request as a file: `validate`, `schema`. */
import { addAbortSignal } from 'node:stream';
import { Command } from 'commander';
import { requestDigest } from '../request/digest.ts';
import { requestJsonSchema } from '../request/json-schema.ts';
import { formatFault, loadRequest } from '../request/load.ts';
import type { ProvisioningRequest } from '../request/schema.ts';
import { example } from './example.ts';
import { EXIT } from './exit-codes.ts';
import type { Exit } from './program.ts';
import { fitted } from './report-text.ts';
import { advise, print, printJson, type Terminal } from './terminal.ts';

/** The commands of this file. */
export function requestCommands(terminal: Terminal, exit: Exit): Command[] {
  return [
    new Command('validate')
      .summary('check a request file')
      .description('Checks a request file and lists all of its faults, each with its place.')
      .addHelpText('after', example('audience validate request.yaml'))
      .argument('<file>', 'YAML or JSON; - reads standard input')
      .option('--json', 'print a JSON object instead of lines')
      .action(async (file: string, options: { json?: true }) => {
        const request = await readRequest(file, options, terminal, exit);
        if (request === undefined) return;
        const { name, models, syncs } = request;
        if (options.json) printJson(terminal, { valid: true, name, digest: requestDigest(request) });
        else
          print(terminal, `${file} is valid: ${name}, models: ${Object.keys(models).length}, syncs: ${syncs.length}`);
      }),
    new Command('schema')
      .summary('print the JSON Schema of a request')
      .description(
        'Prints the JSON Schema of a request, for editors. A request file that begins with the line\n' +
          '# yaml-language-server: $schema=request.schema.json\nis then completed and checked while it is written.',
      )
      .addHelpText('after', example('audience schema > request.schema.json'))
      .action(() => print(terminal, JSON.stringify(requestJsonSchema(), null, 2))),
  ];
}

/** The request in a file; without one, its faults are printed and the result is `undefined`. */
export async function readRequest(
  file: string,
  { json }: { json?: true },
  terminal: Terminal,
  exit: Exit,
): Promise<ProvisioningRequest | undefined> {
  const loaded = await loadRequest(file, file === '-' ? await textOf(terminal) : undefined);
  if (loaded.ok) return loaded.request;
  exit(EXIT.badRequest);
  if (json) printJson(terminal, { valid: false, faults: loaded.faults });
  else advise(terminal, ...fitted(loaded.faults.map(formatFault), terminal.err));
  return undefined;
}

/** All of standard input. */
export async function textOf({ in: input, interrupted }: Terminal): Promise<string> {
  const chunks: Buffer[] = [];
  // A person who waits for a prompt that never comes presses Ctrl-C.
  addAbortSignal(interrupted, input);
  for await (const chunk of input) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}
