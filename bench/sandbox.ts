/** The sandbox, as the bench sets it and looks into it. */
import fetch from 'node-fetch';
import type { LoggedRequest } from '../src/sandbox/request-log.ts';

/** A sandbox that runs. */
export class Sandbox {
  readonly url: string;
  readonly apiKey: string;

  constructor(url: string, apiKey: string) {
    this.url = url;
    this.apiKey = apiKey;
  }

  /** As new: empty, without delay. Then every call under `/api` is held up for `latencyMs`. */
  async reset(latencyMs = 0): Promise<void> {
    await this.#side('POST', 'reset');
    await this.delay(latencyMs);
  }

  /** From now on every call under `/api` is held up for so long, in ms. */
  async delay(latencyMs: number): Promise<void> {
    await this.#side('DELETE', 'faults');
    if (latencyMs > 0) await this.#side('POST', 'faults', { latencyMs });
  }

  /** The calls so far, of those the newest 10 000, with a number above `after`. */
  async requests(after = 0): Promise<LoggedRequest[]> {
    return (await this.#side('GET', `requests?after=${after}`)) as LoggedRequest[];
  }

  /** Number of the newest call. */
  async count(): Promise<number> {
    return (await this.requests()).at(-1)?.number ?? 0;
  }

  /** All that there is, of each kind. */
  async state(): Promise<Record<'connections' | 'models' | 'syncs' | 'audiences', unknown[]>> {
    return (await this.#side('GET', 'state')) as never;
  }

  /** What a person does with a sign-in link: clicks Allow. */
  async signIn(link: string): Promise<void> {
    const body = new URLSearchParams({ decision: 'allow' });
    const answer = await fetch(link, { method: 'POST', body, redirect: 'manual' });
    await answer.text();
    if (answer.status >= 400) throw new Error(`the consent page answered ${answer.status}`);
  }

  /** One call of the API; `data` of its answer. */
  async call<T = { id: string; auth_url?: string }>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await fetch(`${this.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json', Authorization: `Bearer ${this.apiKey}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return (await read(answer, `${method} ${path}`)).data as T;
  }

  async #side(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await fetch(`${this.url}/_sandbox/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    return (await read(answer, `${method} /_sandbox/${path}`)).data;
  }
}

async function read(answer: Awaited<ReturnType<typeof fetch>>, call: string): Promise<{ data?: unknown }> {
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${call} answered ${answer.status}: ${text}`);
  return text === '' ? {} : JSON.parse(text);
}
