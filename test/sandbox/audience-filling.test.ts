import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fillAudience, type Member } from '../../src/sandbox/audience-filling.ts';
import type { SyncMode } from '../../src/sandbox/documents.ts';
import { fieldsOf } from '../../src/sandbox/linkedin.ts';
import { identityKey } from '../../src/sandbox/member-matching.ts';

const EMAIL = { target: 'Email', column: 'email', function: 'Equality' } as const;
const MAPPINGS = [{ target: 'FirstName', column: 'name' }];

function fill(
  mode: SyncMode,
  rows: Array<Record<string, unknown>>,
  members: Member[] = [],
  identity: typeof EMAIL | undefined = EMAIL,
) {
  const sync = { mode, mappings: MAPPINGS, ...(identity === undefined ? {} : { identity }) };
  return fillAudience({ sync, fields: fieldsOf('user_audience'), rows, members });
}

const ADA = { Email: 'ada@x', FirstName: 'Ada' };
const BOB = { Email: 'bob@x', FirstName: 'Bob' };
const ROWS = [
  { email: 'ada@x', name: 'Ada!' },
  { email: 'cy@x', name: 'Cy' },
];
const NEW_ADA = { Email: 'ada@x', FirstName: 'Ada!' };
const CY = { Email: 'cy@x', FirstName: 'Cy' };

describe('filling an audience of Ada and Bob with a changed Ada and a new Cy', () => {
  it.each<[SyncMode, Member[], object]>([
    ['create', [ADA, BOB, CY], { insert: 1, update: 0, delete: 0, upserts: 0 }],
    ['update', [NEW_ADA, BOB], { insert: 0, update: 1, delete: 0, upserts: 0 }],
    ['updateOrCreate', [NEW_ADA, BOB, CY], { insert: 1, update: 1, delete: 0, upserts: 2 }],
    ['replace', [NEW_ADA, CY], { insert: 2, update: 0, delete: 2, upserts: 0 }],
    ['snapshot', [NEW_ADA, CY], { insert: 1, update: 1, delete: 1, upserts: 0 }],
    ['append', [ADA, BOB, NEW_ADA, CY], { insert: 2, update: 0, delete: 0, upserts: 0 }],
    ['remove', [BOB], { insert: 0, update: 0, delete: 1, upserts: 0 }],
  ])('in mode %s', (mode, members, counts) => {
    const filled = fill(mode, ROWS, [ADA, BOB]);
    expect(filled.members).toEqual(members);
    expect(filled.counts).toMatchObject({ total: 2, error: 0, warnings: 0, ...counts });
  });
});

