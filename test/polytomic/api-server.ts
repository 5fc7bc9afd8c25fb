/** A real HTTP server that answers as a test says, and a client of it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PolytomicClient, type PolytomicClientOptions } from '../../src/polytomic/client.ts';

export const API_KEY = 'key-0123456789-abcdef';

/** A request as it arrived. */
export interface Received {
  method: string;
  /** Path and query. */
  url: string;
  headers: IncomingMessage['headers'];
  /** Parsed from JSON; `undefined` if there was none. */
  body: unknown;
}

/** What a test does with a server. */
export interface Scene {
  client: PolytomicClient;
  url: string;
  received: Received[];
}

type Answer = (request: Received, response: ServerResponse) => void;

/** Runs `play` against a server on a free port, and closes the server with all of its connections whatever happens. */
export async function withApi(
  answer: Answer,
  play: (scene: Scene) => Promise<void>,
  options: Partial<PolytomicClientOptions> = {},
): Promise<void> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const { method = '', url = '', headers } = request;
    const arrived = { method, url, headers, body: text === '' ? undefined : JSON.parse(text) };
    received.push(arrived);
    answer(arrived, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    await play({ client: new PolytomicClient({ apiKey: API_KEY, baseUrl: url, ...options }), url, received });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Answers JSON. */
export function json(
  response: ServerResponse,
  value: unknown,
  status = 200,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(value));
}

/** Always answers this JSON. */
export function always(value: unknown, status = 200, headers: Record<string, string> = {}): Answer {
  return (_request, response) => json(response, value, status, headers);
}

/** What the promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`expected a rejection, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}
