import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';

/** What a call is answered with: a status other than 0 and its message, or the bytes of a protobuf message. */
export type GrpcAnswer = { status: number; message: string } | Buffer;

/** A gRPC server that answers as told, `method` being e.g. `ListSearchAttributes`: a real server refuses nobody here. */
export async function grpcServer(
  answer: (method: string) => GrpcAnswer,
): Promise<{ address: string; close(): Promise<void> }> {
  const server = createServer();
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => sessions.add(session));
  server.on('stream', (stream, headers) => {
    const answered = answer(`${headers[':path']}`.split('/').at(-1) ?? '');
    const head = { ':status': 200, 'content-type': 'application/grpc' };
    if (!Buffer.isBuffer(answered)) {
      stream.respond(
        { ...head, 'grpc-status': `${answered.status}`, 'grpc-message': answered.message },
        { endStream: true },
      );
      return;
    }
    stream.respond(head, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    // Every gRPC message comes after a byte that says whether it is compressed, and its length in four.
    const frame = Buffer.alloc(5);
    frame.writeUInt32BE(answered.length, 1);
    stream.end(Buffer.concat([frame, answered]));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const session of sessions) session.destroy();
      }),
  };
}
