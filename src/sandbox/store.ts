/**
 * The state of the sandbox: documents in memory, and the same in a DuckDB file. Every change is one transaction that is in
 * the file before anybody is answered, so that the process can be killed at any moment.
 */
import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance, listValue } from '@duckdb/node-api';
import type { Documents, Kind } from './documents.ts';
import { effectOf } from './effects.ts';
import { messageOf } from './failure.ts';

/** Reading; what a transaction has changed but not committed is seen only through the transaction. */
export interface Reader {
  get<K extends Kind>(kind: K, id: string): Documents[K] | undefined;
  /** All documents of a kind, in no promised order. */
  all<K extends Kind>(kind: K): Array<Documents[K]>;
}

/** Changes that are committed together, or not at all. A document is replaced as a whole and never changed in place. */
export interface Transaction extends Reader {
  put<K extends Kind>(kind: K, document: Documents[K]): void;
  delete(kind: Kind, id: string): void;
  /** A number above all that were ever given out to what is still there; orders documents by when they were made. */
  nextSequence(): number;
}

interface AnyDocument {
  id: string;
  sequence: number;
}

/** A document as it becomes; `undefined` is deleted. */
interface Change {
  kind: Kind;
  id: string;
  document: AnyDocument | undefined;
}

/** DuckDB locks its file against other processes, but not against this one: two sandboxes in one test would corrupt each other. */
const openHere = new Set<string>();

export class Store implements Reader {
  readonly #directory: string;
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #documents = new Map<Kind, Map<string, AnyDocument>>();
  #sequence = 0;
  /** Transactions run one after the other: each sees what the one before it did, and DuckDB's connection is never shared. */
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  private constructor(directory: string, instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#directory = directory;
    this.#instance = instance;
    this.#connection = connection;
  }

  /** Opens the state in `directory`, which is made if it is not there. Throws when another sandbox has it open. */
  static async open(directory: string): Promise<Store> {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const real = realpathSync(directory);
    const taken = `The state directory ${directory} is in use by another sandbox: stop that one, or choose another directory.`;
    if (openHere.has(real)) throw new Error(taken);
    openHere.add(real);
    try {
      const instance = await DuckDBInstance.create(join(real, 'sandbox.duckdb'), { threads: '1' });
      const store = new Store(real, instance, await instance.connect());
      await store.#load();
      return store;
    } catch (error) {
      openHere.delete(real);
      const message = messageOf(error);
      if (/lock on file/i.test(message)) throw new Error(taken, { cause: error });
      throw new Error(`The state in ${directory} cannot be opened: ${message}`, { cause: error });
    }
  }

  get<K extends Kind>(kind: K, id: string): Documents[K] | undefined {
    return this.#documents.get(kind)?.get(id) as Documents[K] | undefined;
  }

  all<K extends Kind>(kind: K): Array<Documents[K]> {
    return [...(this.#documents.get(kind)?.values() ?? [])] as Array<Documents[K]>;
  }

  /**
   * Runs `work` and commits what it put and deleted, and in the same transaction the journal of it. `work` is synchronous, so
   * nothing can change between what it checks and what it writes. If it throws, nothing is changed.
   */
  transaction<T>(work: (transaction: Transaction) => T): Promise<T> {
    return this.#enqueue(() => this.#run(work, true));
  }

  /** The same for what was there before anybody made anything: it is in no journal. */
  seed(work: (transaction: Transaction) => void): Promise<void> {
    return this.#enqueue(() => this.#run(work, false));
  }

  /** Forgets everything, the journal too, and seeds. */
  reset(work: (transaction: Transaction) => void): Promise<void> {
    return this.#enqueue(() =>
      this.#run((transaction) => {
        for (const [kind, ofKind] of this.#documents) for (const id of ofKind.keys()) transaction.delete(kind, id);
        work(transaction);
      }, false),
    );
  }

  #enqueue<T>(run: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new Error('The sandbox is stopping: its state is closed.'));
    const result = this.#last.then(run);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Waits for the transactions that are under way and closes the file. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    this.#connection.closeSync();
    this.#instance.closeSync();
    openHere.delete(this.#directory);
  }

