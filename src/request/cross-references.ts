/**
 * What must hold between the parts of a request. It looks at what was written, checked or not, so that these faults are
 * reported together with all others: what has the wrong shape is passed over here and reported where it stands.
 */

import { durationMs } from './duration.ts';
import { type Fault, pathText, shownKeys } from './faults.ts';
import { isMap } from './json-value.ts';
import { signInTimeoutMs } from './options-schema.ts';
import { VALUELESS_FUNCTIONS } from './sync-schema.ts';

/** Modes in which records are looked for in the audience, which takes an identity. */
const MODES_WITH_IDENTITY: readonly unknown[] = ['update', 'updateOrCreate', 'remove'];

type Path = Array<string | number>;

/** All faults between the parts of `request`. */
export function crossFaults(request: unknown): Fault[] {
  const { models, syncs, snowflake, linkedinAds, options } = mapOf(request);
  const written = listOf(syncs).map((sync, i) => ({ sync: mapOf(sync), path: ['syncs', i] as Path }));
  return [
    ...connectionNames(mapOf(snowflake)['connection'], mapOf(linkedinAds)['connection']),
    ...repeated(
      Object.entries(mapOf(models)).map(([key, model]) => ({
        value: mapOf(model)['name'],
        path: ['models', key, 'name'],
      })),
      (first) => `is the name of ${at(first)} too; each model needs one of its own`,
    ),
    ...repeated(
      written.map(({ sync, path }) => ({ value: sync['name'], path: [...path, 'name'] })),
      (first) => `is the name of ${at(first)} too; each sync needs one of its own`,
    ),
    ...repeated(
      written.map(({ sync, path }) => ({ value: newAudience(sync), path: [...path, 'audience', 'create'] })),
      (first) => `makes the same audience as ${at(first)}; let one sync make it, or give them different names`,
    ),
    ...written.flatMap(({ sync, path }) => [
      ...modelFaults(sync, path, models),
      ...identityFaults(sync, path),
      ...mappingFaults(sync, path),
      ...filterFaults(sync, path),
    ]),
    ...reminderFaults(mapOf(options)),
  ];
}

/** Names of connections are unique in an organization of Polytomic, of whatever type they are. */
function connectionNames(snowflake: unknown, linkedin: unknown): Fault[] {
  return repeated(
    [
      { value: mapOf(snowflake)['name'], path: ['snowflake', 'connection', 'name'] },
      { value: mapOf(linkedin)['name'], path: ['linkedinAds', 'connection', 'name'] },
    ],
    (first) => `is the name of ${at(first)} too; each connection needs one of its own`,
  );
}

function modelFaults({ model }: Record<string, unknown>, path: Path, models: unknown): Fault[] {
  const keys = Object.keys(mapOf(models));
  if (typeof model !== 'string' || keys.length === 0 || keys.includes(model)) return [];
  return [{ path: [...path, 'model'], message: `is no key under models; there are ${shownKeys(keys)}` }];
}

function identityFaults({ mode, identity }: Record<string, unknown>, path: Path): Fault[] {
  if (identity !== undefined || !MODES_WITH_IDENTITY.includes(mode)) return [];
  const message = 'is missing: mode update, updateOrCreate and remove need it to find records in the audience';
  return [{ path: [...path, 'identity'], message }];
}

interface WrittenMapping {
  path: Path;
  from: unknown;
  to: unknown;
  override: unknown;
  encrypt: unknown;
}

function writtenMappings(fields: unknown, path: Path): WrittenMapping[] {
  const list: Array<[string | number, unknown]> = Array.isArray(fields)
    ? fields.map((field, i): [number, unknown] => [i, field])
    : Object.entries(mapOf(fields));
  return list.map(([key, field]) => {
    const { from = typeof key === 'string' ? key : undefined, to, override, encrypt } = mapOf(field);
    return { path: [...path, key], from, to: typeof field === 'string' ? field : to, override, encrypt };
  });
}

