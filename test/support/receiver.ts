/** A service that receives notices, over real HTTP on loopback. */
import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** A notice as it arrived. */
export interface ReceivedNotice {
  headers: IncomingMessage['headers'];
  /** As it was sent, before any parsing. */
  body: string;
}

/** What it answers: a status, with headers maybe. */
export interface ReceiverAnswer {
  status: number;
  headers?: Record<string, string>;
}

/** Runs `play` against a receiver that answers in turn, the last answer again and again, or not at all if there is none. */
export async function withReceiver(
  answers: ReceiverAnswer[],
  play: (receiver: { url: string; port: number; received: ReceivedNotice[] }) => Promise<void>,
  tls?: { key: string; cert: string },
): Promise<void> {
  const received: ReceivedNotice[] = [];
  const listener: RequestListener = async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const answer = answers[Math.min(received.length, answers.length - 1)];
    received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
    if (answer !== undefined) response.writeHead(answer.status, answer.headers).end('thanks');
  };
  const server = tls === undefined ? createHttpServer(listener) : createHttpsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    await play({
      url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/hooks/s3cret-path`,
      port,
      received,
    });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
