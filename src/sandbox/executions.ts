/** `/api/syncs/{id}/executions`, `status` and `cancel`. */
import type { Answer, Call, Route } from './api-call.ts';
import type { ExecutionDocument } from './documents.ts';
import { hasEnded, newExecution, runningExecution } from './execution-records.ts';
import { conflict, notFound, unprocessable } from './failure.ts';
import { page } from './paging.ts';
import type { Reader } from './store.ts';
import { syncOf } from './sync-records.ts';
import type { World } from './world.ts';

export function executionRoutes(world: World): Route[] {
  const { store } = world;
  return [
    { method: 'POST', path: '/api/syncs/:id/executions', handle: (call) => startExecution(world, call) },
    {
      method: 'GET',
      path: '/api/syncs/:id/executions',
      handle: ({ params, query }) => {
        const { id } = syncOf(store, params['id'] ?? '');
        const onlyCompleted = query.get('only_completed') === 'true';
        const executions = executionsOf(store, id).filter(({ status }) => !onlyCompleted || status === 'completed');
        return page(executions, query, shown, {
          size: world.settings.pageSize,
          ascending: query.get('ascending') === 'true',
        });
      },
    },
    {
      method: 'GET',
      path: '/api/syncs/:id/executions/:execution',
      handle: ({ params }) => {
        const { id } = syncOf(store, params['id'] ?? '');
        const execution = store.get('execution', params['execution'] ?? '');
        if (execution === undefined || execution.sync_id !== id)
          throw notFound(`execution ${params['execution']} of sync ${id}`);
        return { status: 200, body: { data: shown(execution) } };
      },
    },
    {
      method: 'GET',
      path: '/api/syncs/:id/status',
      handle: ({ params }) => {
        const { id } = syncOf(store, params['id'] ?? '');
        const current = runningExecution(store, id);
        const last = executionsOf(store, id)
          .filter(hasEnded)
          .reduce<ExecutionDocument | undefined>(
            (a, b) => (a === undefined || b.sequence > a.sequence ? b : a),
            undefined,
          );
        return {
          status: 200,
          body: {
            data: {
              ...(current === undefined ? {} : { current_execution: shown(current) }),
              ...(last === undefined ? {} : { last_execution: shown(last) }),
            },
          },
        };
      },
    },
    { method: 'POST', path: '/api/syncs/:id/cancel', handle: cancel },
  ];
}

async function startExecution(world: World, call: Call): Promise<Answer> {
  const { id: syncId } = syncOf(world.store, call.params['id'] ?? '');
  const body = call.body();
  const test = body.optionalBoolean('test') ?? false;
  const identities = body.optionalTexts('identities');
  body.optionalBoolean('resync');
  const answer = await call.commit((transaction) => {
    const sync = syncOf(transaction, syncId);
    if (identities !== undefined && sync.identity === undefined) {
      throw unprocessable('identities: the sync has no identity to pick rows by', { field: 'identities' });
    }
    const current = runningExecution(transaction, sync.id);
    if (current !== undefined) {
      throw conflict(`the sync is running already: execution ${current.id}`, { execution_id: current.id });
    }
    const { id, status, created_at } = newExecution(transaction, sync.id, 'call', {
      test,
      ...(identities === undefined ? {} : { identities }),
    });
    return { status: 200, body: { data: { id, status, created_at } } };
  });
  world.executions.wake(world);
  return answer;
}

/** Asks what runs to stop. Asynchronous: the execution is `canceling` until its runner sees it. */
function cancel(call: Call): Promise<Answer> {
  return call.commit((transaction) => {
    const { id } = syncOf(transaction, call.params['id'] ?? '');
    const current = runningExecution(transaction, id);
    if (current !== undefined) transaction.put('execution', { ...current, status: 'canceling' });
    const message = current === undefined ? 'nothing was running' : `execution ${current.id} is being canceled`;
    return { status: 200, body: { data: { message } } };
  });
}

function executionsOf(reader: Reader, syncId: string): ExecutionDocument[] {
  return reader.all('execution').filter((each) => each.sync_id === syncId);
}

function shown(execution: ExecutionDocument): Record<string, unknown> {
  const { id, status, created_at, started_at, completed_at, counts, errors } = execution;
  return {
    id,
    status,
    type: 'model',
    created_at,
    ...(started_at === undefined ? {} : { started_at }),
    ...(completed_at === undefined ? {} : { completed_at }),
    ...(counts === undefined ? {} : { counts }),
    ...(errors === undefined ? {} : { errors }),
  };
}
