import { describe, expect, it } from '@jest/globals';
import { FAILURE_CODES } from '../../src/activities/failures.ts';
import { FAILURE } from '../../src/workflows/messages.ts';
import { codeSpans, page, section, tableRows } from './documents.ts';

const text = await page('docs/errors.md');

/** The table under a heading: type, and whether it says that it is retried. */
function table(heading: string): Array<[code: string | undefined, retried: boolean]> {
  return tableRows(section(text, heading)).map(([code = '', , retried = '']) => [
    codeSpans(code)[0],
    retried.startsWith('yes'),
  ]);
}

describe('docs/errors.md', () => {
  it('has every code of a step, and says rightly whether it is retried', () => {
    const codes = Object.entries(FAILURE_CODES).map(([code, { retryable }]) => [code, retryable]);
    expect(table('## Why a step fails')).toEqual(codes);
  });

  it('has every type that a run fails with, none of which is retried', () => {
    expect(table('## How a run ends')).toEqual(Object.values(FAILURE).map((type) => [type, false]));
  });

  it('says of each what it means and what to do', () => {
    const incomplete = tableRows(text).filter((cells) => cells.length !== 4 || cells.includes(''));
    expect(incomplete).toEqual([]);
  });
});
