import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { LIMITS } from '../../src/request/limits.ts';
import { formatFault, type LoadedRequest, loadRequest } from '../../src/request/load.ts';
import { parseRequest } from '../../src/request/schema.ts';
import { audience } from '../cli/in-memory.ts';
import { richRequest, walkthrough } from '../request/valid-request.ts';
import { anyValue, MARKER, mutated } from './mutations.ts';

const slipped = mutated([walkthrough(), richRequest()]);

/** As people and programs write it. `stringify` refuses what no YAML can hold, which JSON can. */
const asText = (value: unknown, yaml: boolean) => {
  const json = JSON.stringify(value, undefined, 2) ?? 'null';
  return yaml ? stringify(JSON.parse(json), { aliasDuplicateObjects: false }) : json;
};

const written = fc.tuple(slipped, fc.boolean()).map(([value, yaml]) => asText(value, yaml));

/** What a slip of the keyboard, a broken merge or somebody who means harm puts into a text. */
const SNIPPETS = [
  '\t',
  '\u0000',
  '\u001b[31m',
  '\u0085',
  '\ufeff',
  '\u2028',
  '\ud800',
  ': ',
  '- ',
  '? ',
  '&a ',
  '*a ',
  '*',
  '<<: *a',
  '!!js/function "x"',
  '!!binary x',
  '!!set {a}',
  '|\n',
  '>-\n',
  '%YAML 1.1\n---\n',
  '---\n',
  '...\n',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '#',
  ',',
  '\\x',
  '.inf',
  '.nan',
  '1e999',
  '-0',
  '0x1F',
  '0o17',
  '12345678901234567890',
  '__proto__: 1\n',
  '__proto__: {a: b}\n',
  'name: again\n',
  '<<<<<<< HEAD\n',
  '\r',
  '\r\n',
];

