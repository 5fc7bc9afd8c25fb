import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { parse } from 'yaml';
import { requestJsonSchema } from '../../src/request/json-schema.ts';
import { parseRequest } from '../../src/request/schema.ts';
import { changed, walkthrough } from './valid-request.ts';

interface Schema {
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
}

const schema = requestJsonSchema();
const validate = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(schema);

/** The schemas of all keys, by path as docs/request.md writes it. Secret references are told once there, so not entered. */
function keysOf(one: Schema, path = ''): Array<[path: string, schema: Schema]> {
  const properties = Object.entries(one.properties ?? {});
  if (properties.length === 1 && (properties[0]?.[0] === 'env' || properties[0]?.[0] === 'file')) return [];
  const own = properties.flatMap(([key, property]): Array<[string, Schema]> => {
    const at = path === '' ? key : `${path}.${key}`;
    return [[at, property], ...keysOf(property, at)];
  });
  const { additionalProperties: others, items, anyOf = [], oneOf = [] } = one;
  const open = typeof others === 'object' && !path.endsWith('.extra');
  const entries: Array<[string, Schema]> = open ? [[`${path}.<key>`, others], ...keysOf(others, `${path}.<key>`)] : [];
  const listed = items === undefined ? [] : keysOf(items, `${path}[]`);
  return [...own, ...entries, ...listed, ...[...anyOf, ...oneOf].flatMap((branch) => keysOf(branch, path))];
}

const keys = keysOf(schema);

describe('the JSON Schema', () => {
  it('accepts every example', async () => {
    for (const name of await readdir('examples')) {
      expect(validate(parse(await readFile(`examples/${name}`, 'utf8'))) || validate.errors).toBe(true);
    }
  });

  it('describes every key', () => {
    expect(keys.length).toBeGreaterThan(60);
    for (const [path, { description }] of keys.filter(([path]) => !path.endsWith('.<key>'))) {
      expect([path, description]).toEqual([path, expect.stringMatching(/^[A-Z].*\.$/)]);
    }
  });

  const wrong: Array<[string, unknown]> = [
    ['identitiy', 1],
    ['name', 'Active Users'],
    ['name', undefined],
    ['requester', 7],
    ['requester', ' a'],
    ['snowflake.connection', {}],
    ['snowflake.connection', 'x'],
    ['snowflake.connection.use', 'x'],
    ['snowflake.connection.password', 'hunter2'],
    ['snowflake.connection.password', { env: 'A', file: 'b' }],
    ['snowflake.connection.password', { env: 'A-B' }],
    ['snowflake.connection.privateKey', { env: 'A' }],
    ['linkedinAds.accounts', 'Ask'],
    ['linkedinAds.accounts', []],
    ['linkedinAds.accounts', ['a', 'a']],
    ['linkedinAds.connection.reconnect', 'yes'],
    ['linkedinAds.connection.redirectUrl', 'http://example.com'],
    ['models', {}],
    ['models', Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`m${i}`, { use: 'M' }]))],
    ['models.a b', { use: 'M' }],
    ['models.active-users.query', ''],
    ['syncs', []],
    ['syncs.0.mode', 'creat'],
    ['syncs.0.audience', 'all'],
    ['syncs.0.audience', { existing: 'a', create: { name: 'a', type: 'b', account: 'c' } }],
    ['syncs.0.fields', {}],
    ['syncs.0.fields', { ' a': 'A' }],
    ['syncs.0.fields', [{ from: 'a' }]],
    ['syncs.0.identity.function', 'equals'],
    ['syncs.0.overrides', [{ from: 'a' }]],
    ['syncs.0.schedule', { frequency: 'continuous', hour: '1' }],
    ['syncs.0.schedule', { frequency: 'dbtcloud', jobId: 1.5, connectionId: 'c' }],
    ['syncs.0.schedule', {}],
    ['options', []],
    ['options', { onfailure: 'undo' }],
    ['options', { signIn: { timeout: '7' } }],
    ['options', { signIn: { linkTtl: 3600 } }],
    ['options', { signIn: { poll: false } }],
    ['options', { signIn: { poll: '0s' } }],
    ['options', { signIn: { remind: '1d' } }],
    ['options', { signIn: { onTimeout: 'wait' } }],
    ['options', { firstRun: true }],
    ['options', { notify: { url: 'https://example.com' } }],
    ['options', { notify: { url: 'http://example.com', secret: { env: 'A' } } }],
    ['options', { notify: { url: 'https://example.com', secret: 'hunter2' } }],
  ];
  it.each(wrong)('refuses, as the request does, %s = %j', (path, value) => {
    const request = changed(path, value);
    expect(parseRequest(request).ok).toBe(false);
    expect(validate(request)).toBe(false);
  });

  it('accepts whatever the request accepts', () => {
    const places = [
      'requester',
      'linkedinAds.accounts',
      'models.m',
      'syncs.0.fields',
      'syncs.0.fields.a',
      'syncs.0.extra',
      'syncs.0.audience',
      'syncs.1.filters',
      'options',
    ];
    const filters = fc.array(
      fc.record({
        from: fc.string({ minLength: 1 }),
        function: fc.constantFrom('IsNull', 'Equality'),
        value: fc.jsonValue(),
      }),
    );
    const value = fc.oneof(fc.jsonValue(), fc.string(), fc.dictionary(fc.string(), fc.string()), filters);
    fc.assert(
      fc.property(fc.constantFrom(...places), value, (path, put) => {
        const request = changed(path, put);
        if (parseRequest(request).ok) expect(validate(request) || validate.errors).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('knows as well as the request which options there are, but for the longest length of time and the rarest reminder', () => {
    const written = fc.constantFrom<unknown[]>('1s', '365d', '0s', '1.5h', '1D', 'off', 'no', 7, false, null, {});
    const word = fc.constantFrom<unknown[]>('block', 'fail', 'wait', 'keep', 'undo', 'none', 'start', 'await', true);
    const options = fc.record(
      {
        signIn: fc.record(
          { timeout: written, linkTtl: written, poll: written, onTimeout: word, other: word },
          { requiredKeys: [] },
        ),
        onBlocked: word,
        onFailure: word,
        firstRun: word,
        notify: fc.record(
          {
            url: fc.constantFrom(
              'https://a.example',
              'http://a.example',
              'http://localhost:1',
              'https://a@b.example',
              7,
            ),
            secret: fc.constantFrom<unknown[]>({ env: 'A' }, { file: 'a' }, { env: 'A', file: 'a' }, 'A', {}),
          },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(options, (put) => {
        const request = changed('options', put);
        expect(validate(request)).toBe(parseRequest(request).ok);
      }),
      { numRuns: 1000 },
    );
  });

  it('accepts the walkthrough with options of every frequency', () => {
    for (const schedule of [
      { frequency: 'multi', runAfter: { syncIds: ['a'] } },
      { frequency: 'weekly', dayOfWeek: '1' },
    ]) {
      expect(validate(changed('syncs.0.schedule', schedule, walkthrough()))).toBe(true);
    }
  });
});

describe('docs/request.md', () => {
  it('has a row for every key, and none for a key that there is not', async () => {
    const page = await readFile('docs/request.md', 'utf8');
    const rows = [...page.matchAll(/^\| \**`([^`]+)`\** \|.*\|.*\|.*\|.*\|$/gm)].map((row) => row[1] ?? '');
    expect([...new Set(rows)].sort()).toEqual([...new Set(keys.map(([path]) => path))].sort());
    expect(rows).toHaveLength(new Set(rows).size);
  });
});
