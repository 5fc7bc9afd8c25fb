/** What a sync must be: checks the body of a create or a replacement against models, audiences and their fields. */
import type { Fields } from './body.ts';
import { enabledAccounts, requireCache, requireSignIn } from './connection-rules.ts';
import type { AudienceType, ConnectionDocument, IdentityMapping, Mapping, SyncMode } from './documents.ts';
import { unprocessable } from './failure.ts';
import { AUDIENCE_TYPES, type AudienceField, CREATION_PROPERTIES, fieldsOf, modesOf } from './linkedin.ts';
import type { Reader } from './store.ts';
import { readFields, readIdentity, resolveSources } from './sync-mapping.ts';
import { findAudience } from './targets.ts';

const MODES: readonly SyncMode[] = ['create', 'update', 'updateOrCreate', 'replace', 'append', 'remove', 'snapshot'];

const FREQUENCIES: readonly string[] = [
  'manual',
  'continuous',
  'hourly',
  'daily',
  'weekly',
  'custom',
  'builder',
  'runafter',
  'multi',
  'dbtcloud',
];

/** A sync that may be made. */
export interface CheckedSync {
  name: string;
  mode: SyncMode;
  active: boolean;
  sync_all_records: boolean;
  continuous: boolean;
  model_id: string;
  mappings: Mapping[];
  identity: IdentityMapping | undefined;
  connection_id: string;
  /** An audience that is there, or one that is to be made. */
  audience: { object: string } | { create: { account: string; type: AudienceType; name: string } };
}

/** Checks the body. Throws a 422 that names the first thing that is wrong and what would be right. */
export function checkSync(reader: Reader, body: Fields): CheckedSync {
  const name = body.text('name');
  const mode = readMode(body);
  const continuous = readFrequency(reader, body) === 'continuous';
  for (const list of ['filters', 'overrides', 'override_fields']) body.list(list);
  for (const text of ['filter_logic', 'encryption_passphrase']) body.optionalText(text);
  for (const flag of ['only_enrich_updates', 'skip_initial_backfill']) body.optionalBoolean(flag);

  const target = body.fields('target');
  const connection = targetConnection(reader, target);
  const { audience, type } = readAudience(reader, connection, target);
  const allowed = modesOf(type).find(({ id }) => id === mode);
  if (allowed === undefined) {
    const ids = modesOf(type)
      .map(({ id }) => id)
      .join(', ');
    throw unprocessable(`mode: the target does not support "${mode}": it supports ${ids}`, { field: 'mode' });
  }
  const targetFields = fieldsOf(type);
  const identity = readIdentity(body, targetFields);
  if (allowed.requires_identity && identity === undefined) {
    throw unprocessable(`identity is required for mode "${mode}" of this target`, { field: 'identity' });
  }
  const fields = readFields(body, targetFields);
  refuseTwice([...(identity === undefined ? [] : [identity.target]), ...fields.map((each) => each.target)]);
  const { model, mappings, identityMapping } = resolveSources(reader, fields, identity);
  requireMapped(targetFields, [identity?.target, ...fields.map((each) => each.target)], mode);
  return {
    name,
    mode,
    active: body.optionalBoolean('active') ?? true,
    sync_all_records: body.optionalBoolean('sync_all_records') ?? false,
    continuous,
    model_id: model.id,
    mappings,
    identity: identityMapping,
    connection_id: connection.id,
    audience,
  };
}

function readMode(body: Fields): SyncMode {
  const asked = body.text('mode');
  const mode = MODES.find((each) => each === asked);
  if (mode !== undefined) return mode;
  throw unprocessable(`mode "${asked}" is unknown: use one of ${MODES.join(', ')}`, { field: 'mode' });
}

