/** What a sync is made of, as it is sent and as it comes back. */
import { anything, bool, filledText, list, number, object, oneOf, record, text } from './answer-shape.ts';
import { type Actor, actor } from './connections.ts';

/** What a sync does with the rows of its target. A target supports only the modes that it lists. */
export type SyncMode = (typeof SYNC_MODES)[number];

const SYNC_MODES = ['create', 'update', 'updateOrCreate', 'replace', 'append', 'remove', 'snapshot'] as const;

/** A column of a model. */
export interface SyncSource {
  model_id: string;
  field: string;
}

/** A column written to a field of the target. */
export interface SyncField {
  /** Id of the target's field. */
  target: string;
  source?: SyncSource;
  /** A fixed value, in place of the source. */
  override_value?: string;
  sync_mode?: string;
  /** Whether the target's field is to be created. */
  new?: boolean;
  encryption_enabled?: boolean;
}

/** How rows of the model are matched with those of the target. */
export interface SyncIdentity {
  source: SyncSource;
  /** Id of the target's field. */
  target: string;
  /** E.g. `Equality`, in any case. */
  function: string;
  remote_field_type_id?: string;
  new_field?: boolean;
}

/** Where a sync writes: to an `object`, or to one that is created with it. */
export interface SyncTarget {
  connection_id: string;
  object?: string;
  /** By creation property; for LinkedIn Ads `account`, `type` and `name`. */
  create?: Record<string, string>;
  new_name?: string;
  filter_logic?: string;
  search_values?: Record<string, unknown>;
  configuration?: Record<string, unknown>;
}

/** When a sync runs. */
export interface SyncSchedule {
  /** E.g. `manual`, `continuous`, `daily`. */
  frequency?: string;
  minute?: string;
  hour?: string;
  day_of_week?: string;
  day_of_month?: string;
  month?: string;
  connection_id?: string;
  job_id?: number;
  run_after?: { sync_ids?: string[]; bulk_sync_ids?: string[] };
  run_after_success_only?: boolean;
}

/** What a create and an answer both say beyond the needed. */
interface SyncOptions {
  identity?: SyncIdentity;
  active?: boolean;
  filters?: unknown[];
  /** How the filters are combined, by their labels. */
  filter_logic?: string;
  /** Fields with a fixed value for every row. */
  override_fields?: SyncField[];
  /** Values that replace others under a condition. */
  overrides?: unknown[];
  sync_all_records?: boolean;
  only_enrich_updates?: boolean;
  skip_initial_backfill?: boolean;
  organization_id?: string;
  policies?: string[];
}

/** What a sync is created from, or replaced by. */
export interface SyncBody extends SyncOptions {
  name: string;
  mode: SyncMode;
  fields: SyncField[];
  schedule: SyncSchedule;
  target: SyncTarget;
  /** A secret. */
  encryption_passphrase?: string;
}

/** A sync. */
export interface Sync extends SyncOptions {
  id: string;
  name: string;
  mode?: SyncMode;
  fields?: SyncField[];
  schedule?: SyncSchedule;
  target?: SyncTarget;
  model_ids?: string[];
  created_at?: string;
  created_by?: Actor;
  updated_at?: string;
  updated_by?: Actor;
}

const source = object<SyncSource>({ model_id: filledText, field: text }, {});

const field = object<SyncField>(
  { target: text },
  { source, override_value: text, sync_mode: text, new: bool, encryption_enabled: bool },
);

const identity = object<SyncIdentity>(
  { source, target: text, function: text },
  { remote_field_type_id: text, new_field: bool },
);

const target = object<SyncTarget>(
  { connection_id: filledText },
  {
    object: text,
    create: record(text),
    new_name: text,
    filter_logic: text,
    search_values: record(anything),
    configuration: record(anything),
  },
);

const schedule = object<SyncSchedule>(
  {},
  {
    frequency: text,
    minute: text,
    hour: text,
    day_of_week: text,
    day_of_month: text,
    month: text,
    connection_id: text,
    job_id: number,
    run_after: object<{ sync_ids?: string[]; bulk_sync_ids?: string[] }>(
      {},
      { sync_ids: list(text), bulk_sync_ids: list(text) },
    ),
    run_after_success_only: bool,
  },
);

/** Decodes a {@link Sync}. */
export const sync = object<Sync>(
  { id: filledText, name: text },
  {
    mode: oneOf(...SYNC_MODES),
    fields: list(field),
    schedule,
    target,
    identity,
    active: bool,
    filters: list(anything),
    filter_logic: text,
    override_fields: list(field),
    overrides: list(anything),
    sync_all_records: bool,
    only_enrich_updates: bool,
    skip_initial_backfill: bool,
    organization_id: text,
    policies: list(text),
    model_ids: list(text),
    created_at: text,
    created_by: actor,
    updated_at: text,
    updated_by: actor,
  },
);
