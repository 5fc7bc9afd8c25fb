/** Waiting for a process that was just started. */
import { setTimeout as sleep } from 'node:timers/promises';
import fetch from 'node-fetch';

/** How long a process may take until it answers, in ms: about a second as a rule, but machines are busy. */
const READY_TIMEOUT_MS = 60_000;

/** Resolves when a GET of `url` is answered with success; rejects if the process ends first, or takes a minute. */
export async function untilAnswers(
  url: string,
  exited: Promise<{ code: number | null; signal: string | null }>,
): Promise<void> {
  let ended: { code: number | null; signal: string | null } | undefined;
  void exited.then((exit) => {
    ended = exit;
  });
  const deadline = Date.now() + READY_TIMEOUT_MS;
  let reason = '';
  while (Date.now() < deadline) {
    if (ended !== undefined) throw new Error(`it ended at once, with ${ended.signal ?? `code ${ended.code}`}`);
    try {
      const { ok, status } = await fetch(url, { signal: AbortSignal.timeout(2_000) });
      // An answer of somebody else on that port is none of a process that has ended.
      if (ok && ended === undefined) return;
      reason = `status ${status}`;
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    await sleep(50);
  }
  throw new Error(`it did not answer at ${url} within ${READY_TIMEOUT_MS / 1000} s (${reason})`);
}
