import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { allPages } from '../../src/polytomic/pages.ts';
import { rejection } from './api-server.ts';

const CALL = 'GET /api/things';

describe('all pages', () => {
  it('are the items of each page, once and in order, however they are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat(), { maxLength: 5 }), { minLength: 1, maxLength: 8 }),
        async (pages) => {
          const items = await allPages(CALL, async (token) => {
            const at = token === undefined ? 0 : Number(token);
            return {
              data: pages[at] ?? [],
              pagination: at + 1 < pages.length ? { next_page_token: String(at + 1) } : {},
            };
          });
          expect(items).toEqual(pages.flat());
        },
      ),
    );
  });

  it.each([
    ['the page itself', ['a', 'a']],
    ['an earlier page', ['a', 'b', 'c', 'a']],
  ])('are not followed for ever where a token leads to %s', async (_where, tokens) => {
    let asked = 0;
    const read = async () => ({ data: [1], pagination: { next_page_token: tokens[asked++ % tokens.length] ?? '' } });
    expect(await rejection(allPages(CALL, read))).toMatchObject({ name: 'UnexpectedAnswerError', call: CALL });
    expect(asked).toBe(tokens.length);
  });

  it('are not followed for ever where each has a token of its own', async () => {
    let asked = 0;
    const read = async () => ({ data: [1], pagination: { next_page_token: String(asked++) } });
    expect(await rejection(allPages(CALL, read))).toMatchObject({ detail: 'the list has more than 2000 pages' });
  });

  it('of lists of any length fit on the stack', async () => {
    const data = Array.from({ length: 500_000 }, (_, i) => i);
    expect(await allPages(CALL, async () => ({ data }))).toHaveLength(500_000);
  });

  it('are none where one of them fails', async () => {
    const read = async (token: string | undefined) => {
      if (token !== undefined) throw new Error('second page');
      return { data: [1], pagination: { next_page_token: 'x' } };
    };
    expect(await rejection(allPages(CALL, read))).toMatchObject({ message: 'second page' });
  });
});
