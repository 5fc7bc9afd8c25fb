/** What was called, for tests and demos that ask "how often was this sent, and with which key?". In memory: it is no state. */

export interface LoggedRequest {
  /** Counts from 1, in the order in which the calls ended. */
  number: number;
  /** When it ended. RFC 3339. */
  at: string;
  method: string;
  /** With the query. */
  path: string;
  /** HTTP status of the answer; `null` when the connection was dropped instead. */
  status: number | null;
  idempotency_key?: string;
  /** Whether the answer was the remembered first answer to its key. */
  replayed: boolean;
  /** The body as JSON, with secrets redacted. Left out when there was none, or no JSON. */
  body?: unknown;
}

/** The newest requests. */
export class RequestLog {
  /** How many are kept. */
  static readonly LIMIT = 10_000;
  #entries: LoggedRequest[] = [];
  #count = 0;

  add(entry: Omit<LoggedRequest, 'number' | 'at'>): void {
    this.#count += 1;
    this.#entries.push({ number: this.#count, at: new Date().toISOString(), ...entry });
    if (this.#entries.length > RequestLog.LIMIT) this.#entries.shift();
  }

  /** Those with a number above `number`, oldest first. */
  after(number: number): LoggedRequest[] {
    return this.#entries.filter((entry) => entry.number > number);
  }

  clear(): void {
    this.#entries = [];
  }
}
