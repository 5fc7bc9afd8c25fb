/** What a person does about a step that is blocked although nobody planned it: looks at Polytomic, takes what is this run's, or retries. */
import type { AudienceClient, StepStatus } from '../src/client.ts';
import type { PolytomicClient } from '../src/polytomic/client.ts';
import { ApiError } from '../src/polytomic/errors.ts';
import type { ProvisioningRequest, SyncRequest } from '../src/request/schema.ts';
import { STEP } from '../src/workflows/progress.ts';
import type { Deeds, Mending } from './deeds.ts';
import type { Script } from './script.ts';
import { surely } from './surely.ts';

/** What a person needs for it. */
export interface Hands {
  audiences: AudienceClient;
  polytomic: PolytomicClient;
}

/** How a step is tried again. */
interface Remedy {
  how: Mending['how'];
  change?: unknown;
}

/** Lets the blocked step go on. */
export async function mend(hands: Hands, script: Script, deeds: Deeds, step: StepStatus): Promise<void> {
  const { failure } = step;
  const { how, change } = await remedyFor(hands, script, deeds, step);
  const retry = { step: step.id, ...(change === undefined ? {} : { change }) };
  await surely(() => hands.audiences.retryStep(script.name, retry));
  if (step.id.startsWith('first execution ')) deeds.again.push(step.id);
  deeds.mendings.push({ step: step.id, code: failure?.type ?? '', how, message: failure?.message ?? '' });
}

async function remedyFor(hands: Hands, script: Script, deeds: Deeds, { id, failure }: StepStatus): Promise<Remedy> {
  const { polytomic } = hands;
  const { wanted, request } = script;
  const open = ['Unclear', 'NameTaken', 'Ambiguous'].includes(failure?.type ?? '');
  if (!open) return { how: 'retried' };
  if (id === STEP.snowflakeConnection || id === STEP.linkedinConnection) {
    const { name } = id === STEP.snowflakeConnection ? wanted.snowflake : wanted.linkedin;
    const found = (await surely(() => polytomic.connections.list())).find((one) => one.name === name);
    if (found === undefined) return { how: 'retried' };
    deeds.adopted.push(found.id);
    return {
      how: 'took',
      change: { use: found.id, ...(id === STEP.linkedinConnection ? { reconnect: 'allowed' } : {}) },
    };
  }
  const key = Object.keys(wanted.models).find((one) => STEP.model(one) === id);
  if (key !== undefined) {
    const found = (await surely(() => polytomic.models.list())).find(({ name }) => name === wanted.models[key]?.name);
    if (found === undefined) return { how: 'retried' };
    deeds.adopted.push(found.id);
    return { how: 'took', change: { use: found.id } };
  }
  const sync = request.syncs.find(({ name }) => STEP.sync(name) === id);
  return sync === undefined ? { how: 'retried' } : clearSync(hands, script, deeds, sync);
}

/** A run cannot be told to use a sync: the person deletes it, and has it made anew into the audience that is there. */
async function clearSync({ polytomic }: Hands, { wanted }: Script, deeds: Deeds, sync: SyncRequest): Promise<Remedy> {
  for (const { id, name } of await surely(() => polytomic.syncs.list({}))) {
    if (name !== sync.name) continue;
    await surely(() => polytomic.syncs.delete(id)).catch((error: unknown) => {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    });
    deeds.cleared.push({ kind: 'sync', name, id });
  }
  const linkedin = (await surely(() => polytomic.connections.list())).find(({ name }) => name === wanted.linkedin.name);
  const audience = wanted.syncs.find(({ name }) => name === sync.name)?.audience;
  if (linkedin === undefined || audience === undefined) return { how: 'retried' };
  if ('id' in audience) return { how: 'cleared', change: withAudience(sync, audience.id) };
  const { data } = await surely(() => polytomic.targets.list(linkedin.id));
  const there = data.find(({ name }) => name === audience.name);
  if (there === undefined) return { how: 'cleared' };
  deeds.adopted.push(there.id);
  return { how: 'cleared', change: withAudience(sync, there.id) };
}

function withAudience(sync: SyncRequest, id: string): ProvisioningRequest['syncs'][number] {
  return { ...sync, audience: { existing: id } };
}
