import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { requestDifference, requestDigest } from '../../src/request/digest.ts';
import { changed, walkthrough } from './valid-request.ts';

/** The same value with every map's keys the other way round. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, entry]) => [key, reversed(entry)]),
  );
}

describe('requestDigest', () => {
  it('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (extra) => {
        const request = changed('syncs.0.extra', extra);
        expect(requestDigest(reversed(request) as never)).toBe(requestDigest(request));
      }),
    );
  });

  it('is the same for what JSON makes the same', () => {
    expect(requestDigest({ ...walkthrough(), requester: undefined })).toBe(requestDigest(walkthrough()));
  });

  it('depends on every value and on the order of lists', () => {
    const requests = [
      walkthrough(),
      changed('name', 'other'),
      changed('linkedinAds.accounts', ['1', 'a']),
      changed('linkedinAds.accounts', ['a', '1']),
      changed('syncs.0.extra', { a: 1 }),
      changed('syncs.0.extra', { a: '1' }),
      changed('syncs.0.extra', { a: null }),
      changed('syncs.0.extra', {}),
    ];
    expect(new Set(requests.map(requestDigest)).size).toBe(requests.length);
    expect(requestDigest(walkthrough())).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('requestDifference', () => {
  const difference = (path: string, value: unknown) => requestDifference(walkthrough(), changed(path, value));

  it('is empty for the same request', () => {
    expect(requestDifference(walkthrough(), walkthrough())).toEqual([]);
  });

  it('tells what was there and what is there now', () => {
    expect(difference('syncs.0.mode', 'remove')).toEqual(['syncs[0].mode: create → remove']);
    expect(difference('requester', 'Ana')).toEqual(['requester: (nothing) → Ana']);
    expect(difference('syncs.0.identity', undefined)).toEqual(['syncs[0].identity: a map of 3 keys → (nothing)']);
    expect(difference('syncs.0.active', true)).toEqual(['syncs[0].active: (nothing) → true']);
    expect(difference('linkedinAds.accounts', 'all')).toEqual(['linkedinAds.accounts: a list of 1 → all']);
    expect(difference('linkedinAds.accounts', ['a', 'b'])).toEqual([
      'linkedinAds.accounts[0]: Polytomic Inc. (512630692) → a',
      'linkedinAds.accounts[1]: (nothing) → b',
    ]);
  });

  it('tells long texts by their length', () => {
    const longer = 'SELECT first_name, last_name, email FROM customers';
    expect(difference('models.active-users.query', longer)).toEqual([
      'models.active-users.query: 46 characters → 50 characters',
    ]);
    const other = 'SELECT first_name, last_name, email FROM USERS';
    expect(difference('models.active-users.query', other)).toEqual([
      'models.active-users.query: another text of 46 characters',
    ]);
    expect(difference('models.active-users.query', 'a\nb')).toEqual([
      'models.active-users.query: 46 characters → 3 characters',
    ]);
  });

  it('tells a number from a text that looks like it', () => {
    const one = changed('syncs.0.extra', { a: 1 });
    expect(requestDifference(one, changed('syncs.0.extra', { a: '1' }))).toEqual([
      'syncs[0].extra.a: another text of 1 character',
    ]);
  });

  it('stops after twenty lines and says how many more there are', () => {
    const many = Object.fromEntries(Array.from({ length: 25 }, (_, i) => [`c${i}`, `T${i}`]));
    const lines = difference('syncs.0.fields', many);
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe('and 7 more');
  });

  it('finds a difference exactly where the digests differ', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        const [one, other] = [changed('syncs.0.extra', { a }), changed('syncs.0.extra', { a: b })];
        expect(requestDifference(one, other).length > 0).toBe(requestDigest(one) !== requestDigest(other));
      }),
    );
  });
});
