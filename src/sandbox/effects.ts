/**
 * The journal of effects: what was made and what was deleted, so that what was made twice is found even when it is gone again.
 * The store itself writes it, from what a transaction changes.
 */
import type { Documents, EffectDocument, Kind } from './documents.ts';
import type { Reader } from './store.ts';

/** What `document` was changed from and to; `undefined` is not there. */
export interface Change {
  kind: Kind;
  id: string;
  before: unknown;
  after: unknown;
}

/** What is told of each kind that is in the journal. */
const TOLD: {
  [K in EffectDocument['kind']]: (document: Documents[K], name: (syncId: string) => string) => Told;
} = {
  connection: ({ name }) => ({ name }),
  model: ({ name, connection_id }) => ({ name, parent: { connection: connection_id } }),
  audience: ({ name, account }) => ({ name, parent: { account } }),
  sync: ({ name, model_id, target }) => ({
    name,
    parent: { model: model_id, connection: target.connection_id, audience: target.object },
  }),
  execution: ({ sync_id, cause }, nameOf) => ({ name: nameOf(sync_id), parent: { sync: sync_id }, cause }),
};

type Told = Pick<EffectDocument, 'name' | 'parent' | 'cause'>;

/** The entry that a change makes in the journal; `undefined` for one that makes and deletes nothing of note. */
export function effectOf(change: Change, readers: readonly Reader[]): Omit<EffectDocument, 'sequence'> | undefined {
  const { kind, id, before, after } = change;
  if (!Object.hasOwn(TOLD, kind) || (before === undefined) === (after === undefined)) return undefined;
  const effect = after === undefined ? 'deleted' : 'created';
  const tell = TOLD[kind as EffectDocument['kind']] as (document: unknown, nameOf: (syncId: string) => string) => Told;
  // A sync that goes in the same transaction as its execution is still there before it.
  const nameOf = (syncId: string) => {
    for (const reader of readers) {
      const sync = reader.get('sync', syncId);
      if (sync !== undefined) return sync.name;
    }
    return '';
  };
  return {
    id: `${effect} ${id}`,
    at: new Date().toISOString(),
    effect,
    kind: kind as EffectDocument['kind'],
    of: id,
    ...tell(after ?? before, nameOf),
  };
}