function readFrequency(reader: Reader, body: Fields): string {
  const schedule = body.fields('schedule');
  const frequency = schedule.text('frequency');
  if (!FREQUENCIES.includes(frequency)) {
    throw unprocessable(`schedule.frequency "${frequency}" is unknown: use one of ${FREQUENCIES.join(', ')}`, {
      field: 'schedule.frequency',
    });
  }
  for (const part of ['hour', 'minute', 'day_of_week', 'day_of_month', 'month']) schedule.optionalText(part);
  if (frequency === 'runafter') {
    const runAfter = schedule.fields('run_after');
    const ids = runAfter.optionalTexts('sync_ids') ?? [];
    const unknown = ids.find((id) => reader.get('sync', id) === undefined);
    if (unknown !== undefined) throw unprocessable(`schedule.run_after.sync_ids: there is no sync ${unknown}`);
    if (ids.length === 0) throw unprocessable('schedule.run_after.sync_ids needs at least one sync');
  }
  return frequency;
}

function targetConnection(reader: Reader, target: Fields): ConnectionDocument {
  const id = target.text('connection_id');
  const field = target.pathOf('connection_id');
  const connection = reader.get('connection', id);
  if (connection === undefined) throw unprocessable(`${field}: there is no connection ${id}`, { field });
  if (connection.type !== 'linkedinads') {
    throw unprocessable(`${field}: connections of type ${connection.type} cannot be a target in the sandbox`, {
      field,
    });
  }
  requireSignIn(connection);
  requireCache(connection);
  return connection;
}

function readAudience(
  reader: Reader,
  connection: ConnectionDocument,
  target: Fields,
): { audience: CheckedSync['audience']; type: AudienceType } {
  const object = target.optionalText('object');
  const create = target.optionalFields('create');
  if ((object === undefined) === (create === undefined)) {
    throw unprocessable('target needs either an object, or create with the properties of a new one', {
      field: 'target',
    });
  }
  if (create !== undefined) {
    const properties = readCreation(connection, create);
    return { audience: { create: properties }, type: properties.type };
  }
  const audience = findAudience(reader, connection, object ?? '');
  if (audience === undefined) {
    throw unprocessable(
      `target.object: there is no target object "${object}" in the accounts enabled on the connection`,
      {
        field: 'target.object',
      },
    );
  }
  return { audience: { object: audience.id }, type: audience.type };
}

function readCreation(
  connection: ConnectionDocument,
  create: Fields,
): { account: string; type: AudienceType; name: string } {
  const unknown = Object.keys(create.whole).find((key) => !CREATION_PROPERTIES.some(({ id }) => id === key));
  if (unknown !== undefined) {
    const ids = CREATION_PROPERTIES.map(({ id }) => id).join(', ');
    throw unprocessable(`target.create has no property "${unknown}": it has ${ids}`, {
      field: `target.create.${unknown}`,
    });
  }
  const account = create.text('account');
  const enabled = enabledAccounts(connection.configuration);
  if (!enabled.includes(account)) {
    const values = enabled.map((value) => `"${value}"`);
    throw unprocessable(
      `target.create.account: "${account}" is no account enabled on the connection: ${values.join(', ') || 'none is enabled'}`,
      { field: 'target.create.account' },
    );
  }
  const asked = create.text('type');
  const type = AUDIENCE_TYPES.find(({ value }) => value === asked)?.value;
  if (type === undefined) {
    const values = AUDIENCE_TYPES.map(({ value }) => value).join(', ');
    throw unprocessable(`target.create.type "${asked}" is unknown: use one of ${values}`, {
      field: 'target.create.type',
    });
  }
  return { account, type, name: create.text('name') };
}

function refuseTwice(targets: string[]): void {
  const twice = targets.find((target, index) => targets.indexOf(target) !== index);
  if (twice !== undefined) throw unprocessable(`fields: target field "${twice}" is mapped twice`, { field: 'fields' });
}

function requireMapped(targetFields: AudienceField[], mapped: Array<string | undefined>, mode: SyncMode): void {
  // What is removed needs no more than its identity; what is only updated has the rest already.
  if (mode === 'remove' || mode === 'update') return;
  const missing = targetFields.find(({ id, required }) => required && !mapped.includes(id));
  if (missing !== undefined)
    throw unprocessable(`fields: the target requires field "${missing.id}"`, { field: 'fields' });
}
