/** Why a call was cut off before its answer was whole. */
export type Cut = 'timeout' | 'aborted';

/**
 * Cuts a call off when its time is up, or when the caller's signal fires. One timer from before the call until its body is
 * read: node-fetch knows no time-out, and a server that goes silent within a body would be waited for for ever.
 */
export class CallLimit {
  /** Fires when the call is to end. */
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #caller: AbortSignal | undefined;
  readonly #onAbort = () => this.#end('aborted');
  #cut: Cut | undefined;

  /** `timeoutMs` counts from now. */
  constructor(timeoutMs: number, caller: AbortSignal | undefined) {
    this.signal = this.#controller.signal;
    this.#caller = caller;
    this.#timer = setTimeout(() => this.#end('timeout'), timeoutMs);
    caller?.addEventListener('abort', this.#onAbort);
    if (caller?.aborted) this.#onAbort();
  }

  /** Why the call was cut off; `undefined` if it was not. What came first counts. */
  get cut(): Cut | undefined {
    return this.#cut;
  }

  /** The caller's reason, where it was the caller who ended it. */
  get reason(): unknown {
    return this.#caller?.reason;
  }

  /** To be called when the call is over, so that neither timer nor listener outlives it. */
  release(): void {
    clearTimeout(this.#timer);
    this.#caller?.removeEventListener('abort', this.#onAbort);
  }

  #end(cut: Cut): void {
    this.#cut ??= cut;
    this.#controller.abort();
  }
}
