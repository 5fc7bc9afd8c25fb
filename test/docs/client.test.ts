import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import * as library from '../../src/client.ts';
import { LISTED_STAGES, STAGES } from '../../src/workflows/messages.ts';
import { codeSpans, page, section, tableRows } from './documents.ts';

const text = await page('docs/client.md');

/** The first code span of each row under a heading. */
const documented = (heading: string) =>
  tableRows(section(text, heading)).map(([cell = '']) => codeSpans(cell)[0] ?? cell);

const source = await readFile('src/client.ts', 'utf8');

/** What is private in TypeScript is a method like any other at run time. */
const hidden = [
  'constructor',
  ...[...source.matchAll(/^ {2}private (?:async |get )*(\w+)/gm)].map(([, name = '']) => name),
];

describe('docs/client.md', () => {
  it('lists exactly the calls of the client', () => {
    const methods = Object.getOwnPropertyNames(library.AudienceClient.prototype);
    const calls = documented('## Calls').map((call) => call.replace(/\(.*/, ''));
    expect(calls.sort()).toEqual(methods.filter((name) => !hidden.includes(name)).sort());
  });

  it('lists exactly the errors that the library exports', () => {
    const errors = Object.keys(library).filter((name) => name.endsWith('Error'));
    expect(documented('## Errors').sort()).toEqual(errors.sort());
  });

  it('names every stage', () => {
    const [, stages = ''] = /^Stages: (.*)$/m.exec(text) ?? [];
    expect(codeSpans(stages)).toEqual([...STAGES]);
  });

  it('names every stage that a list tells', () => {
    const [, stages = ''] = /^Lists, .* a run waits for: (.*)$/m.exec(text) ?? [];
    expect(codeSpans(stages)).toEqual([...LISTED_STAGES]);
  });
});
