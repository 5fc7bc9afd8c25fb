/** The program `audience`: its commands, their help, and the one place where errors become messages and exit codes. */
import { Command } from 'commander';
import { packageVersion } from '../package-version.ts';
import { answerCommands } from './answers.ts';
import { devCommand } from './dev.ts';
import { EXIT, type ExitCode, exitCodeOf } from './exit-codes.ts';
import { provisioningCommands } from './provisioning.ts';
import { fitted } from './report-text.ts';
import { requestCommands } from './request.ts';
import { serviceCommands } from './services.ts';
import { setupCommand } from './setup.ts';
import { advise, columnsOf, type Terminal } from './terminal.ts';

/** How a command hands over the code that the program ends with. */
export type Exit = (code: ExitCode) => void;

const EPILOGUE = `
Start here:
  audience dev                          Temporal, sandbox and a worker, right here
  audience start request.yaml --wait    in another terminal

Temporal is found by TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE or TEMPORAL_PROFILE
(default localhost:7233). Settings: docs/configuration.md.

Exit codes: 0 done, 1 unexpected error, 2 bad request or settings, 3 not found,
4 ended without a result, 5 Temporal unreachable, 6 another request has this
name, 7 still running, 8 refused, 9 no worker answers, 130 interrupted.`;

/** Runs the program with these arguments, without those of Node, and returns how it ends. Never throws. */
export async function run(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const exit: Exit = (given) => {
    code = given;
  };
  const program = new Command('audience')
    .description('From a Snowflake query to a LinkedIn Ads audience, through Polytomic.')
    .version(packageVersion())
    .addHelpText('after', EPILOGUE);
  for (const command of [
    ...requestCommands(terminal, exit),
    ...provisioningCommands(terminal, exit),
    ...answerCommands(terminal, exit),
    setupCommand(terminal),
    ...serviceCommands(terminal),
    devCommand(terminal, exit),
  ]) {
    program.addCommand(command);
  }
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .showHelpAfterError(
        `(\`${command === program ? 'audience' : `audience ${command.name()}`} --help\` shows how it is used)`,
      )
      .configureOutput({
        writeOut: (text) => terminal.out.write(text),
        writeErr: (text) => terminal.err.write(text),
        getOutHelpWidth: () => columnsOf(terminal.out),
        getErrHelpWidth: () => columnsOf(terminal.err),
      });
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (terminal.interrupted.aborted) return EXIT.interrupted;
    // Commander has printed its own.
    if (!(error instanceof Error && 'exitCode' in error)) {
      const message = error instanceof Error ? error.message : String(error);
      advise(terminal, ...fitted(`audience: ${message}`.split('\n'), terminal.err));
    }
    return exitCodeOf(error);
  }
}
