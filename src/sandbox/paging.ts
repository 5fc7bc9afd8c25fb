/** Lists a page at a time, with an opaque token that stands for the last item that was seen. */
import type { Answer } from './api-call.ts';
import { badRequest } from './failure.ts';

/** Items on a page, at most, as Polytomic has it. */
export const PAGE_SIZE = 50;

/**
 * The page of `items` that the query's `page_token` asks for, newest first unless `ascending`. `show` makes what the answer
 * shows of an item. What is made or deleted between two pages makes no other item come twice or not at all.
 */
export function page<T extends { sequence: number }>(
  items: T[],
  query: URLSearchParams,
  show: (item: T) => unknown,
  { size, ascending = false }: { size: number; ascending?: boolean },
): Answer {
  const ordered = items.toSorted((a, b) => (ascending ? a.sequence - b.sequence : b.sequence - a.sequence));
  const seen = lastSeen(query.get('page_token'));
  const rest = ordered.filter(({ sequence }) => seen === undefined || (ascending ? sequence > seen : sequence < seen));
  const shown = rest.slice(0, size);
  const last = shown.at(-1);
  const more = last !== undefined && rest.length > shown.length;
  return {
    status: 200,
    body: { data: shown.map(show), ...(more ? { pagination: { next_page_token: tokenOf(last.sequence) } } : {}) },
  };
}

function tokenOf(sequence: number): string {
  return Buffer.from(`after:${sequence}`).toString('base64url');
}

function lastSeen(token: string | null): number | undefined {
  if (token === null || token === '') return undefined;
  const match = /^after:(\d+)$/.exec(Buffer.from(token, 'base64url').toString());
  if (match === null) throw badRequest('page_token is not one that this API gave out: send it back unchanged');
  return Number(match[1]);
}
