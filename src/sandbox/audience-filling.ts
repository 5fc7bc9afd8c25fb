/** What an execution does to an audience: rows of a model in, members out, everything counted. Pure. */
import type { ExecutionCounts, SyncDocument } from './documents.ts';
import type { AudienceField } from './linkedin.ts';
import { identityKey } from './member-matching.ts';

/** A member of an audience: field id to value. */
export type Member = Record<string, string>;

/** How many rows with an error are reported one by one. */
const REPORTED_ERRORS = 20;

export interface Filling {
  sync: Pick<SyncDocument, 'mode' | 'mappings' | 'identity'>;
  fields: AudienceField[];
  rows: Array<Record<string, unknown>>;
  members: Member[];
  /** Only rows with these identity values; all when left out. */
  identities?: string[];
}

/** The members after the rows were synced, and what was done. `members` is not changed. */
export function fillAudience({ sync, fields, rows, members, identities }: Filling): {
  members: Member[];
  counts: ExecutionCounts;
  errors: string[];
} {
  const { mode } = sync;
  const counts: ExecutionCounts = { total: 0, insert: 0, update: 0, upserts: 0, delete: 0, error: 0, warnings: 0 };
  const errors: string[] = [];
  const keyOf = keyFunction(sync);
  const required = fields.filter((field) => field.required).map(({ id }) => id);
  const wanted = identities === undefined ? undefined : new Set(identities);

  /** The audience as it becomes. Appended members may share a key, so they get one of their own. */
  const result = new Map<string, Member>();
  for (const [index, member] of members.entries()) {
    const key = keyOf(member) ?? `unkeyed ${index}`;
    result.set(result.has(key) ? `double ${index} ${key}` : key, member);
  }
  const before = new Map(result);
  if (mode === 'replace') {
    counts.delete = result.size;
    result.clear();
  }

  const seen = new Set<string>();
  for (const [index, row] of rows.entries()) {
    const record = recordOf(row, sync);
    const identity = sync.identity === undefined ? undefined : record[sync.identity.target];
    if (wanted !== undefined && (identity === undefined || !wanted.has(identity))) continue;
    counts.total += 1;
    const key = keyOf(record);
    const missing =
      key === undefined ? sync.identity?.target : required.find((id) => needsAll(mode) && record[id] === undefined);
    if (key === undefined || missing !== undefined) {
      counts.error += 1;
      if (errors.length < REPORTED_ERRORS) errors.push(`row ${index + 1}: no value for field "${missing ?? ''}"`);
      continue;
    }
    seen.add(key);
    const present = result.get(key);
    if (mode === 'remove') {
      if (result.delete(key)) counts.delete += 1;
    } else if (mode === 'append') {
      result.set(`appended ${members.length + index} ${key}`, record);
      counts.insert += 1;
    } else if (present === undefined) {
      if (mode === 'update') continue;
      result.set(key, record);
      counts.insert += 1;
    } else if (mode !== 'create' && changes(present, record)) {
      result.set(key, { ...present, ...record });
      counts.update += 1;
    }
  }

  if (mode === 'snapshot') {
    for (const key of before.keys()) {
      if (seen.has(key)) continue;
      result.delete(key);
      counts.delete += 1;
    }
  }
  if (mode === 'updateOrCreate') counts.upserts = counts.insert + counts.update;
  return { members: [...result.values()], counts, errors };
}

/** Whether a row must have a value for every required field; else its identity is enough. */
function needsAll(mode: SyncDocument['mode']): boolean {
  return mode !== 'remove' && mode !== 'update';
}

function changes(present: Member, record: Member): boolean {
  return Object.entries(record).some(([field, value]) => present[field] !== value);
}

function recordOf(row: Record<string, unknown>, { mappings, identity }: Filling['sync']): Member {
  const record: Member = {};
  const set = (target: string, value: unknown) => {
    if (value === null || value === undefined || value === '') return;
    record[target] = typeof value === 'string' ? value : JSON.stringify(value);
  };
  if (identity !== undefined) set(identity.target, row[identity.column]);
  for (const { target, column, override } of mappings)
    set(target, override ?? (column === undefined ? undefined : row[column]));
  return record;
}

/** The key by which a row and a member are the same: the identity's, or without one all mapped values together. */
function keyFunction({ identity, mappings }: Filling['sync']): (record: Member) => string | undefined {
  if (identity === undefined) {
    const targets = mappings.map(({ target }) => target);
    return (record) => JSON.stringify(targets.map((target) => record[target] ?? null));
  }
  return (record) => {
    const value = record[identity.target];
    return value === undefined ? undefined : identityKey(identity.function, value);
  };
}
