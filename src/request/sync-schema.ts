/** One sync of a request: which columns of a model go into which fields of an audience, how, and when. */
import * as z from 'zod';
import { extra, SYNC_SAY_AS } from './extra-schema.ts';
import { expects, expectsOneOf, expectsText } from './faults.ts';
import { isMap } from './json-value.ts';
import { LIMITS } from './limits.ts';
import { scheduleSchema } from './schedule-schema.ts';
import { secret } from './secret-schema.ts';
import { choice, flag, keyed, LINE_KEY, line, listOf, mapOf, means, nameOf, oneOf } from './strict-shapes.ts';

/** How a sync writes, in Polytomic's words. An audience supports only some of them. */
const MODES = ['create', 'update', 'updateOrCreate', 'replace', 'append', 'remove', 'snapshot'] as const;

/** How a record of the model is found in the audience, in Polytomic's words; case does not matter. */
const IDENTITY_FUNCTIONS = ['Equality', 'ISubstring', 'OneOf', 'DomainMatch', 'HostnameMatch'] as const;

/** Functions of filters and overrides that look at a field alone and take no value. */
export const VALUELESS_FUNCTIONS: readonly string[] = ['IsNull', 'IsNotNull', 'True', 'False'];

const FILTER_FUNCTIONS = [
  'Equality',
  'Inequality',
  'IsNull',
  'IsNotNull',
  'True',
  'False',
  'OnOrAfter',
  'OnOrBefore',
  'GreaterThan',
  'GreaterThanEqual',
  'LessThan',
  'LessThanEqual',
  'StringContains',
  'StringStartsWith',
  'StringEndsWith',
  'StringDoesNotContain',
  'StringDoesNotStartWith',
  'StringDoesNotEndWith',
  'StringOneOf',
  'StringNotOneOf',
  'Between',
  'ArrayContains',
  'ArrayDoesNotContain',
  'InTheLast',
  'RelativeOnOrBefore',
  'RelativeOnOrAfter',
  'StringLike',
  'StringNotLike',
  'StringMatchesTrimmed',
] as const;

const column = (description = 'Column of the model.') => line(description);
const target = line('Field of the audience, by its id, e.g. Email.');

/** A pattern and not a flag, since the JSON Schema keeps only the pattern. */
const anyCase = (words: readonly string[]) =>
  new RegExp(
    `^(?:${words.map((word) => word.replace(/[a-z]/gi, (c) => `[${c.toUpperCase()}${c.toLowerCase()}]`)).join('|')})$`,
  );

const identity = keyed('an identity', {
  from: column('Column of the model that identifies a record.'),
  to: target,
  function: z
    .string({ error: expectsOneOf(IDENTITY_FUNCTIONS) })
    .regex(anyCase(IDENTITY_FUNCTIONS), { error: expectsOneOf(IDENTITY_FUNCTIONS) })
    .describe(`How column and field are compared: ${IDENTITY_FUNCTIONS.join(', ')}; upper or lower case.`),
  newField: flag('Whether Polytomic makes the field in the audience. Default: false.').exactOptional(),
  remoteFieldTypeId: line('Type of that new field, by the id that Polytomic gives it.').exactOptional(),
}).describe(
  'How a record of the model is found in the audience. Needed for the modes update, updateOrCreate and remove.',
);

const overrideError = expectsText(`text of at most ${LIMITS.textLength} characters`);
const overrideText = z.string({ error: overrideError }).max(LIMITS.textLength, { error: overrideError });

const mappingOptions = {
  to: target,
  override: overrideText.describe("Fixed value to write. With it, the column's own value is not used.").exactOptional(),
  mode: oneOf(
    MODES,
    'Mode for this field alone, where the audience supports that. Default: updateOrCreate.',
  ).exactOptional(),
  new: flag('Whether Polytomic makes the field in the audience. Default: false.').exactOptional(),
  encrypt: flag('Whether the value is encrypted with encryptionPassphrase. Default: false.').exactOptional(),
};

const mapping = keyed('a field mapping', { from: column().exactOptional(), ...mappingOptions });

/** What goes into one field of an audience: column `from`, or the fixed value `override`. */
export type FieldMapping = z.infer<typeof mapping>;

const mappings = listOf(mapping, 'field mappings');

