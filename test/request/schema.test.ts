import { describe, expect, it } from '@jest/globals';
import { LIMITS, parseRequest, pathText } from '../../src/request/schema.ts';
import { changed, faultLines, walkthrough } from './valid-request.ts';

const keyPair = { name: 'S', account: 'a', username: 'u', dbname: 'd', privateKey: { file: 'key.p8' } };
const oauth = { clientId: 'id', clientSecret: { env: 'CS' }, oauthRefreshToken: { env: 'RT' } };

describe('a request that is accepted', () => {
  const cases: Array<[string, string, unknown]> = [
    ['a requester', 'requester', 'Ana Pérez'],
    ['a Snowflake connection by id', 'snowflake.connection', { use: '248df4b7-aa70-47b8-a036-33ac447e668d' }],
    ['a key pair', 'snowflake.connection', keyPair],
    ['a key pair with a passphrase', 'snowflake.connection', { ...keyPair, privateKeyPassphrase: { env: 'P' } }],
    [
      'connection options',
      'snowflake.connection',
      { ...keyPair, warehouse: 'W', params: 'role=R', orUse: true, validate: false },
    ],
    [
      'an extra with a secret reference',
      'snowflake.connection',
      { ...keyPair, extra: { a: [1, { token: { env: 'T' } }] } },
    ],
    [
      'harmless values under secret-looking keys',
      'snowflake.connection',
      { ...keyPair, extra: { use_token: true, secret: null } },
    ],
    ['a LinkedIn connection that exists', 'linkedinAds.connection', { use: 'LinkedIn', reconnect: 'allowed' }],
    ['OAuth values', 'linkedinAds.connection', { name: 'L', ...oauth }],
    ['a redirect URL', 'linkedinAds.connection', { name: 'L', redirectUrl: 'https://example.com:8443/done?x=1' }],
    ['a redirect to this machine', 'linkedinAds.connection', { name: 'L', redirectUrl: 'http://127.0.0.1:8080/' }],
    ['all accounts', 'linkedinAds.accounts', 'all'],
    ['accounts that a person chooses', 'linkedinAds.accounts', 'ask'],
    ['an account called ask', 'linkedinAds.accounts', ['ask']],
    ['a model that exists', 'models.active-users', { use: 'Active Users' }],
    [
      'a model with all options',
      'models.active-users',
      {
        name: 'M',
        query: 'SELECT 1\n  AS a',
        orUse: true,
        fields: ['a'],
        identifier: 'a',
        trackingColumns: ['a'],
        labels: ['l'],
        extra: { relations: [] },
      },
    ],
    [
      'fields as a list',
      'syncs.0.fields',
      [
        { from: 'a', to: 'A' },
        { to: 'B', override: '' },
      ],
    ],
    ['fields with options', 'syncs.0.fields', { a: { to: 'A', mode: 'create', new: true } }],
    ['a column called constructor', 'syncs.0.fields', { constructor: 'A', toString: 'B' }],
    [
      'filters',
      'syncs.0.filters',
      [
        { from: 'a', function: 'IsNull' },
        { to: 'A', function: 'Between', value: [1, 2], label: 'B' },
      ],
    ],
    [
      'overrides',
      'syncs.0.overrides',
      [
        { from: 'a', override: null },
        { from: 'a', function: 'Equality', value: 1, override: 2 },
      ],
    ],
    ['override fields', 'syncs.0.overrideFields', [{ to: 'A', override: 'x' }]],
    ['an encryption passphrase', 'syncs.0.encryptionPassphrase', { env: 'P' }],
    [
      'switches',
      'syncs.0',
      {
        ...walkthrough().syncs[0],
        active: false,
        syncAllRecords: true,
        onlyEnrichUpdates: true,
        skipInitialBackfill: true,
      },
    ],
    ['an audience that a person chooses', 'syncs.0.audience', 'ask'],
    [
      'several audiences that a person chooses',
      'syncs',
      walkthrough().syncs.map((sync: object) => ({ ...sync, audience: 'ask' })),
    ],
    ['an extra on a sync', 'syncs.0.extra', { policies: ['p'] }],
    ['no identity where the mode needs none', 'syncs.0.identity', undefined],
    [
      'an identity with a new field',
      'syncs.0.identity',
      { from: 'a', to: 'A', function: 'oNeOf', newField: true, remoteFieldTypeId: 't' },
    ],
    ['manual', 'syncs.0.schedule', { frequency: 'manual' }],
    ['hourly', 'syncs.0.schedule', { frequency: 'hourly', minute: '5' }],
    ['daily', 'syncs.0.schedule', { frequency: 'daily', hour: '5', minute: '0' }],
    ['weekly', 'syncs.0.schedule', { frequency: 'weekly', dayOfWeek: '1', hour: '5' }],
    [
      'custom',
      'syncs.0.schedule',
      { frequency: 'custom', minute: '*/5', hour: '1-5', dayOfMonth: '1,15', month: 'JAN', dayOfWeek: '*' },
    ],
    ['builder', 'syncs.0.schedule', { frequency: 'builder', hour: '1' }],
    [
      'runafter',
      'syncs.0.schedule',
      { frequency: 'runafter', runAfter: { syncIds: ['a'], bulkSyncIds: ['b'] }, runAfterSuccessOnly: true },
    ],
    ['multi', 'syncs.0.schedule', { frequency: 'multi', hour: '1', runAfter: { syncIds: ['a'] } }],
    ['dbtcloud', 'syncs.0.schedule', { frequency: 'dbtcloud', jobId: 7, connectionId: 'c' }],
  ];
  it.each(cases)('may have %s', (_, path, value) => {
    const request = changed(path, value);
    expect(faultLines(request)).toEqual([]);
    expect(parseRequest(request)).toEqual({ ok: true, request });
  });

  it('loses only keys without a value, and the sign of zero, as in JSON', () => {
    expect(parseRequest(changed('syncs.0.extra', { policies: -0 }))).toEqual({
      ok: true,
      request: changed('syncs.0.extra', { policies: 0 }),
    });
    expect(parseRequest({ ...walkthrough(), requester: undefined })).toEqual({ ok: true, request: walkthrough() });
  });

  it('may come from another realm or have no prototype', () => {
    expect(faultLines(Object.assign(Object.create(null), walkthrough()))).toEqual([]);
  });
});

