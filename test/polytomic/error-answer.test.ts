import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { apiErrorOf } from '../../src/polytomic/error-answer.ts';
import { ApiError } from '../../src/polytomic/errors.ts';

const CALL = 'POST /api/models';

function errorOf(
  body: unknown,
  { status = 422, retryAfter = null as string | null, secrets = [] as string[] } = {},
): ApiError {
  return apiErrorOf(CALL, {
    status,
    retryAfter,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    secrets,
  });
}

describe('an error answer', () => {
  it('has key, message and metadata of the documented shape', () => {
    expect(
      errorOf({ key: 'invalid_query', message: 'syntax error', metadata: { line: 3 }, status: 422 }),
    ).toMatchObject({
      message: 'POST /api/models answered 422: syntax error',
      call: CALL,
      status: 422,
      key: 'invalid_query',
      apiMessage: 'syntax error',
      metadata: { line: 3 },
      retryAfterMs: undefined,
    });
  });

  it('has code, error and context of the shape of a 401', () => {
    expect(
      errorOf({ code: 1001, error: 'unknown key', context: { a: 1 }, status: 'Unauthorized' }, { status: 401 }),
    ).toMatchObject({
      message: 'POST /api/models answered 401: unknown key',
      key: '1001',
      apiMessage: 'unknown key',
      metadata: { a: 1 },
    });
  });

  it.each([
    [{ status: 'Unauthorized' }, 'answered 401: Unauthorized'],
    [{ status: 401 }, 'answered 401'],
    [{ key: 'gone' }, 'answered 401: gone'],
    [{ message: '  ', error: 'second' }, 'answered 401: second'],
    [{ message: { nested: 1 }, key: null }, 'answered 401'],
    [{ errors: ['a', 'b'] }, 'answered 401: {"errors":["a","b"]}'],
    [{}, 'answered 401'],
    ['', 'answered 401'],
    ['null', 'answered 401: null'],
    ['[1]', 'answered 401: [1]'],
    ['"text"', 'answered 401: "text"'],
  ])('of %j reads “%s”', (body, message) => {
    expect(errorOf(body, { status: 401 }).message).toBe(`${CALL} ${message}`);
  });

  it('of a proxy is its page without the tags, and not more than 200 characters of it', () => {
    const page = `<html><head><style>p { color: red }</style><script>if (a < b) {}</script><title>502 Bad Gateway</title></head>
      <body><center><h1>502 Bad Gateway</h1></center><hr>nginx</body></html>`;
    expect(errorOf(page, { status: 502 }).apiMessage).toBe('502 Bad Gateway 502 Bad Gateway nginx');
    expect(errorOf(`<p>${'long '.repeat(1000)}`, { status: 502 }).apiMessage).toHaveLength(200);
  });

  it.each<[unknown, number, boolean]>([
    [{ key: 'internal', message: 'm', metadata: {}, status: 500 }, 500, true],
    [{ message: 'm', status: 503 }, 503, true],
    [{ key: 'internal' }, 500, true],
    [{ code: 1, error: 'unknown key', context: {}, status: 'Unauthorized' }, 401, true],
    [{ message: 'Endpoint request timed out' }, 504, false],
    [{ status: 502, error: 'Bad Gateway' }, 502, false],
    [{ status: 500, message: 'm' }, 502, false],
    [{}, 401, false],
    [{}, 500, false],
    ['null', 500, false],
    ['', 500, false],
    ['<h1>502 Bad Gateway</h1>', 502, false],
    ['upstream connect error', 503, false],
  ])('of %j (%i) has the shape that Polytomic documents: %s', (body, status, documented) => {
    expect(errorOf(body, { status }).documented).toBe(documented);
  });

  it('of a query engine is cut at 4000 characters', () => {
    const { apiMessage, message } = errorOf({ message: 'x'.repeat(100_000) });
    expect(apiMessage).toHaveLength(4000);
    expect(message.length).toBeLessThan(4100);
  });

  it('loses a secret also where the cut goes through it', () => {
    const secret = 'S'.repeat(40);
    for (const body of [{ message: `${'x'.repeat(3980)}${secret}` }, `<p>${'x'.repeat(190)}${secret}`]) {
      expect(errorOf(body, { secrets: [secret] }).message).not.toContain('SSSS');
    }
  });

  it('names who uses a connection that is in use', () => {
    const used_by = [
      { type: 'model', name: 'Active Users', id: 'm1' },
      { type: 'sync', id: 's1' },
      { name: 'x' },
      null,
      'y',
      {},
    ];
    expect(errorOf({ message: 'connection in use', metadata: { used_by } }).message).toBe(
      'POST /api/models answered 422: connection in use (used by model Active Users, sync s1, x)',
    );
    const many = Array.from({ length: 12 }, (_, i) => ({ type: 'sync', name: `n${i}` }));
    expect(errorOf({ metadata: { used_by: many } }).message).toMatch(/used by sync n0, .*sync n9 and 2 more\)$/);
    expect(errorOf({ message: 'm', metadata: { used_by: 'nobody' } }).message).toBe(`${CALL} answered 422: m`);
  });

  it.each([409, 429, 503])('of status %i says how long to wait', (status) => {
    expect(errorOf({}, { status, retryAfter: '2' }).retryAfterMs).toBe(2000);
    expect(errorOf({}, { status, retryAfter: null }).retryAfterMs).toBeUndefined();
  });

  it.each([400, 422, 500, 502])('of status %i does not say how long to wait', (status) => {
    expect(errorOf({}, { status, retryAfter: '2' }).retryAfterMs).toBeUndefined();
  });

  it('replaces secrets in its metadata', () => {
    expect(errorOf({ metadata: { password: 'p', said: 'Bearer abc123' } }).metadata).toEqual({
      password: '[redacted]',
      said: 'Bearer [redacted]',
    });
  });

  it('becomes an ApiError of bounded size without the secret, whatever came back', () => {
    const secret = 'SECRET-0123456789';
    const body = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc
        .record(
          {
            key: fc.jsonValue(),
            code: fc.jsonValue(),
            message: fc.oneof(fc.jsonValue(), fc.constant(secret)),
            error: fc.jsonValue(),
            status: fc.jsonValue(),
            metadata: fc.oneof(fc.jsonValue(), fc.constant({ used_by: [{ name: secret }] })),
            context: fc.jsonValue(),
          },
          { requiredKeys: [] },
        )
        .map((value) => JSON.stringify(value)),
      fc.string().map((text) => `<html>${text}${secret}<`),
    );
    fc.assert(
      fc.property(body, fc.integer({ min: 400, max: 599 }), fc.option(fc.string()), (text, status, retryAfter) => {
        const error = errorOf(text, { status, retryAfter, secrets: [secret] });
        expect(error).toBeInstanceOf(ApiError);
        expect(error.message.length).toBeLessThan(9000);
        expect(`${error.message}${error.key}${JSON.stringify(error)}`).not.toContain(secret);
      }),
    );
  });

  it.each(['<'.repeat(1_000_000), '<script>'.repeat(100_000), '<a'.repeat(500_000), `<style${' '.repeat(1_000_000)}`])(
    'is read quickly also where its page is made to be slow (%#)',
    (page) => {
      expect(errorOf(page).status).toBe(422);
    },
  );
});
