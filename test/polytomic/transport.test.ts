import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { PolytomicClient } from '../../src/polytomic/client.ts';
import { ApiError, PolytomicError, UnexpectedAnswerError } from '../../src/polytomic/errors.ts';
import { API_KEY, always, json, rejection, withApi } from './api-server.ts';

const ME = { data: { id: 'u1', email: 'a@example.com' } };
const MODEL = { data: { id: 'm1', name: 'M', fields: [], configuration: {} } };
const NEW_MODEL = { name: 'M', connection_id: 'c1', configuration: { query: 'SELECT 1' } };
const KEY = 'idempotency-key_1';

describe('a request', () => {
  it('carries key, version, accept and user agent, and neither content type nor idempotency key without a body', () =>
    withApi(always(ME), async ({ client, received }) => {
      await client.me();
      expect(received).toMatchObject([{ method: 'GET', url: '/api/me' }]);
      expect(received[0]?.headers).toMatchObject({
        authorization: `Bearer ${API_KEY}`,
        'x-polytomic-version': '2024-02-08',
        accept: 'application/json',
        'user-agent': 'audience-provisioning',
      });
      expect(received[0]?.headers).not.toHaveProperty('content-type');
      expect(received[0]?.headers).not.toHaveProperty('idempotency-key');
    }));

  it('carries the version and the user agent that the client was given', () =>
    withApi(
      always(ME),
      async ({ client, received }) => {
        await client.me();
        expect(received[0]?.headers).toMatchObject({ 'x-polytomic-version': '2025-09-18', 'user-agent': 'x/1.2.3' });
      },
      { version: '2025-09-18', userAgent: 'x/1.2.3' },
    ));

  it('carries its body as JSON, in UTF-8, and the idempotency key of a create', () =>
    withApi(always(MODEL), async ({ client, received }) => {
      await client.models.create({ ...NEW_MODEL, name: 'Größe 📈' }, { idempotencyKey: KEY });
      expect(received[0]).toMatchObject({
        method: 'POST',
        body: { ...NEW_MODEL, name: 'Größe 📈' },
        headers: { 'content-type': 'application/json', 'idempotency-key': KEY },
      });
    }));

  it('keeps the path of the base URL, with or without a slash at its end', () =>
    withApi(always(ME), async ({ url, received }) => {
      for (const baseUrl of [`${url}/proxied/polytomic`, `${url}/proxied/polytomic//`]) {
        await new PolytomicClient({ apiKey: API_KEY, baseUrl }).me();
      }
      expect(received.map((one) => one.url)).toEqual(['/proxied/polytomic/api/me', '/proxied/polytomic/api/me']);
    }));

  it.each(['a/b', '../me', 'a?b=c', 'a#b', '%2e%2e', 'ä b', '...', '\ud800'])(
    'cannot leave its path by the id %j',
    (id) =>
      withApi(always(MODEL), async ({ client, received }) => {
        await client.models.get(id);
        expect(received[0]?.url).toMatch(/^\/api\/models\/[^/?#]+$/);
      }),
  );

  it.each(['', '.', '..'])('is not sent with the id %j, which would change its path', (id) =>
    withApi(always(MODEL), async ({ client, received }) => {
      const error = await rejection(client.models.delete(id));
      expect(error).toMatchObject({ name: 'PolytomicError', message: expect.stringContaining('was not sent') });
      expect(received).toEqual([]);
    }),
  );

  it.each(['', '1234567', 'x'.repeat(256), 'with space', 'umlaut-ä-long', 'line\nbreak'])(
    'is not sent with the idempotency key %j',
    (idempotencyKey) =>
      withApi(always(MODEL), async ({ client, received }) => {
        expect(await rejection(client.models.create(NEW_MODEL, { idempotencyKey }))).toMatchObject({
          name: 'TypeError',
        });
        expect(received).toEqual([]);
      }),
  );

  it.each(['12345678', 'x'.repeat(255)])('is sent with an idempotency key of the length of %j', (idempotencyKey) =>
    withApi(always(MODEL), async ({ client, received }) => {
      await client.models.create(NEW_MODEL, { idempotencyKey });
      expect(received[0]?.headers['idempotency-key']).toBe(idempotencyKey);
    }),
  );

  it.each([500, 503, 429, 409])('is sent once, also if the answer is %i', (status) =>
    withApi(always({ message: 'no' }, status), async ({ client, received }) => {
      expect(await rejection(client.models.create(NEW_MODEL, { idempotencyKey: KEY }))).toMatchObject({ status });
      expect(received).toHaveLength(1);
    }),
  );
});

describe('an error answer', () => {
  it('keeps its status where its body breaks off, since the status alone decides what is done next', () =>
    withApi(
      (_request, response) => {
        response.writeHead(500, { 'Content-Length': '1000' }).write('{"message":', () => response.socket?.destroy());
      },
      async ({ client }) => {
        const error = await rejection(client.me());
        expect(error).toBeInstanceOf(ApiError);
        expect(error).toMatchObject({ status: 500, message: 'GET /api/me answered 500' });
      },
    ));

  it('keeps its status where its body does not end in time', () =>
    withApi(
      (_request, response) => response.writeHead(503, { 'Retry-After': '7' }).write('{'),
      async ({ client }) => {
        expect(await rejection(client.me())).toMatchObject({ status: 503, retryAfterMs: 7000 });
      },
      { timeoutMs: 1000 },
    ));

  it('never shows the API key or a secret that was sent, however the server echoes them', () =>
    withApi(
      (request, response) =>
        json(
          response,
          {
            key: API_KEY,
            message: `no: ${JSON.stringify(request)}`,
            metadata: { got: [request.headers, request.body] },
          },
          422,
        ),
      async ({ client }) => {
        const configuration = {
          username: 'user',
          password: 'hunter2 "quoted"',
          ssh: { private_key: '-----BEGIN\nabc\n-----END' },
        };
        const error = await rejection(
          client.connections.create({ name: 'S', type: 'snowflake', configuration }, { idempotencyKey: KEY }),
        );
        const shown = `${error} ${JSON.stringify(error)} ${(error as Error).stack}`;
        expect(shown).toContain('username');
        for (const secret of [API_KEY, 'hunter2', 'BEGIN']) expect(shown).not.toContain(secret);
      },
    ));
});

describe('an unexpected answer', () => {
  it.each([301, 302, 303, 307, 308])('is a redirect of status %i, which is not followed', (status) =>
    withApi(
      (_request, response) => response.writeHead(status, { Location: '/elsewhere?code=secret' }).end(),
      async ({ client, received, url }) => {
        const error = await rejection(client.models.create(NEW_MODEL, { idempotencyKey: KEY }));
        expect(error).toBeInstanceOf(UnexpectedAnswerError);
        expect(error).toMatchObject({
          message: expect.stringContaining(`a redirect (${status}) to ${url}/elsewhere,`),
        });
        expect(String(error)).not.toContain('secret');
        expect(received).toHaveLength(1);
      },
    ),
  );

  it.each([undefined, 'http://[', ''])('is a redirect to %j too', (location) =>
    withApi(
      (_request, response) => response.writeHead(302, location === undefined ? {} : { Location: location }).end(),
      async ({ client }) => {
        expect(await rejection(client.me())).toBeInstanceOf(UnexpectedAnswerError);
      },
    ),
  );

  it.each(['', 'OK', '{"data":', '[', '{"data":{}}}'])('is a success whose body is %j', (body) =>
    withApi(
      (_request, response) => response.writeHead(200).end(body),
      async ({ client }) => {
        const error = await rejection(client.me());
        expect(error).toBeInstanceOf(UnexpectedAnswerError);
        expect(error).toMatchObject({ call: 'GET /api/me', detail: `its ${body.length} characters are no JSON` });
      },
    ),
  );

  it('is a page of a proxy or a login, which is quoted as text', () =>
    withApi(
      (_request, response) => response.writeHead(200).end(`<html><style>p{}</style><p>Please  sign in</p> ${API_KEY}`),
      async ({ client }) => {
        expect(await rejection(client.me())).toMatchObject({
          detail: expect.stringMatching(/but a page: Please sign in \[redacted\]$/),
        });
      },
    ));

  it.each([
    ['null', null, 'the body is null, not an object'],
    ['a list', [], 'the body is a list, not an object'],
    ['without data', {}, 'data is missing, not an object'],
    ['with data that is a text', { data: 'x' }, 'data is a text, not an object'],
    ['with an id that is a number', { data: { id: 7 } }, 'data.id is a number, not a text'],
  ])('is a body that is %s', (_what, body, detail) =>
    withApi(always(body), async ({ client }) => {
      expect(await rejection(client.me())).toMatchObject({ name: 'UnexpectedAnswerError', detail });
    }),
  );

  it('is a compressed body, which was not asked for', () =>
    withApi(
      (request, response) => {
        expect(request.headers).not.toHaveProperty('accept-encoding');
        response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync(JSON.stringify(ME)));
      },
      async ({ client }) => {
        expect(await rejection(client.me())).toBeInstanceOf(UnexpectedAnswerError);
      },
    ));

  it('is a body of more than 32 MiB, and no more than that is read of it', () => {
    const part = Buffer.alloc(1024 * 1024, ' ');
    let sent = 0;
    return withApi(
      (_request, response) => {
        response.on('error', () => undefined);
        response.writeHead(200);
        const send = (): void => {
          if (response.destroyed || sent > 200) return;
          sent += 1;
          if (response.write(part)) setImmediate(send);
          else response.once('drain', send);
        };
        send();
      },
      async ({ client }) => {
        const error = await rejection(client.me());
        expect(error).toMatchObject({ name: 'UnexpectedAnswerError', detail: 'it is larger than 33554432 bytes' });
        expect(sent).toBeLessThan(100);
      },
    );
  });
});

describe('a client', () => {
  it.each([
    ['an empty API key', { apiKey: '' }],
    ['an API key with a line break', { apiKey: `${API_KEY}\n` }],
    ['an API key with a character that no header carries', { apiKey: `${API_KEY}é` }],
    ['a version with a line break', { version: '2024\r\nX-Evil: 1' }],
    ['an empty user agent', { userAgent: '' }],
    ['a time-out of nothing', { timeoutMs: 0 }],
    ['a time-out that is no number', { timeoutMs: Number.NaN }],
    ['a time-out that a timer cannot keep', { timeoutMs: 2 ** 31 }],
  ])('is refused with %s', (_what, options) => {
    const make = () => new PolytomicClient({ apiKey: API_KEY, ...options });
    expect(make).toThrow(expect.objectContaining({ name: 'TypeError' }));
    expect(make).not.toThrow(API_KEY);
  });

  it('answers many calls at once, each with its own', () =>
    withApi(
      ({ url }, response) => setImmediate(() => json(response, { data: { ...MODEL.data, id: url.split('/').at(-1) } })),
      async ({ client }) => {
        const ids = Array.from({ length: 50 }, (_, i) => `m${i}`);
        const models = await Promise.all(ids.map((id) => client.models.get(id)));
        expect(models.map(({ id }) => id)).toEqual(ids);
      },
    ));

  it('throws only errors of its own family about a call', () =>
    withApi(
      (_request, response) => response.writeHead(418).end('\u0000<'),
      async ({ client }) => {
        expect(await rejection(client.me())).toBeInstanceOf(PolytomicError);
      },
    ));
});
