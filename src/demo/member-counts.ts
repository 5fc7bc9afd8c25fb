/** How many people are in the audiences once the syncs have run. */
import { setTimeout as sleep } from 'node:timers/promises';
import fetch from 'node-fetch';
import { PolytomicClient } from '../polytomic/client.ts';
import type { Stack } from '../stack/stack.ts';
import type { ProvisioningResult } from '../workflows/messages.ts';

/** How long the first executions may take, in ms: the sandbox needs about a second. */
const EXECUTION_TIMEOUT_MS = 30_000;

/** Waits until each sync has run once; then the members of each of the sandbox's audiences, in count, by audience id. */
export async function memberCounts(
  { syncs }: ProvisioningResult,
  { apiKey, sandboxUrl }: Stack,
): Promise<Map<string, number>> {
  const polytomic = new PolytomicClient({ apiKey, baseUrl: sandboxUrl });
  for (const { id } of syncs) await firstExecution(polytomic, id);
  const answer = await fetch(`${sandboxUrl}/_sandbox/state`);
  const { data } = (await answer.json()) as { data: { audiences: Array<{ id: string; member_count: number }> } };
  return new Map(data.audiences.map(({ id, member_count }) => [id, member_count]));
}

async function firstExecution(polytomic: PolytomicClient, syncId: string): Promise<void> {
  const deadline = Date.now() + EXECUTION_TIMEOUT_MS;
  while (Date.now() < deadline) {
    const { last_execution } = await polytomic.syncs.status(syncId);
    if (last_execution?.status === 'completed') return;
    await sleep(100);
  }
  throw new Error(`sync ${syncId} has not run within ${EXECUTION_TIMEOUT_MS / 1000} s`);
}
