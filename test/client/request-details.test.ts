import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { requestDetails } from '../../src/client/request-details.ts';
import { outside } from '../support/hostile-text.ts';
import { existingSync, newSync, walkthrough } from '../support/walkthrough.ts';

describe('the details of a request', () => {
  it('tell of each sync where its records come from and go to', () => {
    expect(requestDetails(walkthrough('a')).split('\n')).toEqual([
      '| Model | Audience | Mode | Schedule |',
      '|-|-|-|-|',
      '| active-users | Company Audience\\: Polytomic-Created Company List | create | continuous |',
      '| active-users | New audience \\(new\\) | create | continuous |',
    ]);
  });

  it('stay far below what Temporal takes, 20,000 bytes, however long the names are', () => {
    const create = { name: '名'.repeat(200), type: 'user_audience', account: 'x' };
    const syncs = Array.from({ length: 20 }, () => newSync({ audience: { create } }));
    const details = requestDetails(walkthrough('a', { syncs }));
    expect(Buffer.byteLength(details)).toBeLessThan(6000);
    expect(details).toMatch(/\n\nand 18 more$/);
  });

  it('hold no line, cell or link that a name made', () => {
    fc.assert(
      fc.property(outside, (existing) => {
        const details = requestDetails(walkthrough('a', { syncs: [existingSync({ audience: { existing } })] }));
        expect(
          details
            .replace(/\\./g, '')
            .match(/\n|\||\]\(|<|`/g)
            ?.join(''),
        ).toBe('|||||\n|||||\n|||||');
      }),
    );
  });
});
