/** Jobs: work that Polytomic does after it has answered. */
import { data, filledText, object, oneOf, text } from './answer-shape.ts';
import type { CallOptions, Transport } from './transport.ts';

/** A job. */
export interface Job {
  job_id: string;
  /** E.g. `createmodel`. */
  type: string;
  status: 'created' | 'running' | 'done' | 'failed';
  /** What it made, once it is done. How much of it is told is not documented; its id is all that is relied on. */
  result?: { id: string };
  /** Why it failed. */
  error?: string;
}

const made = object<{ id: string }>({ id: filledText }, {});

/** Decodes a {@link Job}. */
export const job = object<Job>(
  { job_id: filledText, type: filledText, status: oneOf('created', 'running', 'done', 'failed') },
  { result: (value, at) => (typeof value === 'string' ? { id: value } : made(value, at)), error: text },
);

/** The calls about jobs. */
export class Jobs {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  get(type: string, id: string, { signal }: CallOptions = {}): Promise<Job> {
    return this.#transport.call({ method: 'GET', path: ['jobs', type, id], signal }, data(job));
  }
}