const mappingOfColumn = choice(
  expects('the id of a field of the audience, or a map with to'),
  [target, keyed('a field mapping', mappingOptions)],
  (value) => (isMap(value) ? 1 : typeof value === 'string' ? 0 : undefined),
);

const fields = choice(
  expects('a map from columns to fields of the audience, or a list of field mappings'),
  [mapOf(LINE_KEY, mappingOfColumn, 'columns', LIMITS.entries), mappings],
  (value) => (Array.isArray(value) ? 1 : isMap(value) ? 0 : undefined),
).describe('What is written: a map from each column to the field that takes it, or a list of field mappings.');

const comparison = {
  function: oneOf(FILTER_FUNCTIONS, 'How the field is compared with the value.'),
  value: z.unknown().describe('What it is compared with; of the kind that the function takes.').exactOptional(),
};

const filterOptions = { ...comparison, label: line('Label that the filter logic refers to, e.g. A.').exactOptional() };

const filter = choice(
  expects('a filter: { from: COLUMN, function: … } or { to: FIELD, function: … }'),
  [
    keyed('a filter on a column', { from: column('Column of the model to filter by.'), ...filterOptions }),
    keyed('a filter on a field', { to: line('Field of the audience to filter by.'), ...filterOptions }),
  ],
  (value) => (isMap(value) ? ('to' in value && !('from' in value) ? 1 : 0) : undefined),
);

const override = keyed('an override', {
  from: column('Column whose value is replaced.'),
  function: comparison.function
    .describe('When it is replaced: how the column is compared with the value. Default: always.')
    .exactOptional(),
  value: comparison.value,
  override: z
    .unknown()
    .refine((value) => value !== undefined, { error: expects('a value') })
    .describe('What it is replaced with.'),
});

const audience = choice(
  expects('an audience: { existing: NAME-OR-ID }, { create: { name: …, type: …, account: … } }, or the word ask'),
  [
    z.literal('ask'),
    keyed('an audience', { existing: nameOf('Name or id of an audience that exists.') }),
    keyed('an audience', {
      create: keyed('a new audience', {
        name: nameOf('Name of the audience to make.'),
        type: nameOf('Its type, by label or value: user_audience or company_audience. It cannot be changed later.'),
        account: nameOf('The ad account to make it in, by label or value.'),
      }).describe('An audience to make.'),
    }),
  ],
  (value) => (isMap(value) ? (means(value, 'create') && !('existing' in value) ? 2 : 1) : undefined),
).describe('The audience to write to: one that exists, one to make, or ask: a person chooses.');

/** Where a sync writes to; `ask` leaves it to a person. */
export type AudienceSpec = z.infer<typeof audience>;

/** The schema of one sync. */
export const syncSchema = keyed('a sync', {
  name: nameOf('Name of the sync in Polytomic. Unique in the request.'),
  model: line('Key of the model, under models, whose records are synced.'),
  audience,
  mode: oneOf(MODES, `How records are written: ${MODES.join(', ')}. An audience supports only some of them.`),
  identity: identity.exactOptional(),
  fields,
  overrideFields: mappings.describe('Fields that are always written, with fixed values.').exactOptional(),
  overrides: listOf(override, 'overrides')
    .describe('Values of columns that are replaced on a condition.')
    .exactOptional(),
  filters: listOf(filter, 'filters').describe('Which records are synced. Default: all of the model.').exactOptional(),
  filterLogic: line(
    'How the filters are combined, by their labels, e.g. A AND (B OR C). Default: all must hold.',
    LIMITS.logicLength,
  ).exactOptional(),
  schedule: scheduleSchema,
  active: flag('Whether the sync is switched on. Default: as Polytomic does it.').exactOptional(),
  syncAllRecords: flag('Whether each run sends all records, not only changed ones. Default: false.').exactOptional(),
  onlyEnrichUpdates: flag(
    'Whether only changes to the base model, not to enrichments, sync a record. Default: false.',
  ).exactOptional(),
  skipInitialBackfill: flag(
    'Whether records from before the sync was switched on are left out. Default: false.',
  ).exactOptional(),
  encryptionPassphrase: secret(
    'Passphrase for the fields with encrypt: a reference, never the passphrase itself.',
  ).exactOptional(),
  extra: extra('Further keys of the sync, as the Polytomic API names them.', SYNC_SAY_AS).exactOptional(),
});

/** One sync, as it is written. */
export type SyncRequest = z.infer<typeof syncSchema>;
