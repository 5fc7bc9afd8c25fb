import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { requestDigest } from '../../src/request/digest.ts';
import { inTemporaryDirectory } from '../support/temporary-directory.ts';
import { walkthrough } from '../support/walkthrough.ts';
import { audience, begin } from './in-memory.ts';

const EXAMPLE = join(import.meta.dirname, '../../examples/walkthrough.yaml');

describe('validate', () => {
  it('says that a request is valid', async () => {
    expect(await audience(['validate', EXAMPLE])).toMatchObject({
      code: EXIT.ok,
      lines: [`${EXAMPLE} is valid: active-users, models: 1, syncs: 2`],
      err: '',
    });
  });

  it('reads standard input for -, and tells name and digest in JSON', async () => {
    const { code, json } = await audience(['validate', '-', '--json'], { input: await readFile(EXAMPLE, 'utf8') });
    expect(code).toBe(EXIT.ok);
    expect(json()).toEqual([{ valid: true, name: 'active-users', digest: requestDigest(walkthrough('active-users')) }]);
  });

  it('lists all faults, each with its place', async () => {
    const input = 'name: Loud\nmodels: {}\nsyncs: []\n';
    const { code, out, err } = await audience(['validate', '-'], { input });
    expect(code).toBe(EXIT.badRequest);
    expect(out).toBe('');
    for (const place of ['1:1', '2:1', '3:1']) expect(err).toContain(`(standard input):${place}  `);
    expect(err).toContain('snowflake: ');
    const { code: jsonCode, json } = await audience(['validate', '-', '--json'], { input });
    expect(jsonCode).toBe(EXIT.badRequest);
    expect(json()).toEqual([
      {
        valid: false,
        faults: expect.arrayContaining([
          { file: '(standard input)', line: 1, column: 1, path: ['name'], message: expect.any(String) },
        ]),
      },
    ]);
  });

  it('says that a file is not there', async () => {
    const { code, err } = await audience(['validate', 'nowhere.yaml']);
    expect(code).toBe(EXIT.badRequest);
    expect(err).toMatch(/^nowhere\.yaml {2}is not there/);
  });

  it('does not let a file control the terminal that shows its faults', async () => {
    await inTemporaryDirectory(async (directory) => {
      const file = join(directory, 'evil.yaml');
      await writeFile(file, '"\\e]0;owned\\a\\e[2J\\u202e": 1\n"two\\nlines": 1\n');
      for (const options of [[], ['--json']]) {
        const { code, out, err } = await audience(['validate', file, ...options]);
        expect(code).toBe(EXIT.badRequest);
        expect(out + err).toContain('owned');
        expect((out + err).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      }
    });
  });

  it('that waits for its input ends at Ctrl-C', async () => {
    const interruption = new AbortController();
    const input = new Readable({ read: () => undefined });
    const { code } = begin(['validate', '-'], { input, interrupted: interruption.signal });
    interruption.abort();
    expect(await code).toBe(EXIT.interrupted);
  });
});

describe('schema', () => {
  it('prints the JSON Schema of a request', async () => {
    const { code, out } = await audience(['schema']);
    expect(code).toBe(EXIT.ok);
    expect(JSON.parse(out)).toMatchObject({
      type: 'object',
      required: expect.arrayContaining(['name', 'snowflake', 'linkedinAds', 'models', 'syncs']),
    });
  });
});
