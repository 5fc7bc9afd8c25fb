/** Waiting for something to become true, instead of for a time to pass. */
import { setTimeout as sleep } from 'node:timers/promises';

type Look<T> = T | undefined | false;

/** What `look` gives, as soon as it gives something; fails after `timeoutMs`, by default half a minute, with what was waited for. */
export async function until<T>(what: string, look: () => Look<T> | Promise<Look<T>>, timeoutMs = 30_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs / 1000} s in vain for: ${what}`);
    await sleep(20);
  }
}
