/**
 * The request: what a person or a service writes to have an audience made. One zod schema gives the types, the checks,
 * the JSON Schema for editors, and the table in docs/request.md.
 *
 * This module and what it imports need zod alone and no Node built-in: it is bundled into the workflow sandbox too.
 */
import type * as z from 'zod';
import { adAccounts, BESIDE_USE, byUse, linkedinConnection, snowflakeConnection } from './connection-schema.ts';
import { crossFaults } from './cross-references.ts';
import { extra, MODEL_SAY_AS } from './extra-schema.ts';
import { expects, type Fault, faultsOf } from './faults.ts';
import { jsonCopy, utf8Bytes } from './json-value.ts';
import { LIMITS } from './limits.ts';
import { optionsSchema } from './options-schema.ts';
import { withPiece } from './piece.ts';
import { choice, flag, keyed, line, listOf, mapOf, nameOf, text } from './strict-shapes.ts';
import { syncSchema } from './sync-schema.ts';

export { type Choice, chooseAll, chosenBy, listed, matching, type Unchosen } from './choice.ts';
export { type Fault, pathText } from './faults.ts';
export { isMap, utf8Bytes } from './json-value.ts';
export { LIMITS } from './limits.ts';
export { type RequestOptions, type RunSettings, settingsOf } from './options-schema.ts';
export type { ScheduleSpec } from './schedule-schema.ts';
export type { SecretReference } from './secret-reference.ts';
export { shorten } from './shorten.ts';
export { columnsOf, mappingsOf, supporting } from './sync-request.ts';
export type { AudienceSpec, FieldMapping, SyncRequest } from './sync-schema.ts';
export {
  addedWithin,
  askWithin,
  firstWithin,
  jsonBytes,
  linesWithin,
  textWithin,
  WARNINGS_BYTES,
  WORDS_BYTES,
} from './within.ts';

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

const columns = (description: string) => listOf(line('A column.'), 'columns').describe(description).exactOptional();

const query = text('a query', /\S/, LIMITS.queryBytes)
  .refine((value) => utf8Bytes(value) <= LIMITS.queryBytes, {
    error: `is larger than ${LIMITS.queryBytes / 1024} KiB; make it a view in Snowflake and select from that`,
  })
  .describe('Snowflake query whose rows are the records, e.g. SELECT email FROM users.');

const newModel = keyed('a model', {
  name: nameOf('Name of the model to make in Polytomic.'),
  query,
  orUse: flag(
    'Use the model of this name if there is one already, instead of making another. Default: false.',
  ).exactOptional(),
  fields: columns('The columns to take. Default: all that the query gives.'),
  identifier: line('The column that is unique for each record.').exactOptional(),
  trackingColumns: columns('The columns by which changed records are found. Default: all.'),
  labels: listOf(line('A label.'), 'labels').describe('Labels of the model in Polytomic.').exactOptional(),
  extra: extra('Further keys of the model, as the Polytomic API names them.', MODEL_SAY_AS).exactOptional(),
});

const modelInUse = keyed(
  'a model to use',
  { use: nameOf('Id or name of a model that exists. It is used as it is.') },
  { keys: Object.keys(newModel.shape), advice: BESIDE_USE },
);

const modelSchema = choice(
  expects('a model: { use: ID-OR-NAME } for one that exists, or { name: …, query: … } for a new one'),
  [modelInUse, newModel],
  byUse,
).describe('A model: one to use, or one to make.');

const MODEL_KEY = {
  what: 'at most 63 letters, digits, - and _, beginning with a letter or digit',
  pattern: /^[A-Za-z0-9][A-Za-z0-9_-]*$/,
  max: 63,
};

/** The shape of a request, of which the JSON Schema is made. What must hold between its parts only {@link parseRequest} checks. */
export const requestSchema = keyed('a request', {
  name: text(
    'a name of at most 63 small letters, digits, - . and _, beginning with a letter or digit',
    NAME,
    63,
  ).describe('Name of this provisioning. One of this name runs at a time.'),
  requester: line('Who asks for it.', LIMITS.nameLength).exactOptional(),
  snowflake: keyed('Snowflake', { connection: snowflakeConnection }).describe('Where the data comes from.'),
  linkedinAds: keyed('LinkedIn Ads', { connection: linkedinConnection, accounts: adAccounts }).describe(
    'Where the audiences are.',
  ),
  models: mapOf(MODEL_KEY, modelSchema, 'models', LIMITS.models).describe(
    'The queries that give the records, each under a key that syncs refer to.',
  ),
  syncs: listOf(syncSchema, 'syncs', LIMITS.syncs).describe('What goes from which model into which audience.'),
  options: optionsSchema.exactOptional(),
}).describe('A LinkedIn Ads audience to be fed from a Snowflake query.');

/** A request that has been checked. The same shape as what was written. */
export type ProvisioningRequest = z.infer<typeof requestSchema>;

/** The Snowflake connection of a request. */
export type SnowflakeConnectionSpec = ProvisioningRequest['snowflake']['connection'];

/** The LinkedIn Ads connection of a request. */
export type LinkedInConnectionSpec = ProvisioningRequest['linkedinAds']['connection'];

/** One model of a request. */
export type ModelRequest = z.infer<typeof modelSchema>;

/** A request, or all of its faults. */
export type ParsedRequest = { ok: true; request: ProvisioningRequest } | { ok: false; faults: Fault[] };

/**
 * Checks anything for being a request. Gives the request as JSON would carry it (keys without a value are gone), or all of
 * its faults, none of which repeats a value. Throws nothing.
 */
export function parseRequest(input: unknown): ParsedRequest {
  const json = jsonCopy(input);
  if (!json.ok) return json;
  const parsed = requestSchema.safeParse(json.copy);
  const faults = faultsOf([...(parsed.error?.issues ?? []), ...crossFaults(json.copy)]);
  return parsed.success && faults.length === 0 ? { ok: true, request: parsed.data } : { ok: false, faults };
}

/**
 * Checks `request` with the piece at `path` replaced by `change`, as a whole: faults may lie outside of the piece, and all
 * paths begin at the top of the request. Throws nothing.
 */
export function parseChange(
  request: ProvisioningRequest,
  path: Array<string | number>,
  change: unknown,
): ParsedRequest {
  const changed = withPiece(request, path, change);
  if (changed !== undefined) return parseRequest(changed.value);
  return { ok: false, faults: faultsOf([{ path, message: 'is no place in the request, so nothing can stand there' }]) };
}

/**
 * `request` with the piece at `path` replaced by `change`, unchecked: for a change that {@link parseChange} has accepted,
 * maybe with the schema of an earlier version. `request` as it is where it has no such place.
 */
export function replaced(
  request: ProvisioningRequest,
  path: Array<string | number>,
  change: unknown,
): ProvisioningRequest {
  const changed = withPiece(request, path, change);
  return changed === undefined ? request : (changed.value as ProvisioningRequest);
}
