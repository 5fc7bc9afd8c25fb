import { describe, expect, it } from '@jest/globals';
import { changed, faultLines, walkthrough } from './valid-request.ts';

const SECRET =
  'a reference to a secret, { env: NAME } for a variable of the worker or { file: PATH } for a file of its secrets directory, never the secret itself';

describe('faults in syncs', () => {
  const cases: Array<[path: string, written: unknown, fault: string]> = [
    // Syncs
    ['syncs.0.model', 'users', 'syncs.0.model: is no key under models; there are `active-users`'],
    ['syncs.0.model', 'constructor', 'syncs.0.model: is no key under models; there are `active-users`'],
    ['syncs.0.identitiy', {}, 'syncs.0.identitiy: unknown key `identitiy`; did you mean `identity`?'],
    [
      'syncs.1.name',
      'Existing audience',
      'syncs.1.name: is the name of `syncs[0].name` too; each sync needs one of its own',
    ],
    [
      'syncs.0.mode',
      'updateorcreate',
      'syncs.0.mode: expects one of create, update, updateOrCreate, replace, append, remove, snapshot; found a text of 14 characters; did you mean `updateOrCreate`?',
    ],
    [
      'syncs.0',
      { ...walkthrough().syncs[0], mode: 'remove', identity: undefined },
      'syncs.0.identity: is missing: mode update, updateOrCreate and remove need it to find records in the audience',
    ],
    [
      'syncs.0.identity.function',
      'equals',
      'syncs.0.identity.function: expects one of Equality, ISubstring, OneOf, DomainMatch, HostnameMatch; found a text of 6 characters',
    ],
    [
      'syncs.0.identity.function',
      undefined,
      'syncs.0.identity.function: is missing: expects one of Equality, ISubstring, OneOf, DomainMatch, HostnameMatch',
    ],
    [
      'syncs.0.audience',
      'all',
      'syncs.0.audience: expects an audience: { existing: NAME-OR-ID }, { create: { name: …, type: …, account: … } }, or the word ask; found a text of 3 characters',
    ],
    ['syncs.0.audience', { ask: true }, 'syncs.0.audience.ask: unknown key `ask`; known here are `existing`'],
    [
      'syncs.0.audience',
      { existing: 'a', create: {} },
      'syncs.0.audience.create: unknown key `create`; known here are `existing`',
    ],
    [
      'syncs.0.audience',
      { create: { name: 'a', type: 'b' } },
      'syncs.0.audience.create.account: is missing: expects one line of text, at most 200 characters, without spaces at its ends',
    ],
    [
      'syncs.0.audience',
      walkthrough().syncs[1].audience,
      'syncs.1.audience.create: makes the same audience as `syncs[0].audience.create`; let one sync make it, or give them different names',
    ],
    [
      'syncs.0.fields',
      'x',
      'syncs.0.fields: expects a map from columns to fields of the audience, or a list of field mappings; found a text of 1 character',
    ],
    ['syncs.0.fields', {}, 'syncs.0.fields: expects a map of 1 to 200 columns; found an empty map'],
    [
      'syncs.0.fields.email',
      'Email',
      'syncs.0.fields.email: writes to the same field of the audience as `syncs[0].identity.to`',
    ],
    [
      'syncs.0.fields.a',
      1,
      'syncs.0.fields.a: expects the id of a field of the audience, or a map with to; found a number',
    ],
    ['syncs.0.fields.a', { too: 'A' }, 'syncs.0.fields.a.too: unknown key `too`; did you mean `to`?'],
    [
      'syncs.0.fields.a',
      { to: 'A', encrypt: true },
      'syncs.0.fields.a.encrypt: needs `encryptionPassphrase` on the sync',
    ],
    [
      'syncs.0.fields',
      [{ to: 'A' }],
      'syncs.0.fields.0: says not what to write: give `from`, a column, or `override`, a fixed value',
    ],
    [
      'syncs.0.fields',
      [
        { from: 'a', to: 'A' },
        { from: 'b', to: 'A' },
      ],
      'syncs.0.fields.1: writes to the same field of the audience as `syncs[0].fields[0]`',
    ],
    [
      'syncs.0.overrideFields',
      [{ to: 'A', from: 'a' }],
      'syncs.0.overrideFields.0: needs `override`, the fixed value to write',
    ],
    [
      'syncs.0.overrideFields',
      [
        { to: 'A', override: 'a' },
        { to: 'A', override: 'b' },
      ],
      'syncs.0.overrideFields.1: writes to the same field of the audience as `syncs[0].overrideFields[0]`',
    ],
    [
      'syncs.0.encryptionPassphrase',
      'hunter2',
      `syncs.0.encryptionPassphrase: expects ${SECRET}; found a text of 7 characters`,
    ],
    [
      'syncs.0.filters',
      [{ from: 'a', function: 'Equality' }],
      'syncs.0.filters.0.value: is missing: this function compares with it',
    ],
    [
      'syncs.0.filters',
      [{ from: 'a', function: 'IsNull', value: 1 }],
      'syncs.0.filters.0.value: is not taken by function IsNull; leave it out',
    ],
    [
      'syncs.0.filters',
      [{ from: 'a', to: 'A', function: 'IsNull' }],
      'syncs.0.filters.0.to: unknown key `to`; known here are `from`, `function`, `value`, `label`',
    ],
    [
      'syncs.0.filters',
      ['x'],
      'syncs.0.filters.0: expects a filter: { from: COLUMN, function: … } or { to: FIELD, function: … }; found a text of 1 character',
    ],
    ['syncs.0.filterLogic', 'A', 'syncs.0.filterLogic: needs `filters` to combine'],
    [
      'syncs.0.overrides',
      [{ from: 'a', value: 1, override: 2 }],
      'syncs.0.overrides.0.value: needs `function`, to say how it is compared',
    ],
    ['syncs.0.overrides', [{ from: 'a' }], 'syncs.0.overrides.0.override: is missing: expects a value'],
    ['syncs.0.audience', { creat: {} }, 'syncs.0.audience.creat: unknown key `creat`; did you mean `create`?'],
    // Schedules
    [
      'syncs.0.schedule',
      'daily',
      'syncs.0.schedule: expects a schedule: a map with frequency; found a text of 5 characters',
    ],
    [
      'syncs.0.schedule',
      {},
      'syncs.0.schedule.frequency: is missing: expects one of manual, continuous, hourly, daily, weekly, custom, builder, runafter, multi, dbtcloud',
    ],
    [
      'syncs.0.schedule.frequency',
      'dayly',
      'syncs.0.schedule.frequency: expects one of manual, continuous, hourly, daily, weekly, custom, builder, runafter, multi, dbtcloud; found a text of 5 characters; did you mean `daily`?',
    ],
    ['syncs.0.schedule.hour', '1', 'syncs.0.schedule.hour: unknown key `hour`; known here are `frequency`'],
    [
      'syncs.0.schedule',
      { frequency: 'daily', hour: 9 },
      'syncs.0.schedule.hour: expects the hour of the day, UTC, as text: a number, or an expression as in cron; found a number; write it in quotes to make it text',
    ],
    [
      'syncs.0.schedule',
      { frequency: 'daily', day_of_week: '1' },
      'syncs.0.schedule.day_of_week: unknown key `day_of_week`; known here are `frequency`, `minute`, `hour`',
    ],
    [
      'syncs.0.schedule',
      { frequency: 'runafter', runAfter: {} },
      'syncs.0.schedule.runAfter: expects syncIds, bulkSyncIds or both; found an empty map',
    ],
    [
      'syncs.0.schedule',
      { frequency: 'dbtcloud', jobId: 1.5, connectionId: 'c' },
      'syncs.0.schedule.jobId: expects the number of a dbt Cloud job; found a number',
    ],
  ];
  it.each(cases)('%s = %j is refused', (path, written, fault) => {
    expect(faultLines(changed(path, written))).toEqual(expect.arrayContaining([fault]));
  });
});