  async #run<T>(work: (transaction: Transaction) => T, journal: boolean): Promise<T> {
    const changes = new Map<string, Change>();
    const transaction = this.#transactionOver(changes);
    const result = work(transaction);
    if (changes.size > 0) {
      if (journal) this.#journal([...changes.values()], transaction);
      await this.#write([...changes.values()]);
      for (const { kind, id, document } of changes.values()) {
        if (document === undefined) this.#documents.get(kind)?.delete(id);
        else this.#keep(kind, document);
      }
    }
    return result;
  }

  /** Puts what these changes made and deleted. The journal counts by itself: it only grows. */
  #journal(changes: Change[], transaction: Transaction): void {
    let sequence = this.#documents.get('effect')?.size ?? 0;
    for (const { kind, id, document } of changes) {
      const effect = effectOf({ kind, id, before: this.get(kind, id), after: document }, [transaction, this]);
      if (effect !== undefined) transaction.put('effect', { ...effect, sequence: ++sequence });
    }
  }

  #transactionOver(changes: Map<string, Change>): Transaction {
    const keyOf = (kind: Kind, id: string) => `${kind}/${id}`;
    return {
      get: <K extends Kind>(kind: K, id: string) => {
        const change = changes.get(keyOf(kind, id));
        return (change === undefined ? this.get(kind, id) : change.document) as Documents[K] | undefined;
      },
      all: <K extends Kind>(kind: K) => {
        const merged = new Map<string, AnyDocument>(this.#documents.get(kind));
        for (const change of changes.values()) {
          if (change.kind !== kind) continue;
          if (change.document === undefined) merged.delete(change.id);
          else merged.set(change.id, change.document);
        }
        return [...merged.values()] as Array<Documents[K]>;
      },
      put: (kind, document) => {
        changes.set(keyOf(kind, document.id), { kind, id: document.id, document });
      },
      delete: (kind, id) => {
        changes.set(keyOf(kind, id), { kind, id, document: undefined });
      },
      nextSequence: () => ++this.#sequence,
    };
  }

  async #write(changes: Change[]): Promise<void> {
    const connection = this.#connection;
    await connection.run('BEGIN');
    try {
      // One statement for all: each costs a millisecond, however many documents it is about.
      const [gone, there] = [changes.filter(isGone), changes.filter((change) => !isGone(change))];
      if (gone.length > 0) {
        await connection.run(
          'DELETE FROM documents WHERE (kind, id) IN (SELECT unnest($1), unnest($2))',
          texts(
            gone.map(({ kind }) => kind),
            gone.map(({ id }) => id),
          ),
        );
      }
      if (there.length > 0) {
        await connection.run(
          `INSERT INTO documents SELECT unnest($1), unnest($2), unnest($3)
           ON CONFLICT (kind, id) DO UPDATE SET json = excluded.json`,
          texts(
            there.map(({ kind }) => kind),
            there.map(({ id }) => id),
            there.map(({ document }) => JSON.stringify(document)),
          ),
        );
      }
      await connection.run('COMMIT');
    } catch (error) {
      // A failed commit has ended the transaction already; then there is nothing to roll back, and the first error counts.
      await connection.run('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  async #load(): Promise<void> {
    await this.#connection.run(
      'CREATE TABLE IF NOT EXISTS documents (kind VARCHAR, id VARCHAR, json VARCHAR, PRIMARY KEY (kind, id))',
    );
    const rows = await this.#connection.runAndReadAll('SELECT kind, json FROM documents');
    for (const [kind, json] of rows.getRowsJson()) this.#keep(kind as Kind, JSON.parse(String(json)));
  }

  #keep(kind: Kind, document: AnyDocument): void {
    const ofKind = this.#documents.get(kind) ?? new Map<string, AnyDocument>();
    this.#documents.set(kind, ofKind.set(document.id, document));
    if (kind !== 'effect') this.#sequence = Math.max(this.#sequence, document.sequence);
  }
}

function isGone({ document }: Change): boolean {
  return document === undefined;
}

/** Parameters that are lists of texts. */
function texts(...lists: string[][]) {
  return lists.map((list) => listValue(list));
}
