import { describe, expect, it } from '@jest/globals';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { packageVersion } from '../../src/package-version.ts';
import { audience } from './in-memory.ts';

const COMMANDS = [
  'validate',
  'schema',
  'start',
  'status',
  'watch',
  'signed-in',
  'list',
  'result',
  'cancel',
  'select-accounts',
  'choose-audience',
  'retry',
  'give-up',
  'refresh-link',
  'recover',
  'undo',
  'setup',
  'worker',
  'sandbox',
  'dev',
];

/** The program's arguments in a line to paste, which may begin with variables and end with a redirection. */
function argumentsOf(line = ''): string[] {
  const words = [...(line.trim().split(' > ')[0] ?? '').matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, quoted, bare = '']) => quoted ?? bare,
  );
  return words.slice(words.indexOf('audience') + 1);
}

describe('the help', () => {
  it('lists every command and every exit code', async () => {
    const { code, out } = await audience(['--help']);
    expect(code).toBe(EXIT.ok);
    for (const command of COMMANDS) expect(out).toMatch(new RegExp(`^  ${command} `, 'm'));
    expect(out.match(/^ {2}[a-z][a-z-]* +/gm)?.length).toBeGreaterThanOrEqual(COMMANDS.length);
    const told = /Exit codes: (.*)\./s.exec(out)?.[1]?.match(/\d+/g);
    expect(told).toEqual(Object.values(EXIT).map(String));
  });

  it.each(COMMANDS)('of %s ends with an example, in 80 columns', async (command) => {
    const { code, out, lines } = await audience([command, '--help']);
    expect(code).toBe(EXIT.ok);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines.at(-2)).toBe('Example:');
    const args = argumentsOf(lines.at(-1));
    expect(args[0]).toBe(command);
    for (const option of args.filter((arg) => arg.startsWith('--'))) expect(out).toContain(`  ${option} `);
  });

  // The rest run services: on ports of the machine, until they are told to end.
  it.each(COMMANDS.filter((command) => !['worker', 'sandbox', 'dev'].includes(command)))(
    'of %s has an example that is understood',
    async (command) => {
      const { lines } = await audience([command, '--help']);
      const { err } = await audience(argumentsOf(lines.at(-1)));
      expect(err).not.toMatch(/^error:|--help/);
    },
  );

  it('is shown where no command is given', async () => {
    const { code, err } = await audience([]);
    expect(code).toBe(EXIT.badRequest);
    expect(err).toContain('Start here:');
  });

  it('tells the version of the package', async () => {
    expect(await audience(['--version'])).toMatchObject({ code: EXIT.ok, out: `${packageVersion()}\n` });
  });
});

describe('a command line that is wrong', () => {
  it.each([
    [['provision'], /unknown command 'provision'/, 'audience --help'],
    [['status', 'a', '--verbose'], /unknown option '--verbose'/, 'audience status --help'],
    [['status'], /missing required argument 'name'/, 'audience status --help'],
    [['list', '--stage', 'dreaming'], /Allowed choices are working, awaiting_sign_in/, 'audience list --help'],
    [['list', '--limit', '0'], /It must be a whole number from 1 to 999999\./, 'audience list --help'],
    [['select-accounts', 'a', 'One', '--all'], /one of them alone/, 'audience select-accounts --help'],
    [['choose-audience', 'a', 'S', 'One', '--search', 'x'], /one of them alone/, 'audience choose-audience --help'],
    [['choose-audience', 'a', 'S', '--create', 'New'], /--type and --account/, 'audience choose-audience --help'],
    [['retry', 'a'], /missing required argument 'step'/, 'audience retry --help'],
    [['dev', '--port', '70000'], /It must be a port number from 0 to 65535\./, 'audience dev --help'],
    [['sandbox', '--api-key', 'k'], /required option '--state <dir>' not specified/, 'audience sandbox --help'],
    [['sandbox', '--state', 'd'], /--api-key, or SANDBOX_API_KEY/, 'audience sandbox --help'],
  ])('%j is refused with what is wrong and where the help is', async (args, message, help) => {
    const { code, out, err } = await audience(args);
    expect(code).toBe(EXIT.badRequest);
    expect(err).toMatch(message);
    expect(err).toContain(`\`${help}\``);
    expect(out).toBe('');
  });
});
