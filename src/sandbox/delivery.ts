/** How an answer reaches the caller, or does not. */
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';
import type { Answer } from './api-call.ts';
import type { Transit } from './faults.ts';

/** What a proxy says that reached nobody. */
export const PROXY_PAGE = `<html>
<head><title>502 Bad Gateway</title></head>
<body>
<center><h1>502 Bad Gateway</h1></center>
<hr><center>nginx</center>
</body>
</html>
`;

/** In how many pieces a slow body comes. */
const PIECES = 5;

/** Sends the answer, with all that befalls it on its way. `stopping` ends what is held back. */
export async function deliver(
  reply: FastifyReply,
  { status, body }: Answer,
  transit: Transit,
  stopping: AbortSignal,
): Promise<FastifyReply> {
  const { page = false, cut, lateMs = 0, slowMs = 0 } = transit;
  if (lateMs > 0) await sleep(lateMs, undefined, { signal: stopping });
  if (page) return reply.code(502).type('text/html').send(PROXY_PAGE);
  if (body === undefined) return reply.code(204).send();
  reply.code(status);
  if (cut === undefined && slowMs === 0) return reply.send(body);
  const text = JSON.stringify(body);
  reply.type('application/json; charset=utf-8');
  if (slowMs > 0) return reply.send(Readable.from(inPieces(text, slowMs, stopping)));
  const half = text.slice(0, Math.floor(text.length / 2));
  return cut === 'complete' ? reply.send(half) : breakOff(reply, half, Buffer.byteLength(text));
}

async function* inPieces(text: string, withinMs: number, stopping: AbortSignal): AsyncGenerator<string> {
  const length = Math.ceil(text.length / PIECES);
  for (let start = 0; start < text.length; start += length) {
    if (start > 0) await sleep(withinMs / (PIECES - 1), undefined, { signal: stopping });
    yield text.slice(start, start + length);
  }
}

/** Promises `length` bytes, sends `half`, and cuts the connection. */
function breakOff(reply: FastifyReply, half: string, length: number): FastifyReply {
  const { raw, statusCode } = reply;
  reply.header('Content-Length', length).hijack();
  raw.writeHead(statusCode, reply.getHeaders() as Record<string, string>);
  raw.write(half, () => raw.socket?.destroySoon());
  return reply;
}
