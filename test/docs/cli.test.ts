import { Readable, Writable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { run } from '../../src/cli/program.ts';
import type { Output } from '../../src/cli/terminal.ts';
import { loadRequest } from '../../src/request/load.ts';
import { type Block, blocksOf, codeSpans, PAGES, page, proseOf, section, tableRows } from './documents.ts';

const text = await page('docs/cli.md');

/** What the program prints, in a terminal so wide that no line is broken. */
async function printed(...args: string[]): Promise<string> {
  let output = '';
  const out: Output = new Writable({
    write(chunk, _encoding, done) {
      output += String(chunk);
      done();
    },
  });
  out.columns = 1_000;
  const code = await run(args, {
    in: Readable.from([]),
    out,
    err: out,
    env: {},
    interrupted: new AbortController().signal,
  });
  if (code !== EXIT.ok) throw new Error(`audience ${args.join(' ')} ended with ${code}: ${output}`);
  return output;
}

/** The lines of one part of a help text, e.g. `Options:`. */
function helpPart(help: string, title: string): string[] {
  const lines = help.split('\n');
  const start = lines.indexOf(title);
  if (start === -1) return [];
  const end = lines.indexOf('', start);
  return lines.slice(start + 1, end === -1 ? undefined : end).map((line) => line.trim());
}

/** The commands there are, by the program's own help. */
async function commandNames(): Promise<string[]> {
  const names = helpPart(await printed('--help'), 'Commands:').map((line) => line.split(' ')[0] ?? '');
  return names.filter((name) => name !== 'help');
}

interface Usage {
  /** E.g. `audience start <file>`. */
  call: string;
  /** E.g. `--stage <stage>`. */
  options: string[];
}

async function usageOf(command: string): Promise<Usage> {
  const help = await printed(command, '--help');
  const [, call = ''] = /^Usage: (.*)$/m.exec(help) ?? [];
  const options = helpPart(help, 'Options:').map((line) => line.split(/ {2,}/)[0] ?? '');
  return { call: call.replace(' [options]', ''), options: options.filter((flags) => flags !== '-h, --help') };
}

const usages = new Map<string, Usage>();
for (const name of await commandNames()) usages.set(name, await usageOf(name));

const headings = [...text.matchAll(/^### `(audience ([\w-]+).*)`$/gm)].map(([heading, call = '', name = '']) => ({
  heading,
  call,
  name,
}));

describe('docs/cli.md', () => {
  it('has a heading for exactly the commands there are, with their arguments', () => {
    const documented = headings.map(({ call }) => call);
    expect(documented.sort()).toEqual([...usages.values()].map(({ call }) => call).sort());
  });

  it.each(headings)('lists exactly the options of `$call`', ({ heading, name }) => {
    const documented = tableRows(section(text, heading)).map(([flags = '']) => codeSpans(flags)[0] ?? flags);
    expect(documented.sort()).toEqual(usages.get(name)?.options.sort());
  });

  it.each(headings)('has an example of `$call`', ({ heading, name }) => {
    const examples = blocksOf(section(text, heading)).filter(({ language }) => language === 'console');
    const calls = examples.flatMap((block) => callsOf(block.text)).map(([command]) => command);
    expect(calls).toContain(name);
  });

  it('has the exit codes that the program ends with', () => {
    const documented = tableRows(section(text, '## Exit codes')).map(([code, name = '']) => [
      codeSpans(name)[0],
      Number(code),
    ]);
    expect(Object.fromEntries(documented)).toEqual(EXIT);
  });

  it('shows what `validate` prints about the example', async () => {
    const [validate] = blocksOf(section(text, '### `audience validate <file>`'));
    const [command, output] = (validate?.text ?? '').split('\n');
    expect(command).toBe('$ audience validate examples/walkthrough.yaml');
    await expect(printed('validate', 'examples/walkthrough.yaml')).resolves.toBe(`${output}\n`);
  });
});

/** The calls of `audience` in a text: each command with the options that are used with it. */
function callsOf(shell: string): Array<[command: string, ...options: string[]]> {
  return [...shell.matchAll(/(?:^|[ `(])audience ([a-z][a-z-]*)((?:[ \t]+[^\s`|>&#]+)*)/gm)].map(
    ([, command = '', rest = '']) => [command, ...rest.split(/\s+/).filter((word) => word.startsWith('--'))],
  );
}

describe('a call of `audience` in the documentation', () => {
  it.each(PAGES)('exists with the options used in %s', async (path) => {
    const markdown = await page(path);
    const shell = blocksOf(markdown).filter(({ language }) => language === 'sh' || language === 'console');
    const commandLines = shell.flatMap((block) =>
      block.text.split('\n').filter((line) => /^(\$ )?([A-Z_]+=\S+ )*(npx )?audience /.test(line)),
    );
    const spans = codeSpans(proseOf(markdown)).filter((code) => /^(npx )?audience [a-z]/.test(code));
    const unknown = [...commandLines, ...spans].flatMap(callsOf).filter(([command, ...options]) => {
      const known =
        command === 'help' ? [] : usages.get(command)?.options.flatMap((flags) => flags.match(/--[\w-]+/g) ?? []);
      return known === undefined || options.some((option) => ![...known, '--help'].includes(option));
    });
    expect(unknown).toEqual([]);
  });
});

/** Whether a block is a request, or a part of one that would have to be made whole. */
function isRequest({ language, text: yaml }: Block): boolean {
  return language === 'yaml' && /^(snowflake|linkedinAds|models|syncs):/m.test(yaml);
}

describe('a request in the documentation', () => {
  it.each(PAGES)('is valid in %s', async (path) => {
    const requests = blocksOf(await page(path)).filter(isRequest);
    const loaded = await Promise.all(requests.map((block) => loadRequest('-', block.text)));
    expect(loaded.filter(({ ok }) => !ok)).toEqual([]);
  });

  it('is there for a reader of the README', async () => {
    expect(blocksOf(await page('README.md')).filter(isRequest)).toHaveLength(1);
  });
});
