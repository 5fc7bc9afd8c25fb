/** `/api/syncs` */
import { randomUUID } from 'node:crypto';
import type { Answer, Call, Route } from './api-call.ts';
import { Fields, type JsonObject } from './body.ts';
import type { SyncDocument } from './documents.ts';
import { newExecution, runningExecution } from './execution-records.ts';
import { badRequest, CallFailure, failureBody, unprocessable } from './failure.ts';
import { createAudience } from './linkedin.ts';
import { page } from './paging.ts';
import { redacted } from './redaction.ts';
import type { Reader, Transaction } from './store.ts';
import { deleteSync, syncOf } from './sync-records.ts';
import { type CheckedSync, checkSync } from './sync-rules.ts';
import { ACTOR, ORGANIZATION_ID, type World } from './world.ts';

/** The fields of a body that a sync's answer echoes. Others are not part of a sync. */
const ECHOED = [
  'name',
  'mode',
  'identity',
  'fields',
  'override_fields',
  'overrides',
  'filters',
  'filter_logic',
  'schedule',
  'policies',
  'only_enrich_updates',
  'skip_initial_backfill',
  'encryption_passphrase',
];

export function syncRoutes(world: World): Route[] {
  const { store, settings } = world;
  return [
    {
      method: 'GET',
      path: '/api/syncs',
      handle: ({ query }) => page(listed(store, query), query, shown, { size: settings.pageSize }),
    },
    { method: 'POST', path: '/api/syncs', handle: (call) => createSync(world, call) },
    {
      method: 'GET',
      path: '/api/syncs/:id',
      handle: ({ params }) => ({ status: 200, body: { data: shown(syncOf(store, params['id'] ?? '')) } }),
    },
    { method: 'PUT', path: '/api/syncs/:id', handle: (call) => replaceSync(world, call) },
    {
      method: 'DELETE',
      path: '/api/syncs/:id',
      handle: (call) =>
        call.commit((transaction) => {
          deleteSync(transaction, syncOf(transaction, call.params['id'] ?? '').id);
          return { status: 204 };
        }),
    },
    { method: 'POST', path: '/api/syncs/:id/activate', handle: (call) => activateSync(world, call) },
  ];
}

function listed(reader: Reader, query: URLSearchParams): SyncDocument[] {
  const active = query.get('active');
  const mode = query.get('mode');
  const connection = query.get('target_connection_id');
  if (active !== null && active !== 'true' && active !== 'false')
    throw badRequest('the query parameter "active" must be true or false');
  return reader
    .all('sync')
    .filter((sync) => active === null || sync.active === (active === 'true'))
    .filter((sync) => mode === null || sync.mode === mode)
    .filter((sync) => connection === null || sync.target.connection_id === connection);
}

async function createSync(world: World, call: Call): Promise<Answer> {
  const body = call.body();
  const id = randomUUID();
  const answer = await call.commit((transaction) => {
    const checked = checkSync(transaction, body);
    if (call.partly && 'create' in checked.audience) {
      createAudience(transaction, checked.audience.create);
      const failure = new CallFailure(500, 'sandbox_fault', 'the audience was created, the sync was not');
      return { status: failure.status, body: failureBody(failure) };
    }
    const now = new Date().toISOString();
    const times = { created_at: now, updated_at: now };
    const sync = build(transaction, checked, body.whole, { id, sequence: transaction.nextSequence(), ...times });
    transaction.put('sync', sync);
    if (sync.active && sync.continuous) newExecution(transaction, sync.id, 'schedule');
    return { status: 200, body: { data: shown(sync) } };
  });
  world.executions.wake(world);
  return answer;
}

async function replaceSync(world: World, call: Call): Promise<Answer> {
  const { id } = syncOf(world.store, call.params['id'] ?? '');
  const body = call.body();
  const answer = await call.commit((transaction) => {
    const { sequence, created_at, ...before } = syncOf(transaction, id);
    const times = { id, sequence, created_at, updated_at: new Date().toISOString() };
    const sync = build(transaction, checkSync(transaction, body), body.whole, times);
    transaction.put('sync', sync);
    startIfDue(transaction, sync, before.active && before.continuous);
    return { status: 200, body: { data: shown(sync) } };
  });
  world.executions.wake(world);
  return answer;
}

async function activateSync(world: World, call: Call): Promise<Answer> {
  const { id } = syncOf(world.store, call.params['id'] ?? '');
  const active = call.body().optionalBoolean('active');
  if (active === undefined) throw unprocessable('active is required: true or false', { field: 'active' });
  const answer = await call.commit((transaction) => {
    const before = syncOf(transaction, id);
    const sync = { ...before, active, updated_at: new Date().toISOString() };
    transaction.put('sync', sync);
    startIfDue(transaction, sync, before.active && before.continuous);
    return { status: 200, body: { data: { id: sync.id, active } } };
  });
  world.executions.wake(world);
  return answer;
}

/** A continuous sync runs once as soon as it becomes active. */
function startIfDue(transaction: Transaction, sync: SyncDocument, ranBefore: boolean): void {
  if (!sync.active || !sync.continuous || ranBefore) return;
  if (runningExecution(transaction, sync.id) === undefined) newExecution(transaction, sync.id, 'schedule');
}

/** The document of a checked sync; makes the audience if one was asked for. */
function build(
  transaction: Transaction,
  checked: CheckedSync,
  sent: JsonObject,
  origin: Pick<SyncDocument, 'id' | 'sequence' | 'created_at' | 'updated_at'>,
): SyncDocument {
  const { connection_id, audience, identity, ...rest } = checked;
  const object = 'object' in audience ? audience.object : createAudience(transaction, audience.create).id;
  const { create: _made, ...target } = new Fields(sent).object('target');
  const echoed = Object.fromEntries(ECHOED.filter((name) => sent[name] != null).map((name) => [name, sent[name]]));
  return {
    ...origin,
    ...rest,
    ...(identity === undefined ? {} : { identity }),
    target: { connection_id, object },
    echoed: { ...echoed, target: { ...target, object } },
  };
}

function shown(sync: SyncDocument): Record<string, unknown> {
  const { id, echoed, active, sync_all_records, model_id, created_at, updated_at } = sync;
  return {
    id,
    organization_id: ORGANIZATION_ID,
    ...(redacted(echoed) as JsonObject),
    active,
    sync_all_records,
    model_ids: [model_id],
    created_at,
    created_by: ACTOR,
    updated_at,
    updated_by: ACTOR,
  };
}