describe('a request that is refused', () => {
  const cases: Array<[string, unknown, string]> = [
    [
      'identity',
      1,
      'identity: unknown key `identity`; known here are `name`, `requester`, `snowflake`, `linkedinAds`, `models`, `syncs`, `options`',
    ],
    ['linkedin_ads', {}, 'linkedin_ads: unknown key `linkedin_ads`; did you mean `linkedinAds`?'],
    [
      'name',
      'Active Users',
      'name: expects a name of at most 63 small letters, digits, - . and _, beginning with a letter or digit; found a text of 12 characters',
    ],
    [
      'name',
      undefined,
      'name: is missing: expects a name of at most 63 small letters, digits, - . and _, beginning with a letter or digit',
    ],
    [
      'requester',
      7,
      'requester: expects one line of text, at most 200 characters, without spaces at its ends; found a number; write it in quotes to make it text',
    ],
    [
      'requester',
      'a\nb',
      'requester: expects one line of text, at most 200 characters, without spaces at its ends; found a text of 3 characters',
    ],
    [
      'requester',
      'a\u202eb',
      'requester: expects one line of text, at most 200 characters, without spaces at its ends; found a text of 3 characters',
    ],
    ['syncs', {}, 'syncs: expects a list of 1 to 200 syncs; found an empty map'],
    ['syncs', [], 'syncs: expects a list of 1 to 200 syncs; found an empty list'],
    [
      'syncs.0',
      'x',
      'syncs.0: expects a sync: a map with name, model, audience, mode, identity, fields, overrideFields, overrides, filters, filterLogic, schedule, active, syncAllRecords, onlyEnrichUpdates, skipInitialBackfill, encryptionPassphrase, extra; found a text of 1 character',
    ],
  ];
  it.each(cases)('for %s = %j', (path, value, message) => {
    const found = faultLines(changed(path, value));
    expect(found).toEqual(expect.arrayContaining([message]));
  });

  it('for all of its faults at once, those between parts included', () => {
    const request = changed(
      'snowflake.connection.password',
      'hunter2',
      changed('name', 7, changed('syncs.1.model', 'x')),
    );
    expect(faultLines(changed('syncs.0.schedule', undefined, request)).map((fault) => fault.split(':')[0])).toEqual([
      'name',
      'snowflake.connection.password',
      'syncs.0.schedule',
      'syncs.1.model',
    ]);
  });

  it('when it is larger than 256 KiB, however it is spread', () => {
    const queries = Array.from({ length: 5 }, (_, i) => [`m${i}`, { name: `M${i}`, query: 'x'.repeat(60_000) }]);
    expect(faultLines(changed('models', Object.fromEntries(queries)))).toEqual([
      ': is larger than 256 KiB as JSON; make queries views in Snowflake, or split it into several requests',
    ]);
    expect(faultLines({ x: 'é'.repeat(LIMITS.requestBytes) })).toHaveLength(1);
    const itself: unknown[] = [];
    itself.push(itself, itself);
    expect(faultLines(itself).length).toBeGreaterThan(0);
  });

  it('when JSON could not say it', () => {
    const extra = (value: unknown) => faultLines(changed('syncs.0.extra', { policies: value }));
    expect(extra(Number.NaN)).toEqual([
      'syncs.0.extra.policies: expects what JSON can say; found a number that is not finite',
    ]);
    expect(extra(new Date())).toEqual([
      'syncs.0.extra.policies: expects what JSON can say; found an object of a class',
    ]);
    expect(extra(() => 1)).toEqual(['syncs.0.extra.policies: expects what JSON can say; found a function']);
    expect(extra('\ud800')).toEqual(['syncs.0.extra.policies: has a character that is no valid Unicode']);
    expect(extra(JSON.parse('{"__proto__": 1}'))).toEqual([
      'syncs.0.extra.policies.__proto__: unknown key `__proto__`',
    ]);
    expect(extra(JSON.parse('['.repeat(1000) + ']'.repeat(1000)))[0]).toMatch(/: lies deeper than 32 levels$/);
    const throwing = {
      get x() {
        throw new Error('hunter2');
      },
    };
    expect(extra(throwing)).toEqual([': expects plain JSON; found something that cannot be read']);
  });

  it('with no more than a hundred faults, and the number of the others', () => {
    const many = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`k${i}`, 1]));
    const found = faultLines({ ...walkthrough(), ...many });
    expect(found).toHaveLength(101);
    expect(found.at(-1)).toBe(': has 50 faults more than are listed');
  });

  it('with long keys cut and strange ones made harmless', () => {
    const [long] = faultLines({ ...walkthrough(), ['k'.repeat(5000)]: 1 });
    expect(long?.length).toBeLessThan(400);
    expect(faultLines({ ...walkthrough(), 'a\u001b[31m': 1 })[0]).toContain('unknown key `a\ufffd[31m`');
  });

  it('with no half of a character, be it in the key or left by the cut', () => {
    expect(pathText(['syncs', 0, '𐀀\ud800'])).toBe('syncs[0][`𐀀\ufffd`]');
    const long = '𐀀'.repeat(LIMITS.shownKey);
    for (const key of [long, `k${long}`]) {
      const told = faultLines({ ...walkthrough(), [key]: 1 });
      expect(told).toEqual([expect.stringMatching(/unknown key `k?𐀀+\ufffd?…`/u)]);
    }
  });
});
