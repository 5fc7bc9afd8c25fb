/** Which thing a call is about, by name: ids are random, names are the same in every run. */
import type { JsonObject } from './body.ts';
import type { Reader } from './store.ts';

/** The name of the thing in the path, even if it was deleted; else the one in the body; else empty. */
export function subjectOf(
  reader: Reader,
  path: string,
  params: Readonly<Record<string, string | undefined>>,
  body: JsonObject,
): string {
  const { id } = params;
  if (id === undefined) return textOf(body['name']);
  if (path.startsWith('/api/jobs/')) return textOf(reader.get('job', id)?.request['name']);
  const thing = reader.get('connection', id) ?? reader.get('model', id) ?? reader.get('sync', id);
  return thing?.name ?? reader.get('effect', `deleted ${id}`)?.name ?? '';
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
