/** The sandbox, as the bench sets it and looks into it. */
import fetch from 'node-fetch';
import { sandboxAt } from '../test/support/sandbox-at.ts';

type At = ReturnType<typeof sandboxAt>;

/** A sandbox that runs. */
export class Sandbox {
  readonly url: string;
  readonly apiKey: string;
  readonly requests: At['requests'];
  readonly signIn: (link: string) => Promise<void>;
  readonly #at: At;

  constructor(url: string, apiKey: string) {
    this.url = url;
    this.apiKey = apiKey;
    this.#at = sandboxAt(url, apiKey);
    this.requests = this.#at.requests;
    this.signIn = this.#at.signIn;
  }

  /** As new: empty, without delay. Then every call under `/api` is held up for `latencyMs`. */
  async reset(latencyMs = 0): Promise<void> {
    await this.#at.reset();
    await this.delay(latencyMs);
  }

  /** From now on every call under `/api` is held up for so long, in ms. */
  async delay(latencyMs: number): Promise<void> {
    await this.#at.clearFaults();
    if (latencyMs > 0) await this.#at.fault({ latencyMs });
  }

  /** Number of the newest call. */
  async count(): Promise<number> {
    return (await this.requests()).at(-1)?.number ?? 0;
  }

  /** All that there is, of each kind. */
  async state(): Promise<Record<'connections' | 'models' | 'syncs' | 'audiences', unknown[]>> {
    return this.#at.state();
  }

  /** One call of the API; `data` of its answer. */
  async call<T = { id: string; auth_url?: string }>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await fetch(`${this.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json', Authorization: `Bearer ${this.apiKey}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
    return (JSON.parse(text) as { data: T }).data;
  }
}
