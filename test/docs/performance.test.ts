import { readdir } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { codeSpans, page } from './documents.ts';

describe('docs/performance.md', () => {
  it('explains exactly the measures there are', async () => {
    const headings = (await page('docs/performance.md')).match(/^### `.*`$/gm) ?? [];
    const measures = (await readdir('bench/measures')).map((file) => file.replace(/\.ts$/, ''));
    expect(headings.flatMap(codeSpans).sort()).toEqual(measures.sort());
  });
});
