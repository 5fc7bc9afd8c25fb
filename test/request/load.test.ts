import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatFault, loadRequest } from '../../src/request/load.ts';
import { walkthrough } from './valid-request.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'requests-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** The faults of a file with this content, formatted, its directory left out. */
async function faultsOf(content: string | Uint8Array, name = 'request.yaml'): Promise<string[]> {
  const file = join(directory, name);
  await writeFile(file, content);
  return faultsAt(file);
}

async function faultsAt(file: string): Promise<string[]> {
  const loaded = await loadRequest(file);
  return loaded.ok ? [] : loaded.faults.map((fault) => formatFault(fault).replace(`${directory}/`, ''));
}

const json = JSON.stringify(walkthrough(), null, 2);

describe('loadRequest', () => {
  it('reads the walkthrough', async () => {
    await expect(loadRequest('examples/walkthrough.yaml')).resolves.toEqual({ ok: true, request: walkthrough() });
  });

  it('accepts every example', async () => {
    for (const name of await readdir('examples')) {
      await expect(loadRequest(join('examples', name))).resolves.toMatchObject({ ok: true });
    }
  });

  it('reads YAML and JSON alike, by any of their endings, with a byte order mark or without', async () => {
    for (const name of ['a.json', 'a.yaml', 'a.yml', 'A.YAML']) await expect(faultsOf(json, name)).resolves.toEqual([]);
    await expect(faultsOf(`\ufeff${json}`, 'bom.json')).resolves.toEqual([]);
  });

  it('reads standard input from its text, for -', async () => {
    await expect(loadRequest('-', json)).resolves.toEqual({ ok: true, request: walkthrough() });
    const loaded = await loadRequest('-', 'name: [');
    expect(loaded.ok || loaded.faults[0]?.file).toBe('(standard input)');
    const none = await loadRequest('-');
    expect(none.ok || none.faults.map(formatFault)).toEqual([
      '(standard input)  is empty; start from examples/walkthrough.yaml',
    ]);
  });

  it('takes repeated parts by alias', async () => {
    const text = JSON.stringify({ ...walkthrough(), snowflake: 0 }).replace(
      '"snowflake":0',
      '"snowflake":{"connection":{"use":&c x}}',
    );
    await expect(faultsOf(text.replace('"LinkedIn Ads"', '*c '))).resolves.toEqual([]);
  });

  it('takes numbers and words for what YAML 1.2 says they are', async () => {
    const text = `${json.slice(0, -2)},\n  "requester": no\n}`;
    await expect(faultsOf(text)).resolves.toEqual([]);
  });

  describe('says where a fault is', () => {
    const yaml = [
      'name: 007', // 1
      'snowflake:', // 2
      '  connection: { account: a, username: u, dbname: d, password: hunter2, name: S }', // 3
      'linkedinAds:', // 4
      '  connection:', // 5
      '    use: L', // 6
      '  accounts:', // 7
      '    - a', // 8
      '    - a', // 9
      'models:', // 10
      '  m: { use: M }', // 11
      'syncs:', // 12
      '  - name: S', // 13
      '    model: n', // 14
      '    audience: &audience', // 15
      '      existing: 5', // 16
      '    mode: update', // 17
      '    fields: { a: A }', // 18
      '    "schedu\\u006ce": { frequency: dayly }', // 19
      '    identitiy: x', // 20
      '  - { name: T, model: m, audience: *audience, mode: create, fields: {a: A}, schedule: {frequency: manual} }', // 21
    ].join('\n');

    it('by line and column of its key, or of what it is missing in', async () => {
      const places = (await faultsOf(yaml)).map((line) => line.replace(/: .*/, ''));
      expect(places).toEqual([
        'request.yaml:1:1  name',
        'request.yaml:3:53  snowflake.connection.password',
        'request.yaml:9:7  linkedinAds.accounts[1]',
        'request.yaml:13:5  syncs[0].identity',
        'request.yaml:14:5  syncs[0].model',
        'request.yaml:16:7  syncs[0].audience.existing',
        'request.yaml:16:7  syncs[1].audience.existing',
        'request.yaml:19:24  syncs[0].schedule.frequency',
        'request.yaml:20:5  syncs[0].identitiy',
      ]);
    });

    it('in JSON too', async () => {
      await expect(faultsOf(json.replace('"create"', '7'), 'a.json')).resolves.toEqual([
        'a.json:35:7  syncs[0].mode: expects one of create, update, updateOrCreate, replace, append, remove, snapshot; found a number',
      ]);
    });

    it('with keys in brackets that are no plain words', async () => {
      const [, fault] = await faultsOf(json.replace('"mode"', '"mo de\\u001b"'));
      expect(fault).toMatch(/^request.yaml:35:7 {2}syncs\[0\]\[`mo de\ufffd`\]: unknown key/);
    });
  });

  describe('refuses', () => {
    const cases: Array<[string, string | Uint8Array, string]> = [
      ['an empty file', '', 'request.yaml  is empty; start from examples/walkthrough.yaml'],
      ['a file of comments', '# nothing\n', 'request.yaml  is empty; start from examples/walkthrough.yaml'],
      [
        'a null',
        'null',
        'request.yaml:1:1  expects a request: a map with name, requester, snowflake, linkedinAds, models, syncs, options; found nothing',
      ],
      [
        'a list',
        '- a',
        'request.yaml:1:1  expects a request: a map with name, requester, snowflake, linkedinAds, models, syncs, options; found a list of 1',
      ],
      [
        'two documents',
        'name: a\n---\nname: b\n',
        'request.yaml:2:1  holds 2 documents; a file takes one request, so put each into a file of its own',
      ],
      ['a key twice', 'name: a\nname: b\n', 'request.yaml:2:1  has a key twice in one map; keep one of the two'],
      ['a tab', 'snowflake:\n\tconnection: 1\n', 'request.yaml:2:1  is indented with a tab; YAML takes only spaces'],
      [
        'an open bracket',
        'name: [a\n',
        'request.yaml:2:1  is indented unlike what is around it, or follows a bracket or quote that is not closed',
      ],
      [
        'a second colon',
        'name: a: b\n',
        'request.yaml:1:7  has a second colon on the line, or a map where none can be; put text that has ": " in quotes',
      ],
      ['a percent sign at the beginning', 'name: %a\n', 'request.yaml:1:7  begins with a character that needs quotes'],
      [
        'a tag',
        'name: !hunter2 a\n',
        'request.yaml:1:7  has a tag (!name); a request takes none, so put text that begins with ! in quotes',
      ],
      [
        'a YAML 1.1 tag',
        'name: !!binary aGk=\n',
        'request.yaml:1:7  has a tag (!name); a request takes none, so put text that begins with ! in quotes',
      ],
      [
        'YAML 1.1',
        '%YAML 1.1\n---\nname: a\n',
        'request.yaml:1:1  says that it is not YAML 1.2; take the %YAML line away',
      ],
      [
        'a merge key',
        'a: &a { b: 1 }\nc:\n  <<: *a\n',
        'request.yaml:3:3  is a merge key (<<), which YAML 1.2 does not have; write the keys out',
      ],
      [
        'an alias of nothing',
        'name: *hunter2\n',
        'request.yaml:1:7  is an alias of nothing before it; put text that begins with * in quotes',
      ],
      [
        'a map for a key',
        '{ {a: b}: c }\n',
        'request.yaml:1:3  has a map or list for a key; if it begins with { or *, put it in quotes',
      ],
      [
        'what is not UTF-8',
        Uint8Array.of(0x61, 0x3a, 0x20, 0xff),
        'request.yaml  is not text in UTF-8; save it in that encoding',
      ],
      ['more than 1 MiB', `#${'x'.repeat(1024 * 1024)}`, 'request.yaml  is larger than 1024 KiB; is it a request?'],
    ];
    it.each(cases)('%s', async (_, content, fault) => {
      await expect(faultsOf(content)).resolves.toEqual([fault]);
    });

    it('a bomb of aliases', async () => {
      const bomb = (levels: number) =>
        [
          'l0: &l0 [x]',
          ...Array.from({ length: levels }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`)}]`),
        ].join('\n');
      await expect(faultsOf(bomb(11))).resolves.toEqual([
        'request.yaml  repeats too much by aliases (*name), more than 100 times; write it out',
      ]);
      await expect(faultsOf(bomb(12))).resolves.toEqual([
        expect.stringMatching(
          /^request.yaml:\d+:\d+ {2}repeats by aliases \(\*name\) more than 100 times; write it out$/,
        ),
      ]);
    });

    it('an alias of what it is part of', async () => {
      expect((await faultsOf('a: &a { b: *a }\n')).length).toBeGreaterThan(0);
    });

    it('nesting without end', async () => {
      for (const deep of [
        '['.repeat(200_000),
        '- '.repeat(100_000),
        '{a: '.repeat(50_000),
        `${'['.repeat(2000)}${']'.repeat(2000)}`,
      ]) {
        const found = await faultsOf(deep);
        expect(found.length).toBeGreaterThan(0);
        expect(found.length).toBeLessThanOrEqual(101);
      }
    });

    it('what is no file that it can read, with what to do', async () => {
      await expect(faultsAt(join(directory, 'none.yaml'))).resolves.toEqual([
        'none.yaml  is not there; check the path, or start from examples/walkthrough.yaml',
      ]);
      await expect(faultsAt(join(directory, 'request.txt'))).resolves.toEqual([
        'request.txt  is not named as a request: expects a file that ends in .yaml, .yml or .json, or - for standard input',
      ]);
      await expect(faultsAt('a\0.yaml')).resolves.toEqual([
        'a\0.yaml  cannot be read (ERR_INVALID_ARG_VALUE); check that it is a file that you may read',
      ]);
      execFileSync('mkfifo', [join(directory, 'pipe.yaml')]);
      await expect(faultsAt(join(directory, 'pipe.yaml'))).resolves.toEqual([
        'pipe.yaml  is not a regular file; give the path of a file, or - for standard input',
      ]);
    });
  });

  it('never throws and never repeats a value, whatever the text', async () => {
    const pieces = fc.constantFrom(
      'name: ',
      'hunter2',
      '\n',
      '  ',
      '- ',
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      ': ',
      '*hunter2',
      '&hunter2 ',
      '!hunter2 ',
      '|\n',
      '%',
      '#',
      '\t',
      '---\n',
      '<<: ',
      '? ',
      ',',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { maxLength: 30 }), async (parts) => {
        const loaded = await loadRequest('-', parts.join(''));
        expect(loaded.ok).toBe(false);
        for (const { message, line, column } of loaded.ok ? [] : loaded.faults) {
          // It may be named as a key.
          expect(message.replace(/`[^`]*`/g, '')).not.toContain('hunter2');
          expect(line > 0).toBe(column > 0);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
