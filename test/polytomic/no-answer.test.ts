import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { PolytomicClient } from '../../src/polytomic/client.ts';
import { NoAnswerError } from '../../src/polytomic/errors.ts';
import { API_KEY, always, rejection, withApi } from './api-server.ts';

const ME = { data: { id: 'u1', email: 'a@example.com' } };

describe('no answer', () => {
  it('is a time-out where the headers do not come', () =>
    withApi(
      () => undefined,
      async ({ client }) => {
        const error = await rejection(client.me());
        expect(error).toBeInstanceOf(NoAnswerError);
        expect(error).toMatchObject({
          reason: 'timeout',
          call: 'GET /api/me',
          message: expect.stringContaining('100 ms'),
        });
      },
      { timeoutMs: 100 },
    ));

  it('is a time-out where the body stops coming', () =>
    withApi(
      (_request, response) => response.writeHead(200).write('{"data":'),
      async ({ client }) => {
        expect(await rejection(client.me())).toMatchObject({ name: 'NoAnswerError', reason: 'timeout' });
      },
      { timeoutMs: 100 },
    ));

  it('is a time-out where the body comes a byte at a time, for ever', () => {
    let dripping: NodeJS.Timeout | undefined;
    return withApi(
      (_request, response) => {
        response.writeHead(200);
        dripping = setInterval(() => response.write(' '), 10);
      },
      async ({ client }) => {
        expect(await rejection(client.me())).toMatchObject({ reason: 'timeout' });
        clearInterval(dripping);
      },
      { timeoutMs: 100 },
    );
  });

  it('is an abort where the signal fired before the call, which is then not sent', () =>
    withApi(always(ME), async ({ client, received }) => {
      const reason = new Error('shutting down');
      const error = await rejection(client.me({ signal: AbortSignal.abort(reason) }));
      expect(error).toMatchObject({ reason: 'aborted', cause: reason });
      expect(received).toEqual([]);
    }));

  it('is an abort where the signal fires before the headers', async () => {
    const controller = new AbortController();
    await withApi(
      () => controller.abort('enough'),
      async ({ client }) => {
        expect(await rejection(client.me(controller))).toMatchObject({ reason: 'aborted', cause: 'enough' });
      },
    );
  });

  it.each([200, 500])('is an abort where the signal fires within the body of a %i', async (status) => {
    const controller = new AbortController();
    await withApi(
      (_request, response) => {
        response.writeHead(status).write('{"data":');
        setImmediate(() => controller.abort());
      },
      async ({ client }) => {
        expect(await rejection(client.me(controller))).toMatchObject({ reason: 'aborted' });
      },
    );
  });

  it('leaves nothing behind on a signal that outlives the call', () =>
    withApi(always(ME), async ({ client }) => {
      const { signal } = new AbortController();
      let listeners = 0;
      const add = signal.addEventListener.bind(signal);
      const remove = signal.removeEventListener.bind(signal);
      signal.addEventListener = (...args: Parameters<typeof add>) => {
        listeners += 1;
        add(...args);
      };
      signal.removeEventListener = (...args: Parameters<typeof remove>) => {
        listeners -= 1;
        remove(...args);
      };
      await client.me({ signal });
      expect(listeners).toBe(0);
    }));

  it('is a network error where the connection is refused', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const client = new PolytomicClient({ apiKey: API_KEY, baseUrl: `http://127.0.0.1:${port}` });
    const error = await rejection(client.syncs.list({ target_connection_id: 'private-id' }));
    expect(error).toMatchObject({ reason: 'network', message: expect.stringContaining('ECONNREFUSED') });
    expect(String(error)).not.toContain('private-id');
  });

  it('is a network error where the connection breaks before the headers', () =>
    withApi(
      (_request, response) => response.socket?.destroy(),
      async ({ client }) => {
        expect(await rejection(client.me())).toMatchObject({
          reason: 'network',
          message: expect.stringMatching(/GET \/api\/me got no answer: .*(hang up|ECONNRESET)/),
        });
      },
    ));

  it('is a network error where the other side speaks no HTTP', async () => {
    const server = createTcpServer((socket) => {
      // Unread, the request would keep the socket, and so the server, open.
      socket.on('error', () => socket.destroy()).resume();
      socket.end('220 smtp.example.com\r\n');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const error = await rejection(new PolytomicClient({ apiKey: API_KEY, baseUrl: `http://127.0.0.1:${port}` }).me());
    await new Promise((resolve) => server.close(resolve));
    expect(error).toMatchObject({ reason: 'network' });
  });

  it.each([
    ['of a known length', { 'Content-Length': '1000' }],
    ['in chunks', { 'Transfer-Encoding': 'chunked' }],
  ])('is a truncation where the connection breaks within a body %s', (_how, headers) =>
    withApi(
      (_request, response) => {
        response.writeHead(200, headers).write('{"data":{"id":"u1"}}', () => response.socket?.destroy());
      },
      async ({ client }) => {
        expect(await rejection(client.me())).toMatchObject({ name: 'NoAnswerError', reason: 'truncated' });
      },
    ),
  );
});