function mappingFaults(sync: Record<string, unknown>, path: Path): Fault[] {
  const identity = mapOf(sync['identity']);
  const fields = writtenMappings(sync['fields'], [...path, 'fields']);
  const overrideFields = writtenMappings(sync['overrideFields'], [...path, 'overrideFields']);
  const sourceless = fields.filter(
    ({ from, to, override }) => to !== undefined && from === undefined && override === undefined,
  );
  const fixedNowhere = overrideFields.filter(({ to, override }) => to !== undefined && override === undefined);
  const encrypted = [...fields, ...overrideFields].filter(({ encrypt }) => encrypt === true);
  return [
    ...repeated(
      [
        { value: identity['to'], path: [...path, 'identity', 'to'] },
        ...fields.map(({ to, path }) => ({ value: to, path })),
      ],
      (first) => `writes to the same field of the audience as ${at(first)}`,
    ),
    ...repeated(
      overrideFields.map(({ to, path }) => ({ value: to, path })),
      (first) => `writes to the same field of the audience as ${at(first)}`,
    ),
    ...sourceless.map(({ path }) => ({
      path,
      message: 'says not what to write: give `from`, a column, or `override`, a fixed value',
    })),
    ...fixedNowhere.map(({ path }) => ({ path, message: 'needs `override`, the fixed value to write' })),
    ...(sync['encryptionPassphrase'] === undefined ? encrypted : []).map(({ path }) => ({
      path: [...path, 'encrypt'],
      message: 'needs `encryptionPassphrase` on the sync',
    })),
  ];
}

function filterFaults({ filters, filterLogic, overrides }: Record<string, unknown>, path: Path): Fault[] {
  const compared = [
    ...listOf(filters).map((one, i) => ({ one: mapOf(one), path: [...path, 'filters', i] })),
    ...listOf(overrides).map((one, i) => ({ one: mapOf(one), path: [...path, 'overrides', i] })),
  ];
  const faults = compared.flatMap(({ one, path }): Fault[] => {
    const { function: name, value } = one;
    if (typeof name !== 'string') {
      return value === undefined
        ? []
        : [{ path: [...path, 'value'], message: 'needs `function`, to say how it is compared' }];
    }
    if (VALUELESS_FUNCTIONS.includes(name)) {
      return value === undefined
        ? []
        : [{ path: [...path, 'value'], message: `is not taken by function ${name}; leave it out` }];
    }
    return value === undefined
      ? [{ path: [...path, 'value'], message: 'is missing: this function compares with it' }]
      : [];
  });
  if (filterLogic !== undefined && filters === undefined) {
    faults.push({ path: [...path, 'filterLogic'], message: 'needs `filters` to combine' });
  }
  return faults;
}

function reminderFaults({ signIn, notify }: Record<string, unknown>): Fault[] {
  const { remindEvery, timeout } = mapOf(signIn);
  if (remindEvery === undefined) return [];
  const path = ['options', 'signIn', 'remindEvery'];
  const nowhere = 'needs `options.notify`, to say where reminders are sent';
  const never =
    'is longer than the sign-in is waited for (`timeout`, 7d if it is not written), so no reminder would come';
  const [every, end] = [durationMs(remindEvery), signInTimeoutMs(timeout)];
  return [
    ...(notify === undefined ? [{ path, message: nowhere }] : []),
    ...(every === undefined || end === undefined || every <= end ? [] : [{ path, message: never }]),
  ];
}

/** The account and name of the audience that a sync makes, as one text; `undefined` where it makes none. */
function newAudience(sync: Record<string, unknown>): string | undefined {
  const { name, account } = mapOf(mapOf(sync['audience'])['create']);
  return typeof name === 'string' && typeof account === 'string' ? JSON.stringify([account, name]) : undefined;
}

/** A fault for each text that an earlier place has already. */
function repeated(places: Array<{ value: unknown; path: Path }>, message: (first: Path) => string): Fault[] {
  const seen = new Map<string, Path>();
  return places.flatMap(({ value, path }) => {
    if (typeof value !== 'string') return [];
    const first = seen.get(value);
    if (first !== undefined) return [{ path, message: message(first) }];
    seen.set(value, path);
    return [];
  });
}

function at(path: Path): string {
  return `\`${pathText(path)}\``;
}

function mapOf(value: unknown): Record<string, unknown> {
  return isMap(value) ? value : {};
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
