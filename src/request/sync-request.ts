/** What follows from a sync as it is written. Apart from its schema: a worker's main thread needs no zod. */
import type { FieldMapping, SyncRequest } from './sync-schema.ts';

/** Which audiences a sync can write to, after the word `audience` in a message. */
export function supporting({ mode }: Pick<SyncRequest, 'mode'>): string {
  return `that supports mode “${mode}”`;
}

/** The fields of a sync as a list, however they were written. */
export function mappingsOf(sync: Pick<SyncRequest, 'fields'>): FieldMapping[] {
  if (Array.isArray(sync.fields)) return sync.fields;
  return Object.entries(sync.fields).map(([from, to]) => (typeof to === 'string' ? { from, to } : { from, ...to }));
}

/** The columns that a sync needs its model to have; each once. */
export function columnsOf(sync: SyncRequest): string[] {
  const columns = [
    sync.identity?.from,
    ...[...mappingsOf(sync), ...(sync.overrideFields ?? [])].map(({ from }) => from),
    ...(sync.filters ?? []).map((one) => ('from' in one ? one.from : undefined)),
    ...(sync.overrides ?? []).map(({ from }) => from),
  ];
  return [...new Set(columns.filter((name) => name !== undefined))];
}
