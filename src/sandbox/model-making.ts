/** Makes a model of a query: checks what was asked, runs the query, and takes its columns as the model's fields. */
import { randomUUID } from 'node:crypto';
import type { Fields, JsonObject } from './body.ts';
import { connectionFault, requireCache } from './connection-rules.ts';
import type { ConnectionDocument, ModelDocument, ModelField } from './documents.ts';
import { unprocessable } from './failure.ts';
import { type QueryColumn, QueryError } from './query-engine.ts';
import type { Reader, Transaction } from './store.ts';
import type { World } from './world.ts';

/** A query that did not end in the time that it was given. */
export class TooSlow extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TooSlow';
  }
}

/** What was asked for, checked as far as it can be without running the query. */
export interface ModelRequest {
  name: string;
  connection_id: string;
  query: string;
  /** The columns that become fields; all of them when left out. */
  columns: string[] | undefined;
  additional: ModelField[];
  echoed: JsonObject;
}

/** Reads the body of a create. Throws a 422 for what is wrong with it. */
export function readModelRequest(body: Fields): ModelRequest {
  const echoed: JsonObject = {};
  const keep = (name: string, value: unknown) => {
    if (value !== undefined) echoed[name] = value;
  };
  keep('identifier', body.optionalText('identifier'));
  keep('tracking_columns', body.optionalTexts('tracking_columns'));
  keep('labels', body.optionalTexts('labels'));
  keep('policies', body.optionalTexts('policies'));
  body.list('relations');
  keep('relations', body.raw('relations'));
  return {
    name: body.text('name'),
    connection_id: body.text('connection_id'),
    query: body.fields('configuration').text('query'),
    columns: body.optionalTexts('fields'),
    additional: body.list('additional_fields').map((field) => ({
      id: randomUUID(),
      name: field.text('name'),
      label: field.text('label'),
      type: field.text('type'),
      user_added: true,
    })),
    echoed,
  };
}

/** The connection that a model is to be on. Throws a 422 when no query can be run there. */
export function modelConnection(world: World, reader: Reader, id: string): ConnectionDocument {
  const connection = reader.get('connection', id);
  if (connection === undefined)
    throw unprocessable(`connection_id: there is no connection ${id}`, { field: 'connection_id' });
  if (connection.type !== 'snowflake') {
    throw unprocessable(`connection_id: connections of type ${connection.type} are no source of models`, {
      field: 'connection_id',
    });
  }
  requireCache(connection);
  const fault = connectionFault(connection, world.settings.snowflakePassword);
  if (fault !== undefined) throw unprocessable(fault, { field: 'connection_id' });
  return connection;
}

/**
 * Runs the query, and returns what puts the model once it is known to be right. Throws a 422 with the engine's words, or
 * {@link TooSlow} after `timeoutMs`.
 */
export async function prepareModel(
  world: World,
  request: ModelRequest,
  timeoutMs: number,
): Promise<(transaction: Transaction) => ModelDocument> {
  modelConnection(world, world.store, request.connection_id);
  const { columns, rows } = await sample(world, request.query, timeoutMs);
  const fields = [...chosen(columns, request.columns).map((column) => fieldOf(column, rows[0])), ...request.additional];
  requireColumns(fields, request.echoed);
  return (transaction) => {
    // The connection may have been deleted while its query ran.
    modelConnection(world, transaction, request.connection_id);
    const now = new Date().toISOString();
    const model: ModelDocument = {
      id: randomUUID(),
      sequence: transaction.nextSequence(),
      name: request.name,
      connection_id: request.connection_id,
      configuration: { query: request.query },
      fields,
      echoed: request.echoed,
      created_at: now,
      updated_at: now,
    };
    transaction.put('model', model);
    return model;
  };
}

async function sample(world: World, query: string, timeoutMs: number) {
  try {
    return await world.queries.run(query, { maxRows: 1, timeoutMs });
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    if (error.reason === 'time-out') throw new TooSlow(error.message);
    throw unprocessable(error.message, { field: 'configuration.query' });
  }
}

function chosen(columns: QueryColumn[], names: string[] | undefined): QueryColumn[] {
  if (names === undefined || names.length === 0) return columns;
  return names.map((name) => {
    const column = columns.find((each) => each.name === name);
    if (column !== undefined) return column;
    throw unprocessable(
      `fields: the query returns no column "${name}": it has ${columns.map((each) => each.name).join(', ')}`,
    );
  });
}

function fieldOf({ name, type, remote_type }: QueryColumn, row: Record<string, unknown> | undefined): ModelField {
  const example = row?.[name];
  return {
    id: randomUUID(),
    name,
    label: name,
    type,
    remote_type,
    ...(example === undefined || example === null ? {} : { example }),
    user_added: false,
  };
}

function requireColumns(fields: ModelField[], { identifier, tracking_columns }: JsonObject): void {
  const named = [identifier, ...(Array.isArray(tracking_columns) ? tracking_columns : [])];
  const unknown = named.find(
    (name) => name !== undefined && name !== '' && !fields.some((field) => field.name === name),
  );
  if (unknown !== undefined) throw unprocessable(`the model has no field "${unknown}" to identify or track rows by`);
}
