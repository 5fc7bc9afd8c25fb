import { setTimeout as sleep } from 'node:timers/promises';

/** Asks until the answer is true; fails after `timeoutMs` with what was waited for. */
export async function eventually(
  what: string,
  ask: () => boolean | Promise<boolean>,
  timeoutMs = 15_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await ask())) {
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain for: ${what}`);
    await sleep(20);
  }
}

/** Whether a process of this id lives. A zombie counts as alive until its parent has heard of its end. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
