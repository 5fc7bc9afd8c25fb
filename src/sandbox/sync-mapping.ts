/** Which column of a model goes to which field of an audience, and by which of them members are told apart. */
import type { Fields } from './body.ts';
import type { IdentityMapping, Mapping, ModelDocument } from './documents.ts';
import { unprocessable } from './failure.ts';
import type { AudienceField } from './linkedin.ts';
import type { Reader } from './store.ts';

/** A column that a body refers to, and where in the body. */
export interface SourceReference {
  path: string;
  model_id: string;
  field: string;
}

/** The functions of the API. No audience field supports all of them. */
const IDENTITY_FUNCTIONS = ['Equality', 'ISubstring', 'OneOf', 'DomainMatch', 'HostnameMatch'];

/** A field of a sync as it was asked for. */
export interface FieldRequest {
  target: string;
  source?: SourceReference;
  override?: string;
}

/** An identity as it was asked for. */
export interface IdentityRequest {
  target: string;
  source: SourceReference;
  function: IdentityMapping['function'];
}

/** Reads `fields`. Throws a 422 for what is wrong with their targets. */
export function readFields(body: Fields, targetFields: AudienceField[]): FieldRequest[] {
  return body.list('fields').map((each) => {
    const target = targetField(each.text('target'), each.pathOf('target'), targetFields).id;
    const override = each.optionalText('override_value');
    const source = each.optionalFields('source');
    if (source === undefined && override === undefined) {
      throw unprocessable(`${each.pathOf('source')} is required, unless there is an override_value`, {
        field: each.pathOf('source'),
      });
    }
    if (each.has('sync_mode')) {
      throw unprocessable(`${each.pathOf('sync_mode')}: no mode of this target supports a mode per field`);
    }
    if (each.optionalBoolean('encryption_enabled') === true && !body.has('encryption_passphrase')) {
      throw unprocessable(`${each.pathOf('encryption_enabled')} needs an encryption_passphrase`);
    }
    return {
      target,
      ...(source === undefined ? {} : { source: readSource(source) }),
      ...(override === undefined ? {} : { override }),
    };
  });
}

/** Reads `identity`, if there is one. */
export function readIdentity(body: Fields, targetFields: AudienceField[]): IdentityRequest | undefined {
  const identity = body.optionalFields('identity');
  if (identity === undefined) return undefined;
  const field = targetField(identity.text('target'), identity.pathOf('target'), targetFields);
  if (!field.supports_identity) {
    const able = targetFields.filter((each) => each.supports_identity).map((each) => each.id);
    throw unprocessable(`identity.target: field "${field.id}" cannot identify members: use one of ${able.join(', ')}`, {
      field: 'identity.target',
    });
  }
  const asked = identity.text('function');
  // The reference writes `Equality`, the walkthrough `equality`.
  const supported = field.identity_functions.find(({ id }) => id.toLowerCase() === asked.toLowerCase());
  if (supported === undefined) {
    const known = IDENTITY_FUNCTIONS.some((each) => each.toLowerCase() === asked.toLowerCase());
    const ids = field.identity_functions.map(({ id }) => id).join(', ');
    throw unprocessable(
      `identity.function: "${asked}" is ${known ? `not supported by field "${field.id}"` : 'no identity function'}: use one of ${ids}`,
      { field: 'identity.function' },
    );
  }
  return { target: field.id, source: readSource(identity.fields('source')), function: supported.id };
}

function readSource(source: Fields): SourceReference {
  return { path: source.pathOf('field'), model_id: source.text('model_id'), field: source.text('field') };
}

function targetField(id: string, path: string, targetFields: AudienceField[]): AudienceField {
  const field = targetFields.find((each) => each.id === id);
  if (field !== undefined) return field;
  const ids = targetFields.map((each) => each.id).join(', ');
  throw unprocessable(`${path}: the target has no field "${id}": it has ${ids}`, { field: path });
}

/**
 * The model that all sources are of, and the mappings with its columns' names. Throws a 422 when there is no such model,
 * or several, or one without such a field.
 */
export function resolveSources(
  reader: Reader,
  fields: FieldRequest[],
  identity: IdentityRequest | undefined,
): { model: ModelDocument; mappings: Mapping[]; identityMapping: IdentityMapping | undefined } {
  const sources = [
    ...(identity === undefined ? [] : [identity.source]),
    ...fields.flatMap(({ source }) => source ?? []),
  ];
  const [first] = sources;
  if (first === undefined) throw unprocessable('a sync needs at least one field with a source', { field: 'fields' });
  const model = reader.get('model', first.model_id);
  if (model === undefined)
    throw unprocessable(`${first.path}: there is no model ${first.model_id}`, { field: first.path });
  const mappings = fields.map(({ target, source, override }) => ({
    target,
    ...(source === undefined ? {} : { column: columnOf(model, source) }),
    ...(override === undefined ? {} : { override }),
  }));
  if (identity === undefined) return { model, mappings, identityMapping: undefined };
  const { target, source, function: compare } = identity;
  return { model, mappings, identityMapping: { target, column: columnOf(model, source), function: compare } };
}

/** The name of a model's field that is given by its name or its id. */
function columnOf(model: ModelDocument, { path, model_id, field }: SourceReference): string {
  if (model_id !== model.id) {
    throw unprocessable(`${path}: the sandbox joins no models, so all sources of a sync must be of one`, {
      field: path,
    });
  }
  const found = model.fields.find((each) => each.name === field || each.id === field);
  if (found !== undefined) return found.name;
  const names = model.fields.map((each) => each.name).join(', ');
  throw unprocessable(`${path}: model "${model.name}" has no field "${field}": it has ${names}`, { field: path });
}
