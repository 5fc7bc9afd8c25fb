/** Reads lists that Polytomic hands out a page at a time. */
import { type Decoder, list, object, text } from './answer-shape.ts';
import { UnexpectedAnswerError } from './errors.ts';

/** One page. The token is empty or absent on the last one. */
export interface Page<T> {
  data: T[];
  pagination?: { next_page_token?: string };
}

/** More pages than any organization has; reading on would only end when the memory does. In count, of 50 items each. */
const MAX_PAGES = 2000;

/** Reads a page of these. */
export function page<T>(item: Decoder<T>): Decoder<Page<T>> {
  const pagination = object<{ next_page_token?: string }>({}, { next_page_token: text });
  return object<Page<T>>({ data: list(item) }, { pagination });
}

/**
 * All items of all pages. `call` names the list for errors, `read` reads the page of a token.
 * Throws an {@link UnexpectedAnswerError} where a token comes back a second time: following it would never end.
 */
export async function allPages<T>(call: string, read: (token: string | undefined) => Promise<Page<T>>): Promise<T[]> {
  const pages: T[][] = [];
  const seen = new Set<string>();
  for (let token: string | undefined; ; ) {
    const { data, pagination } = await read(token);
    pages.push(data);
    token = pagination?.next_page_token;
    if (token === undefined || token === '') return pages.flat();
    if (seen.has(token))
      throw new UnexpectedAnswerError(call, 'pagination.next_page_token is the same as on an earlier page');
    if (seen.size >= MAX_PAGES) throw new UnexpectedAnswerError(call, `the list has more than ${MAX_PAGES} pages`);
    seen.add(token);
  }
}
