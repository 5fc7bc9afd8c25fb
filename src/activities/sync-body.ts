/** A sync of a request in the words of Polytomic's API. */
import { isDeepStrictEqual } from 'node:util';
import type { Sync, SyncBody, SyncField, SyncSchedule, SyncTarget } from '../polytomic/sync-shape.ts';
import type { FieldMapping, ScheduleSpec, SyncRequest } from '../request/schema.ts';
import { mappingsOf } from '../request/sync-request.ts';
import type { InspectedAudience } from './audiences.ts';

/** The ids that a sync refers to. */
export interface SyncReferences {
  modelId: string;
  /** Of the LinkedIn Ads connection. */
  connectionId: string;
  audience: InspectedAudience;
}

/** The body of `POST /api/syncs`, but for the passphrase and what `extra` adds. What was not asked for is not there. */
export function syncBody(sync: SyncRequest, { modelId, connectionId, audience }: SyncReferences): SyncBody {
  const source = (field: string) => ({ model_id: modelId, field });
  const { identity, filters, overrides, overrideFields } = sync;
  return {
    name: sync.name,
    mode: sync.mode,
    ...(identity === undefined
      ? {}
      : {
          identity: {
            source: source(identity.from),
            target: identity.to,
            function: identity.function,
            ...present({ new_field: identity.newField, remote_field_type_id: identity.remoteFieldTypeId }),
          },
        }),
    fields: mappingsOf(sync).map((mapping) => syncField(mapping, modelId)),
    ...(overrideFields === undefined
      ? {}
      : { override_fields: overrideFields.map((mapping) => syncField(mapping, modelId)) }),
    ...(overrides === undefined
      ? {}
      : { overrides: overrides.map(({ from, ...rest }) => ({ field: source(from), ...rest })) }),
    ...(filters === undefined
      ? {}
      : {
          filters: filters.map((filter) => {
            if ('to' in filter) {
              const { to, ...rest } = filter;
              return { field_type: 'Target', field_id: to, ...rest };
            }
            const { from, ...rest } = filter;
            return { field_type: 'Model', field: source(from), ...rest };
          }),
        }),
    schedule: schedule(sync.schedule),
    target: target(connectionId, audience),
    ...present({
      active: sync.active,
      filter_logic: sync.filterLogic,
      sync_all_records: sync.syncAllRecords,
      only_enrich_updates: sync.onlyEnrichUpdates,
      skip_initial_backfill: sync.skipInitialBackfill,
    }),
  };
}

/**
 * Whether a sync is what this body asks for, in every field that it says but its target. Polytomic answers with what was
 * sent and some booleans besides; an identity's function may come back in another case.
 */
export function isAsAsked(sync: Sync, { target: _, identity, ...rest }: SyncBody): boolean {
  const fold = (one: typeof identity) => one && { ...one, function: one.function.toLowerCase() };
  const answered: Partial<Record<string, unknown>> = { ...sync };
  return (
    isDeepStrictEqual(fold(sync.identity), fold(identity)) &&
    Object.entries(rest).every(([key, value]) => isDeepStrictEqual(answered[key], value))
  );
}

function syncField({ from, to, override, mode, new: isNew, encrypt }: FieldMapping, modelId: string): SyncField {
  return {
    target: to,
    ...present({
      source: from === undefined ? undefined : { model_id: modelId, field: from },
      override_value: override,
      sync_mode: mode,
      new: isNew,
      encryption_enabled: encrypt,
    }),
  };
}

function target(connectionId: string, audience: InspectedAudience): SyncTarget {
  if ('existing' in audience) return { connection_id: connectionId, object: audience.existing.id };
  const { name, type, account } = audience.create;
  return { connection_id: connectionId, create: { name, type, account } };
}

function schedule(spec: ScheduleSpec): SyncSchedule {
  return inSnakeCase(spec) as SyncSchedule;
}

/** A request's keys are the API's, in camel case; values stay as they are. */
function inSnakeCase(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const snake = (key: string) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [snake(key), inSnakeCase(inner)]));
}

/** The entries that have a value. */
function present<T extends object>(entries: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
