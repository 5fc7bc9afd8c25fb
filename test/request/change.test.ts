import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type ProvisioningRequest, parseChange, parseRequest, replaced } from '../../src/request/schema.ts';
import { changed, walkthrough } from './valid-request.ts';

type Path = Array<string | number>;

const request: ProvisioningRequest = walkthrough();

/** Every place in a value, as paths. */
function placesOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const entries: Array<[string | number, unknown]> = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value);
  return [path, ...entries.flatMap(([key, entry]) => placesOf(entry, [...path, key]))];
}

function pieceAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<string | number, unknown>)[key], value);
}

const places = fc.constantFrom(...placesOf(request));

/** What JSON says with a number of its own for zero. */
const json = fc.jsonValue().map((value): unknown => JSON.parse(JSON.stringify(value)));

/** Places that there are, and others. */
const anyPath: fc.Arbitrary<Path> = fc.oneof(
  places,
  fc.tuple(places, fc.array(fc.oneof(fc.string(), fc.integer()), { maxLength: 3 })).map(([a, b]) => [...a, ...b]),
  fc.constantFrom<Path[]>(['__proto__'], ['constructor', 'prototype'], ['syncs', 'length'], ['syncs', -1], [0]),
);

describe('a changed piece', () => {
  const query = { name: 'Active Users', query: 'SELECT email FROM customers' };
  const accepted: Array<[path: Path, change: unknown, same: string]> = [
    [['models', 'active-users'], query, 'models.active-users'],
    [['models', 'more'], { use: 'Another' }, 'models.more'],
    [['syncs', 1, 'audience'], { existing: 'Another' }, 'syncs.1.audience'],
    [['syncs', 1, 'audience'], 'ask', 'syncs.1.audience'],
    [['linkedinAds', 'accounts'], ['a'], 'linkedinAds.accounts'],
    [['requester'], 'Ana', 'requester'],
    [['options'], { firstRun: 'start' }, 'options'],
  ];
  it.each(accepted)('at %j may become %j', (path, change, same) => {
    expect(parseChange(request, path, change)).toEqual({ ok: true, request: changed(same, change) });
  });

  it('may be the whole request', () => {
    const other = changed('name', 'other');
    expect(parseChange(request, [], other)).toEqual({ ok: true, request: other });
  });

  const refused: Array<[path: Path, change: unknown, at: Path, message: string]> = [
    [
      ['models', 'active-users'],
      { name: 'M', query: '' },
      ['models', 'active-users', 'query'],
      'expects a query; found an empty text',
    ],
    [['models'], { users: query }, ['syncs', 0, 'model'], 'is no key under models; there are `users`'],
    [
      ['syncs', 0, 'audience'],
      walkthrough().syncs[1].audience,
      ['syncs', 1, 'audience', 'create'],
      'makes the same audience as `syncs[0].audience.create`; let one sync make it, or give them different names',
    ],
    // What two steps of one run have made under one name could not be told apart.
    [
      ['models', 'more'],
      query,
      ['models', 'more', 'name'],
      'is the name of `models.active-users.name` too; each model needs one of its own',
    ],
    [
      ['syncs', 1],
      { ...walkthrough().syncs[1], name: walkthrough().syncs[0].name },
      ['syncs', 1, 'name'],
      'is the name of `syncs[0].name` too; each sync needs one of its own',
    ],
    ...[
      ['syncs', 2],
      ['syncs', '0'],
      ['options', 'signIn', 'timeout'],
      ['name', 'x'],
      ['models', 'x', 'query'],
    ].map((path): [Path, unknown, Path, string] => [
      path,
      'x',
      path,
      'is no place in the request, so nothing can stand there',
    ]),
  ];
  it.each(refused)('at %j may not become %j', (path, change, at, message) => {
    const parsed = parseChange(request, path, change);
    expect(parsed.ok ? [] : parsed.faults).toContainEqual({ path: at, message });
  });

  it('that is what is there already gives the same request', () => {
    fc.assert(
      fc.property(places, (path) => {
        expect(parseChange(request, path, pieceAt(request, path))).toEqual({ ok: true, request });
        expect(replaced(request, path, pieceAt(request, path))).toEqual(request);
      }),
    );
  });

  it('is never thrown at, and the request is never changed by it', () => {
    fc.assert(
      fc.property(anyPath, fc.jsonValue(), (path, change) => {
        const before = walkthrough();
        expect(typeof parseChange(before, path, change).ok).toBe('boolean');
        expect(replaced(before, path, change)).toBeDefined();
        expect(before).toStrictEqual(walkthrough());
      }),
      { numRuns: 200 },
    );
  });

  it('is there unchecked as it would be checked', () => {
    const small = fc.oneof(json, fc.constantFrom('ask', 'all', 'other', { existing: 'x' }, { use: 'x' }));
    fc.assert(
      fc.property(anyPath, small, (path, change) => {
        const parsed = parseChange(request, path, change);
        fc.pre(parsed.ok);
        expect(replaced(request, path, change)).toEqual(parsed.request);
      }),
      { numRuns: 200 },
    );
  });

  it('has its faults at or below places of the changed request, or is told to be no place', () => {
    fc.assert(
      fc.property(anyPath, json, (path, change) => {
        const parsed = parseChange(request, path, change);
        const whole = replaced(request, path, change);
        if (parsed.ok) return;
        expect(parsed.faults.length).toBeGreaterThan(0);
        if (whole === request) return expect(parsed.faults).toHaveLength(1);
        expect(parsed).toEqual(parseRequest(whole));
        for (const fault of parsed.faults) {
          const around = pieceAt(whole, fault.path.slice(0, -1));
          if (fault.path.length > 0) expect(typeof around).toBe('object');
        }
      }),
      { numRuns: 500 },
    );
  });

  it('leaves what it replaces and what is beside it as they were', () => {
    const after = replaced(request, ['syncs', 0, 'mode'], 'remove');
    expect(request.syncs[0]?.mode).toBe('create');
    expect(after.syncs[0]?.mode).toBe('remove');
    expect(after.syncs[1]).toBe(request.syncs[1]);
    expect(after.models).toBe(request.models);
  });

  it('at a place that there is not changes nothing when it is not checked', () => {
    expect(replaced(request, ['syncs', 7, 'mode'], 'remove')).toBe(request);
  });

  it('cannot change what all objects have', () => {
    const after: unknown = replaced(request, ['__proto__', 'polluted'], true);
    expect(after).toBe(request);
    expect(parseChange(request, ['__proto__'], { polluted: true }).ok).toBe(false);
    expect(Object.getPrototypeOf(replaced(request, ['__proto__'], { polluted: true }))).toBe(Object.prototype);
  });
});
