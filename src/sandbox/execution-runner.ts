/**
 * Carries out executions, one status after the other. Each status is on record before the next; members and the end of an
 * execution are one transaction. So one that a stop interrupted is simply taken up again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fillAudience } from './audience-filling.ts';
import { connectionFault } from './connection-rules.ts';
import type { ExecutionDocument, ExecutionStatus } from './documents.ts';
import { hasEnded } from './execution-records.ts';
import { fieldsOf } from './linkedin.ts';
import { QueryError } from './query-engine.ts';
import type { Reader } from './store.ts';
import { findAudience } from './targets.ts';
import type { World } from './world.ts';

/** The most rows that a model may return to a sync. */
const MAX_ROWS = 100_000;

/** How long a model's query may take in an execution, in ms. */
const QUERY_LIMIT_MS = 60_000;

/** What makes a whole execution fail. */
class ExecutionFailure extends Error {}

export class ExecutionRunner {
  readonly #running = new Map<string, Promise<void>>();

  /** Takes up all executions that have not ended and that nobody carries out yet. */
  wake(world: World): void {
    for (const execution of world.store.all('execution')) {
      const { id } = execution;
      if (hasEnded(execution) || this.#running.has(id)) continue;
      const run = carryOut(world, id)
        .catch((error: unknown) => {
          // The sandbox's own stop, or its state that cannot be written: the next start takes the execution up again.
          if (!world.stopping.aborted) world.settings.log(`execution ${id} stopped: ${String(error)}`);
        })
        .finally(() => this.#running.delete(id));
      this.#running.set(id, run);
    }
  }

  /** Waits for what runs to stop, after the world was told to. */
  async settled(): Promise<void> {
    await Promise.all(this.#running.values());
  }
}

async function carryOut(world: World, id: string): Promise<void> {
  const { executionPaceMs } = world.settings;
  const pace = () => sleep(executionPaceMs, undefined, { signal: world.stopping });
  await pace();
  if (!(await advance(world, id, 'queued'))) return;
  await pace();
  if (!(await advance(world, id, 'running', { started_at: new Date().toISOString() }))) return;
  const result = await readRows(world, id);
  await pace();
  if (!(await advance(world, id, 'processing'))) return;
  await pace();
  await finish(world, id, result);
}

/** Moves an execution on. `false` when it was canceled, which this then carries out, or is gone. */
function advance(
  world: World,
  id: string,
  status: ExecutionStatus,
  facts: Partial<ExecutionDocument> = {},
): Promise<boolean> {
  return world.store.transaction((transaction) => {
    const execution = transaction.get('execution', id);
    if (execution === undefined) return false;
    const canceled = execution.status === 'canceling';
    transaction.put('execution', {
      ...execution,
      ...(canceled ? { status: 'canceled', completed_at: new Date().toISOString() } : { ...facts, status }),
    });
    return !canceled;
  });
}

type Rows = Array<Record<string, unknown>> | ExecutionFailure;

async function readRows(world: World, id: string): Promise<Rows> {
  try {
    const { model } = parts(world, world.store, id);
    const { rows, more } = await world.queries.run(model.configuration.query, {
      maxRows: MAX_ROWS,
      timeoutMs: QUERY_LIMIT_MS,
    });
    return more ? new ExecutionFailure(`the model returns more than ${MAX_ROWS} rows`) : rows;
  } catch (error) {
    if (world.stopping.aborted) throw error;
    if (error instanceof ExecutionFailure) return error;
    if (error instanceof QueryError) return new ExecutionFailure(`the model's query failed: ${error.message}`);
    throw error;
  }
}

/** Fills the audience and ends the execution, in one transaction. */
function finish(world: World, id: string, rows: Rows): Promise<void> {
  return world.store.transaction((transaction) => {
    const execution = transaction.get('execution', id);
    if (execution === undefined) return;
    const completed_at = new Date().toISOString();
    const end = (facts: Partial<ExecutionDocument>) =>
      transaction.put('execution', { ...execution, ...facts, completed_at });
    if (execution.status === 'canceling') {
      end({ status: 'canceled' });
      return;
    }
    try {
      if (rows instanceof ExecutionFailure) throw rows;
      const { sync, audience, members } = parts(world, transaction, id);
      const { identities, test } = execution;
      const filled = fillAudience({
        sync,
        fields: fieldsOf(audience.type),
        rows,
        members: members.members,
        ...(identities === undefined ? {} : { identities }),
      });
      if (!test) transaction.put('members', { ...members, members: filled.members });
      end({
        status: 'completed',
        counts: filled.counts,
        ...(filled.errors.length === 0 ? {} : { errors: filled.errors }),
      });
    } catch (error) {
      if (!(error instanceof ExecutionFailure)) throw error;
      end({ status: 'failed', errors: [error.message] });
    }
  });
}

/** All that an execution works on. Throws an {@link ExecutionFailure} when something of it is gone or out of reach. */
function parts(world: World, reader: Reader, executionId: string) {
  const sync = reader.get('sync', reader.get('execution', executionId)?.sync_id ?? '');
  if (sync === undefined) throw new ExecutionFailure('the sync was deleted');
  const model = reader.get('model', sync.model_id);
  if (model === undefined) throw new ExecutionFailure(`model ${sync.model_id} was deleted`);
  for (const id of [model.connection_id, sync.target.connection_id]) {
    const connection = reader.get('connection', id);
    const fault =
      connection === undefined
        ? `connection ${id} was deleted`
        : connectionFault(connection, world.settings.snowflakePassword);
    if (fault !== undefined) throw new ExecutionFailure(fault);
  }
  const target = reader.get('connection', sync.target.connection_id);
  const audience = target === undefined ? undefined : findAudience(reader, target, sync.target.object);
  const members = reader.get('members', sync.target.object);
  if (audience === undefined || members === undefined) {
    throw new ExecutionFailure(`target object ${sync.target.object} is in no account enabled on the connection`);
  }
  return { sync, model, audience, members };
}