describe('filling an audience', () => {
  it('keeps what a member has and a row says nothing of', () => {
    const member = { ...ADA, Country: 'GB' };
    expect(fill('updateOrCreate', ROWS.slice(0, 1), [member]).members).toEqual([{ ...NEW_ADA, Country: 'GB' }]);
  });

  it('counts a member that is right already as nothing', () => {
    const { counts, members } = fill('updateOrCreate', [{ email: 'ada@x', name: 'Ada' }], [ADA]);
    expect(counts).toMatchObject({ total: 1, insert: 0, update: 0, upserts: 0 });
    expect(members).toEqual([ADA]);
  });

  it('counts a row without an identity as an error, in every mode', () => {
    for (const mode of ['create', 'update', 'updateOrCreate', 'replace', 'append', 'remove', 'snapshot'] as const) {
      const { counts, errors } = fill(
        mode,
        [
          { email: null, name: 'x' },
          { email: '', name: 'y' },
        ],
        [],
      );
      expect(counts).toMatchObject({ total: 2, error: 2, insert: 0 });
      expect(errors[0]).toBe('row 1: no value for field "Email"');
    }
  });

  it('counts a row without a required field as an error where there is no identity', () => {
    const { counts, errors } = fill('create', [{ name: 'x' }], [], undefined);
    expect(counts).toMatchObject({ error: 1, insert: 0 });
    expect(errors).toEqual(['row 1: no value for field "Email"']);
  });

  it('tells members apart by all mapped values where there is no identity', () => {
    const sync = { mode: 'create' as const, mappings: [{ target: 'Email', column: 'email' }, ...MAPPINGS] };
    const filled = fillAudience({ sync, fields: fieldsOf('user_audience'), rows: [...ROWS, ...ROWS], members: [ADA] });
    expect(filled.members).toEqual([ADA, NEW_ADA, CY]);
  });

  it('reports twenty errors one by one, and counts them all', () => {
    const { counts, errors } = fill(
      'create',
      Array.from({ length: 50 }, () => ({})),
    );
    expect(counts.error).toBe(50);
    expect(errors).toHaveLength(20);
  });

  it('prefers an override to the column, and writes what is no text as JSON', () => {
    const mappings = [
      { target: 'Country', column: 'country', override: 'GB' },
      { target: 'Company', override: 'Acme' },
      { target: 'JobTitle', column: 'level' },
    ];
    const rows = [{ email: 'ada@x', country: 'FR', level: 7 }];
    const sync = { mode: 'create' as const, mappings, identity: EMAIL };
    expect(fillAudience({ sync, fields: fieldsOf('user_audience'), rows, members: [] }).members).toEqual([
      { Email: 'ada@x', Country: 'GB', Company: 'Acme', JobTitle: '7' },
    ]);
  });

  it('leaves members alone that have no value for the identity', () => {
    const unkeyed = { FirstName: 'X' };
    expect(fill('create', ROWS, [unkeyed, unkeyed]).members).toEqual([unkeyed, unkeyed, NEW_ADA, CY]);
  });

  it('does what it says for any rows and members', () => {
    const email = fc.constantFrom('a@x', 'b@x', 'c@x', 'd@x');
    const rows = fc.array(fc.record({ email: fc.option(email), name: fc.constantFrom('A', 'B', null) }), {
      maxLength: 12,
    });
    const before = fc.uniqueArray(fc.record({ Email: email, FirstName: fc.constantFrom('A', 'B') }), {
      selector: ({ Email }) => Email,
    });
    fc.assert(
      fc.property(rows, before, (given, members) => {
        const keys = (filled: { members: Member[] }) => new Set(filled.members.map(({ Email }) => Email));
        const valid = new Set(given.flatMap((row) => row.email ?? []));
        const had = new Set(members.map(({ Email }) => Email));
        const copy = structuredClone(members);
        for (const mode of ['create', 'update', 'updateOrCreate', 'replace', 'append', 'remove', 'snapshot'] as const) {
          const filled = fill(mode, given, members);
          const { counts } = filled;
          expect(members).toEqual(copy);
          expect(counts.total).toBe(given.length);
          expect(counts.error).toBe(given.filter((row) => row.email === null).length);
          expect(filled.members.length).toBe(members.length + counts.insert - counts.delete);
          if (mode === 'replace' || mode === 'snapshot') expect(keys(filled)).toEqual(valid);
          if (mode === 'create' || mode === 'updateOrCreate') expect(keys(filled)).toEqual(new Set([...had, ...valid]));
          if (mode === 'update') expect(keys(filled)).toEqual(had);
          if (mode === 'remove') expect(keys(filled)).toEqual(new Set([...had].filter((each) => !valid.has(each))));
          if (mode !== 'append') expect(keys(filled).size).toBe(filled.members.length);
        }
      }),
    );
  });
});

describe('the identity functions', () => {
  it.each([
    ['Equality', 'Ada@X.example', 'Ada@X.example'],
    ['HostnameMatch', 'https://WWW.x.example/path?q', 'www.x.example'],
    ['HostnameMatch', 'www.x.example', 'www.x.example'],
    ['DomainMatch', 'ada@mail.x.example', 'x.example'],
    ['DomainMatch', 'https://www.x.example', 'x.example'],
    ['DomainMatch', 'x.example', 'x.example'],
    ['HostnameMatch', 'no host at all', 'no host at all'],
  ] as const)('%s compares %s as %s', (name, value, key) => {
    expect(identityKey(name, value)).toBe(key);
  });
});
