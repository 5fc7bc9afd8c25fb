import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { columnsOf, LIMITS, mappingsOf, parseRequest } from '../../src/request/schema.ts';
import { richRequest, walkthrough } from './valid-request.ts';

const MARKER = 'Tr0ub4dor';

/** Every place in a value, as paths. */
function placesOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, entry]) => placesOf(entry, [...path, key]))];
}

/** `value` with `put` at `path`. */
function withAt(value: unknown, [key, ...rest]: string[], put: unknown): unknown {
  if (key === undefined) return put;
  if (Array.isArray(value)) return value.map((entry, i) => (String(i) === key ? withAt(entry, rest, put) : entry));
  const map = value as Record<string, unknown>;
  return { ...map, [key]: withAt(map[key], rest, put) };
}

const places = placesOf(richRequest());

/** Values that hold the marker, of every kind; keys never do. */
const marked = fc.oneof(
  fc.string({ maxLength: 30 }).map((text) => `${MARKER}${text}`),
  fc.string({ maxLength: 30 }).map((text) => `${text}\n${MARKER}`),
  fc.constantFrom(
    [MARKER],
    { name: MARKER },
    { env: `${MARKER}-` },
    { file: `${MARKER}\n` },
    { use: [MARKER] },
    { from: MARKER },
  ),
  fc.constantFrom(
    { create: { name: MARKER, account: MARKER } },
    { frequency: MARKER },
    { to: `${MARKER} `, function: MARKER },
  ),
);

describe('parseRequest', () => {
  it('accepts the request that the other properties start from, and gives it back unchanged', () => {
    expect(parseRequest(richRequest())).toEqual({ ok: true, request: richRequest() });
  });

  it('never throws, whatever it is given', () => {
    const anything = fc.anything({
      withObjectString: true,
      withNullPrototype: true,
      withDate: true,
      withMap: true,
      withBigInt: true,
      withSparseArray: true,
    });
    fc.assert(
      fc.property(fc.constantFrom(...places), anything, (path, value) => {
        const parsed = parseRequest(withAt(richRequest(), path, value));
        expect(typeof parsed.ok).toBe('boolean');
      }),
      { numRuns: 1000 },
    );
  });

  it('never repeats a value, wherever it stands', () => {
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.constantFrom(...places), marked, (one, other, value) => {
        const parsed = parseRequest(withAt(withAt(richRequest(), one, value), other.slice(0, 1), 7));
        expect(parsed.ok).toBe(false);
        expect(JSON.stringify(parsed)).not.toContain(MARKER);
      }),
      { numRuns: 1000 },
    );
  });

  it('puts everything in words of its own', () => {
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.jsonValue(), (path, value) => {
        const parsed = parseRequest(withAt(richRequest(), path, value));
        const messages = parsed.ok ? [] : parsed.faults.map(({ message }) => message);
        // These are zod's own beginnings.
        for (const message of messages) expect(message).not.toMatch(/^(Invalid|Too (big|small)|Unrecognized)/);
      }),
      { numRuns: 1000 },
    );
  });

  it('tells where each fault is by a path of what was written, or of what is missing there', () => {
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.jsonValue(), (path, value) => {
        const written = withAt(richRequest(), path, value);
        const parsed = parseRequest(written);
        for (const fault of parsed.ok ? [] : parsed.faults) {
          const around = fault.path
            .slice(0, -1)
            .reduce<unknown>((at, key) => (at as Record<string | number, unknown>)[key], written);
          if (fault.path.length > 0) expect(typeof around).toBe('object');
        }
      }),
    );
  });

  it('gives back any request that it accepts unchanged, and accepts it again', () => {
    const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9 ]{0,20}[A-Za-z0-9]$/);
    const key = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/);
    const extra = fc.dictionary(fc.constantFrom('policies', 'organization_id', 'x'), fc.jsonValue({ maxDepth: 3 }), {
      maxKeys: 3,
    });
    fc.assert(
      fc.property(
        key,
        name,
        name,
        fc.uniqueArray(name, { minLength: 1, maxLength: 5 }),
        extra,
        (model, account, warehouse, accounts, more) => {
          const request = walkthrough();
          request.models = { [model]: { name: account, query: 'SELECT 1', extra: more } };
          for (const sync of request.syncs) sync.model = model;
          request.linkedinAds.accounts = accounts;
          request.snowflake.connection.warehouse = warehouse;
          const parsed = parseRequest(request);
          // What stands under a secret-looking key may rightly be refused, as is a key that would change the object itself.
          fc.pre(parsed.ok || !/token|secret|passw|pwd|credential|bearer|__proto__/i.test(JSON.stringify(more)));
          expect(parsed).toEqual({ ok: true, request: JSON.parse(JSON.stringify(request)) });
        },
      ),
    );
  });

  it('accepts nothing that is larger than its limit as JSON', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
        (models, text) => {
          const query = text.repeat(Math.ceil(60_000 / (text.length * 2)));
          const request = walkthrough();
          for (let i = 0; i < models; i++) request.models[`m${i}`] = { name: `M${i}`, query };
          const bytes = Buffer.byteLength(JSON.stringify(request));
          if (bytes > LIMITS.requestBytes) expect(parseRequest(request).ok).toBe(false);
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('mappingsOf', () => {
  it('gives the fields as a list, however they were written', () => {
    const list = [
      { from: 'a', to: 'A' },
      { from: 'b', to: 'B', mode: 'create' as const },
    ];
    expect(mappingsOf({ fields: { a: 'A', b: { to: 'B', mode: 'create' } } })).toEqual(list);
    expect(mappingsOf({ fields: list })).toEqual(list);
  });
});

describe('columnsOf', () => {
  it('names every column of the model once, and no field of the audience', () => {
    const parsed = parseRequest({
      ...walkthrough(),
      syncs: [
        {
          ...walkthrough().syncs[0],
          fields: [
            { from: 'a', to: 'A' },
            { from: 'email', to: 'B' },
            { to: 'C', override: 'x' },
          ],
          filters: [
            { from: 'f', function: 'IsNull' },
            { to: 'Field', function: 'IsNull' },
          ],
          overrides: [{ from: 'o', override: 1 }],
          overrideFields: [{ to: 'D', override: 'x' }],
        },
      ],
    });
    expect(parsed.ok && parsed.request.syncs.map(columnsOf)).toEqual([['email', 'a', 'f', 'o']]);
  });
});
