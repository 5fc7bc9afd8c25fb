/** Gathers what the judge needs: from Temporal its list of runs and their histories, from the sandbox its state and effects. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import type { AudienceClient } from '../src/client.ts';
import { decodedHistory } from '../src/temporal/history.ts';
import {
  type ProvisioningFailure,
  type ProvisioningResult,
  WORKFLOW_TYPE,
  workflowIdOf,
} from '../src/workflows/messages.ts';
import type { Machine } from '../test/support/machine.ts';
import { filesUnder, findings } from '../test/support/secret-search.ts';
import type { Deeds } from './deeds.ts';
import { eachOf } from './each-of.ts';
import type { Evidence, RunEvidence, SandboxState } from './judge.ts';
import type { Script } from './script.ts';
import { surely } from './surely.ts';

/** How many histories are fetched at once. */
const AT_ONCE = 8;

/** How long a run that is over may take to answer where it stands, in tries of some seconds. */
const STATUS_TRIES = 10;

/** Folder of the histories in the chaos run's directory. */
const HISTORIES = 'histories';

/** What a played run is looked at with. */
export interface Played {
  script: Script;
  deeds: Deeds;
}

/** Gathers everything. Histories are written to the machine's directory, decoded, one file a run. */
export async function gather(
  machine: Machine,
  played: readonly Played[],
  strangers: string[],
  secrets: ReadonlyMap<string, string>,
): Promise<Evidence> {
  await mkdir(join(machine.directory, HISTORIES), { recursive: true });
  const executions = await executionsOf(machine.temporal);
  const runs: RunEvidence[] = [];
  const found: Evidence['secrets'] = [];
  await eachOf(played, AT_ONCE, async ({ script, deeds }) => {
    const own = executions.get(workflowIdOf(script.name)) ?? [];
    const { evidence, places } = await runEvidence(machine, script.name, own);
    runs.push({ script, deeds, executions: own, ...evidence });
    found.push(...search(secrets, places));
  });
  const state = (await machine.sandbox.state()) as SandboxState;
  const logs = await filesUnder(machine.directory, ['sandbox/', 'secrets/', 'temporal/temporal.db', `${HISTORIES}/`]);
  found.push(...search(secrets, logs));
  return {
    runs: runs.toSorted((a, b) => a.script.number - b.script.number),
    state,
    effects: await surely(() => machine.sandbox.effects()),
    strangers,
    secrets: found,
  };
}

/** Looks for secrets in the Temporal server's own files. The machine is stopped by then, so that they are whole. */
export async function searchDatabase(
  directory: string,
  secrets: ReadonlyMap<string, string>,
): Promise<Evidence['secrets']> {
  return search(secrets, await filesUnder(join(directory, 'temporal')));
}

/** Where the history of a run lies. */
export function historyFile(directory: string, run: string): string {
  return join(directory, HISTORIES, `${run}.json`);
}

async function executionsOf(temporal: Client): Promise<Map<string, RunEvidence['executions']>> {
  const query = `WorkflowType = '${WORKFLOW_TYPE}' AND ExecutionStatus != 'ContinuedAsNew'`;
  return surely(async () => {
    const byId = new Map<string, RunEvidence['executions']>();
    for await (const { workflowId, runId, status } of temporal.workflow.list({ query, pageSize: 1000 })) {
      byId.set(workflowId, [...(byId.get(workflowId) ?? []), { runId, status: status.name }]);
    }
    return byId;
  });
}

async function runEvidence(machine: Machine, name: string, executions: RunEvidence['executions']) {
  const places = new Map<string, Buffer>();
  if (executions.length === 0) return { evidence: {}, places };
  const decoded = await surely(async () => decodedHistory(await machine.history(name)));
  const text = JSON.stringify(decoded);
  await writeFile(historyFile(machine.directory, name), text);
  places.set(`history of ${name}`, Buffer.from(text));
  const ending = endingOf(decoded);
  if ('result' in ending) return { evidence: ending, places };
  const status = await statusOf(machine.audiences, name);
  places.set(`status of ${name}`, Buffer.from(JSON.stringify(status ?? null)));
  return { evidence: { ...ending, ...(status === undefined ? {} : { status }) }, places };
}

/** What the last event of a history says. */
function endingOf(history: unknown): { result: ProvisioningResult } | { failure?: ProvisioningFailure } {
  const last = (history as { events: HistoryEvent[] }).events.at(-1);
  const result = last?.workflowExecutionCompletedEventAttributes?.result?.payloads[0];
  if (result !== undefined) return { result };
  const failure = last?.workflowExecutionFailedEventAttributes?.failure?.applicationFailureInfo?.details?.payloads[0];
  return failure === undefined ? {} : { failure };
}

/** The little that is looked at of an event. */
interface HistoryEvent {
  workflowExecutionCompletedEventAttributes?: { result?: { payloads: ProvisioningResult[] } };
  workflowExecutionFailedEventAttributes?: {
    failure?: { applicationFailureInfo?: { details?: { payloads: ProvisioningFailure[] } } };
  };
}

async function statusOf(audiences: AudienceClient, name: string): Promise<RunEvidence['status']> {
  for (let tried = 0; tried < STATUS_TRIES; tried += 1) {
    const { status } = await surely(() => audiences.status(name));
    if (status !== undefined) return status;
  }
  return undefined;
}

function search(secrets: ReadonlyMap<string, string>, places: ReadonlyMap<string, Buffer>): Evidence['secrets'] {
  return [...secrets].flatMap(([secret, text]) => findings(text, places).map((place) => ({ secret, place })));
}
