/** Ports of the loopback interface that nobody listens on. */
import { createServer, type Server } from 'node:net';

/**
 * `count` different free ports. They are free now, not reserved: whoever uses one must be ready to find it taken.
 */
export async function freePorts(count: number): Promise<number[]> {
  // All are held until the last is known, else the system may hand out the same one twice.
  const holders = await Promise.all(Array.from({ length: count }, () => listen(0)));
  const ports = holders.map((holder) => {
    const address = holder.address();
    if (address === null || typeof address === 'string') throw new Error('A TCP server has no port number');
    return address.port;
  });
  await Promise.all(holders.map(close));
  return ports;
}

/** Whether nobody listens on `port` just now. */
export async function isFree(port: number): Promise<boolean> {
  try {
    await close(await listen(port));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
