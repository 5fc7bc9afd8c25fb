/** Syncs: rows of a model written to a target object, on a schedule. */
import { bool, data, object } from './answer-shape.ts';
import { type Execution, execution, type SyncStatus, syncStatus } from './executions.ts';
import { allPages, page } from './pages.ts';
import { type Sync, type SyncBody, type SyncMode, sync } from './sync-shape.ts';
import type { CallOptions, CreateOptions, Transport } from './transport.ts';

export type { Sync, SyncBody, SyncMode };

/** Which syncs to list; all of them by default. */
export interface SyncFilter {
  active?: boolean | undefined;
  mode?: SyncMode | undefined;
  target_connection_id?: string | undefined;
}

/** How to start an execution. */
export interface ExecutionBody {
  /** Sync all rows again, also those that have not changed. */
  resync?: boolean;
  test?: boolean;
  /** Only the rows with these identities. */
  identities?: string[];
}

/** The calls about syncs and their executions. */
export class Syncs {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** All that match, newest first, over all pages. */
  list({ signal, active, mode, target_connection_id }: CallOptions & SyncFilter = {}): Promise<Sync[]> {
    return allPages('GET /api/syncs', (page_token) => {
      const query = { active, mode, target_connection_id, page_token };
      return this.#transport.call({ method: 'GET', path: ['syncs'], query, signal }, page(sync));
    });
  }

  get(id: string, { signal }: CallOptions = {}): Promise<Sync> {
    return this.#transport.call({ method: 'GET', path: ['syncs', id], signal }, data(sync));
  }

  /** Creates one, and with `target.create` its audience. If it fails, that audience may be there all the same. */
  create(body: SyncBody, { idempotencyKey, signal }: CreateOptions): Promise<Sync> {
    return this.#transport.call({ method: 'POST', path: ['syncs'], body, idempotencyKey, signal }, data(sync));
  }

  /** Replaces the whole sync: what is left out of the body is cleared. */
  update(id: string, body: SyncBody, { signal }: CallOptions = {}): Promise<Sync> {
    return this.#transport.call({ method: 'PUT', path: ['syncs', id], body, signal }, data(sync));
  }

  /** Deletes one; a running execution is cancelled first. */
  delete(id: string, { signal }: CallOptions = {}): Promise<void> {
    return this.#transport.tell({ method: 'DELETE', path: ['syncs', id], signal });
  }

  /** Switches its schedule on or off; returns which it is now. */
  activate(id: string, active: boolean, { signal }: CallOptions = {}): Promise<{ active: boolean }> {
    const decode = data(object<{ active: boolean }>({ active: bool }, {}));
    return this.#transport.call({ method: 'POST', path: ['syncs', id, 'activate'], body: { active }, signal }, decode);
  }

  /** Starts an execution. A 409 may mean that one is running: {@link status} has it as `current_execution`. */
  startExecution(id: string, body: ExecutionBody, { idempotencyKey, signal }: CreateOptions): Promise<Execution> {
    const path = ['syncs', id, 'executions'];
    return this.#transport.call({ method: 'POST', path, body, idempotencyKey, signal }, data(execution));
  }

  getExecution(id: string, executionId: string, { signal }: CallOptions = {}): Promise<Execution> {
    return this.#transport.call(
      { method: 'GET', path: ['syncs', id, 'executions', executionId], signal },
      data(execution),
    );
  }

  /** The newest ones, a page of them: a continuous sync has thousands. */
  async listExecutions(id: string, { signal }: CallOptions = {}): Promise<Execution[]> {
    const path = ['syncs', id, 'executions'];
    return (await this.#transport.call({ method: 'GET', path, signal }, page(execution))).data;
  }

  status(id: string, { signal }: CallOptions = {}): Promise<SyncStatus> {
    return this.#transport.call({ method: 'GET', path: ['syncs', id, 'status'], signal }, data(syncStatus));
  }

  /** Asks for the running execution to be cancelled, and does not wait for it. */
  cancel(id: string, { signal }: CallOptions = {}): Promise<void> {
    return this.#transport.tell({ method: 'POST', path: ['syncs', id, 'cancel'], signal });
  }
}