/** A text with one to three pieces put in, left out or repeated. */
const garbled = fc
  .tuple(
    written,
    fc.array(
      fc.record({
        at: fc.nat(),
        length: fc.nat({ max: 40 }),
        what: fc.oneof(
          { weight: 3, arbitrary: fc.constantFrom(...SNIPPETS) },
          { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 10 }) },
        ),
        how: fc.constantFrom('put in', 'left out', 'repeated', 'cut off'),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(([text, changes]) =>
    changes.reduce((all, { at, length, what, how }) => {
      const from = at % (all.length + 1);
      const rest = all.slice(from);
      const put = {
        'put in': what + rest,
        'left out': rest.slice(length),
        repeated: rest.slice(0, length) + rest,
        'cut off': '',
      };
      return all.slice(0, from) + put[how];
    }, text),
  );

/** No request at all. */
const junk = fc.oneof(
  anyValue.map((value) => asText(value, false)),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.array(fc.constantFrom(...SNIPPETS, 'a', 'name', '\n', '  '), { maxLength: 60 }).map((all) => all.join('')),
);

/** What no loader may choke on: each is an attack on its own. */
const ATTACKS: Array<[string, string]> = [
  ['lists within lists', '['.repeat(100_000)],
  ['closed lists within lists', `${'['.repeat(20_000)}${']'.repeat(20_000)}`],
  ['maps within maps', '{a: '.repeat(50_000)],
  ['dashes after dashes', '- '.repeat(50_000)],
  ['question marks', '? '.repeat(20_000)],
  ['deeper and deeper indentation', Array.from({ length: 1_000 }, (_, n) => `${' '.repeat(n)}a:`).join('\n')],
  [
    'a laugh of aliases',
    [
      'a0: &a0 [x, x, x, x, x, x, x, x, x]',
      ...Array.from({ length: 30 }, (_, n) => `a${n + 1}: &a${n + 1} [${`*a${n},`.repeat(9)}]`),
    ].join('\n'),
  ],
  ['an alias of what is around it', 'name: &a [*a]'],
  ['very many aliases', `a: &a x\nb: [${'*a,'.repeat(100_000)}]`],
  ['very many anchors', Array.from({ length: 20_000 }, (_, n) => `k${n}: &k${n} x`).join('\n')],
  ['a key very many times', 'name: x\n'.repeat(50_000)],
  ['very many keys', Array.from({ length: 50_000 }, (_, n) => `k${n}: x`).join('\n')],
  ['very many documents', '---\nname: x\n'.repeat(20_000)],
  ['a very long text', `name: ${'x'.repeat(1_000_000)}`],
  ['a very long key', `${'k'.repeat(500_000)}: x`],
  ['a very long number', `name: ${'9'.repeat(500_000)}`],
  ['a very long text in quotes that do not close', `name: "${'x '.repeat(400_000)}`],
  ['very many syncs', `syncs: [${'{},'.repeat(100_000)}]`],
  ['very many quotes', '"'.repeat(500_000)],
  ['very many escapes', `name: "${'\\u0000'.repeat(100_000)}"`],
  ['very many tags', '!a '.repeat(100_000)],
  ['very many comments', '#\n'.repeat(400_000)],
  ['very many blanks', ' '.repeat(1_000_000)],
  ['very many line breaks', '\n'.repeat(1_000_000)],
  ['very many carriage returns', '\r'.repeat(1_000_000)],
  ['a folded text that never ends', `name: >\n${'  x\n\n'.repeat(150_000)}`],
  [
    'a chain of aliases',
    Array.from({ length: 99 }, (_, n) => `a${n + 1}: &a${n + 1} ${'['.repeat(40)}*a${n}${']'.repeat(40)}`).reduce(
      (all, line) => `${all}\n${line}`,
      'a0: &a0 x',
    ),
  ],
  [
    'maps of many keys',
    Array.from(
      { length: 40 },
      (_, m) => `m${m}: {${Array.from({ length: 2_999 }, (_k, k) => `k${k}`).join(',')}}`,
    ).join('\n'),
  ],
  ['a prototype', '__proto__: {name: x}\nconstructor: {prototype: {name: x}}'],
  ['zeroes', '\u0000'.repeat(100_000)],
];

/** Words of programs, not of people. */
const INTERNAL =
  /undefined|\[object |NaN|\bat \S+:\d+|node_modules|(Type|Range|Syntax|Reference|Zod|YAML\w*)Error|\bzod\b/;

/** That a text is refused in words for a person, at places that it has, or holds a request. */
async function mustBeToldOrRead(text: string): Promise<LoadedRequest> {
  const loaded = await loadRequest('-', text);
  if (loaded.ok) {
    expect(parseRequest(loaded.request)).toEqual(loaded);
    return loaded;
  }
  expect(loaded.faults.length).toBeGreaterThan(0);
  expect(loaded.faults.length).toBeLessThanOrEqual(LIMITS.faults + 1);
  const lines = text.split(/\r\n?|\n/).length;
  for (const fault of loaded.faults) {
    const line = formatFault(fault);
    expect(fault.message).not.toBe('');
    expect(line).not.toMatch(INTERNAL);
    expect(line).not.toMatch(/[\p{Cc}\p{Cs}]/u);
    expect(line.length).toBeLessThan(10_000);
    expect(fault.line).toBeLessThanOrEqual(lines);
    expect(fault.column > 0).toBe(fault.line > 0);
  }
  return loaded;
}

/** For thousands of cases on a busy machine, in ms. */
const LONG = 180_000;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fuzzed-'));
});
afterAll(() => rm(directory, { recursive: true }));

describe('a request that nobody should have written', () => {
  it(
    'is read, or refused with words for each fault that repeat no value',
    async () => {
      await fc.assert(
        fc.asyncProperty(written, async (text) => {
          const loaded = await mustBeToldOrRead(text);
          expect(loaded.ok ? '' : JSON.stringify(loaded.faults)).not.toContain(MARKER);
        }),
        { numRuns: 6_000 },
      );
    },
    LONG,
  );

  it(
    'is read or refused if its text is garbled',
    async () => {
      await fc.assert(
        fc.asyncProperty(garbled, async (text) => void (await mustBeToldOrRead(text))),
        { numRuns: 3_000 },
      );
    },
    LONG,
  );

  it('is refused if it is none at all', async () => {
    await fc.assert(
      fc.asyncProperty(junk, async (text) => expect((await mustBeToldOrRead(text)).ok).toBe(false)),
      { numRuns: 600 },
    );
  });

  it('makes `audience validate` end with 0 or 2, and with words of its own', async () => {
    const bytes = fc.oneof(
      fc.oneof(written, garbled, junk).map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 200 }).map((all) => Buffer.from(all)),
    );
    const file = join(directory, 'request.yaml');
    await fc.assert(
      fc.asyncProperty(bytes, fc.boolean(), fc.boolean(), async (content, asFile, json) => {
        await writeFile(file, content);
        const args = ['validate', asFile ? file : '-', ...(json ? ['--json'] : [])];
        const { code, out, err } = await audience(args, asFile ? {} : { input: Readable.from([content]) });
        expect([0, 2]).toContain(code);
        const said = out + err;
        expect(said).not.toMatch(INTERNAL);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these would act on a terminal
        expect(said).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
        if (json) expect(JSON.parse(out)).toMatchObject({ valid: code === 0 });
        const { ok } = await loadRequest(file);
        expect(code).toBe(ok ? 0 : 2);
      }),
      { numRuns: 400 },
    );
  });

  it.each(ATTACKS)('is refused, and soon, if it is %s', async (_, text) => {
    expect((await mustBeToldOrRead(text)).ok).toBe(false);
  });
});
