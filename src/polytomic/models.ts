/** Models: queries on a connection whose rows can be synced. */
import { anything, type Decoder, data, filledText, list, object, record, text } from './answer-shape.ts';
import { type Actor, actor } from './connections.ts';
import { type Job, job } from './jobs.ts';
import { allPages, page } from './pages.ts';
import type { CallOptions, CreateOptions, Transport } from './transport.ts';

/** A column of a model's query. */
export interface ModelField {
  name: string;
  id?: string;
  label?: string;
  type?: string;
  remote_type?: string;
  description?: string;
}

/** A model. */
export interface Model {
  id: string;
  name: string;
  fields: ModelField[];
  /** A query's text is its `query`. */
  configuration: Record<string, unknown>;
  connection_id?: string;
  type?: string;
  identifier?: string;
  tracking_columns?: string[];
  relations?: unknown[];
  labels?: unknown[];
  policies?: string[];
  organization_id?: string;
  created_at?: string;
  created_by?: Actor;
  updated_at?: string;
  updated_by?: Actor;
}

/** What a model is created from. */
export interface CreateModel {
  name: string;
  connection_id: string;
  configuration: Record<string, unknown>;
  /** Names of the columns to take; all of them by default. */
  fields?: string[];
  /** The column that tells rows apart. */
  identifier?: string;
  /** The columns that are watched for changes. */
  tracking_columns?: string[];
  relations?: Array<{ from: string; to: { field: string; model_id: string } }>;
  labels?: string[];
  policies?: string[];
  organization_id?: string;
}

const modelField = object<ModelField>(
  { name: filledText },
  { id: text, label: text, type: text, remote_type: text, description: text },
);

const model = object<Model>(
  { id: filledText, name: text, fields: list(modelField), configuration: record(anything) },
  {
    connection_id: text,
    type: text,
    identifier: text,
    tracking_columns: list(text),
    relations: list(anything),
    labels: list(anything),
    policies: list(text),
    organization_id: text,
    created_at: text,
    created_by: actor,
    updated_at: text,
    updated_by: actor,
  },
);

/** Polytomic's published types put the job of an asynchronous create under `job`, its reference under `data`. */
const createdJob: Decoder<Job> = (value, at) => {
  const { job: beside } = object<{ job?: Job }>({}, { job })(value, at);
  return beside ?? data(job)(value, at);
};

/** The calls about models. */
export class Models {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** All of them, over all pages. */
  list({ signal }: CallOptions = {}): Promise<Model[]> {
    return allPages('GET /api/models', (page_token) =>
      this.#transport.call({ method: 'GET', path: ['models'], query: { page_token }, signal }, page(model)),
    );
  }

  get(id: string, { signal }: CallOptions = {}): Promise<Model> {
    return this.#transport.call({ method: 'GET', path: ['models', id], signal }, data(model));
  }

  /** Creates one, and waits for its query's columns; what takes longer than 10 s fails. */
  create(body: CreateModel, { idempotencyKey, signal }: CreateOptions): Promise<Model> {
    return this.#transport.call({ method: 'POST', path: ['models'], body, idempotencyKey, signal }, data(model));
  }

  /** Creates one in a job, however long its query takes; the job's result is the model. */
  createAsync(body: CreateModel, { idempotencyKey, signal }: CreateOptions): Promise<Job> {
    return this.#transport.call(
      { method: 'POST', path: ['models'], query: { async: true }, body, idempotencyKey, signal },
      createdJob,
    );
  }

  /** Deletes one. Syncs that use it break. */
  delete(id: string, { signal }: CallOptions = {}): Promise<void> {
    return this.#transport.tell({ method: 'DELETE', path: ['models', id], signal });
  }
}
