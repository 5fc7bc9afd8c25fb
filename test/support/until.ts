/** Waiting for something to become true, instead of for a time to pass. */
import { setTimeout as sleep } from 'node:timers/promises';

/** What `look` gives, as soon as it gives something; fails after `timeoutMs`, by default half a minute. */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>, timeoutMs = 30_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs / 1000} s in vain: ${what}`);
    await sleep(25);
  }
}
