import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Connection } from '@temporalio/client';
import { freePorts, isFree } from '../../src/processes/free-ports.ts';
import { connectClient, temporalSettings } from '../../src/temporal/connection.ts';
import { type EmbeddedTemporal, startEmbeddedTemporal } from '../../src/temporal/embedded-server.ts';
import { searchAttributesRegistered } from '../../src/temporal/register-search-attributes.ts';
import { findServerProgram } from '../../src/temporal/server-program.ts';
import { isAlive } from '../support/is-alive.ts';
import { inTemporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';
import { fakeProgram } from './fake-program.ts';

let program: string;

beforeAll(async () => {
  program = await findServerProgram({ onProgress: (line) => console.log(line) });
}, 30 * 60_000);

async function withServer(
  options: Omit<Parameters<typeof startEmbeddedTemporal>[0], 'directory'>,
  test: (server: EmbeddedTemporal, connection: Connection) => Promise<void>,
): Promise<void> {
  await inTemporaryDirectory(async (directory) => {
    const server = await startEmbeddedTemporal({ directory, program, ...options });
    const connection = await Connection.connect({ address: server.address });
    try {
      await test(server, connection);
    } finally {
      await connection.close();
      await server.stop();
    }
  });
}

describe('an embedded server', () => {
  it('answers for its namespace as soon as it is started, and is gone when stopped', async () => {
    let pid = 0;
    let port = 0;
    await withServer({ namespace: 'audiences' }, async (server, connection) => {
      ({ pid, port } = server);
      expect(server).toMatchObject({ address: `127.0.0.1:${port}`, namespace: 'audiences' });
      expect(server.uiUrl).toBeUndefined();
      const { namespaceInfo } = await connection.workflowService.describeNamespace({ namespace: 'audiences' });
      expect(namespaceInfo?.name).toBe('audiences');
    });
    expect(isAlive(pid)).toBe(false);
    expect(await isFree(port)).toBe(true);
  });

  it('keeps a workflow through a kill and a start on the same directory and ports', async () => {
    await inTemporaryDirectory(async (directory) => {
      const first = await startEmbeddedTemporal({ directory, program });
      const before = await connectClient(temporalSettings(first.env));
      const { workflowId, firstExecutionRunId } = await before.client.workflow.start('Anything', {
        taskQueue: 'nobody-polls-this',
        workflowId: 'survivor',
      });
      await before.connection.close();
      first.kill('SIGKILL');
      expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' });

      const second = await startEmbeddedTemporal({ directory, program, port: first.port });
      const after = await connectClient(temporalSettings(second.env));
      try {
        expect(second.address).toBe(first.address);
        const description = await after.client.workflow.getHandle(workflowId).describe();
        expect(description).toMatchObject({ runId: firstExecutionRunId, status: { name: 'RUNNING' } });
      } finally {
        await after.connection.close();
        await second.stop();
      }
    });
  });

  it('serves the Web UI where it is asked to', async () => {
    await withServer({ ui: true }, async ({ uiUrl, uiPort }) => {
      expect(uiUrl).toBe(`http://127.0.0.1:${uiPort}`);
      // The Web UI begins to listen a moment after the server answers.
      await until('the Web UI', async () => {
        const page = await fetch(`${uiUrl}/`).catch(() => undefined);
        return page?.ok === true && (await page.text()).toLowerCase().includes('<!doctype html>');
      });
    });
  });

  it('knows our search attributes, unless it is started without', async () => {
    await withServer({}, async (_, connection) => {
      expect(await searchAttributesRegistered(connection, 'default')).toBe(true);
    });
    await withServer({ searchAttributes: false }, async (_, connection) => {
      expect(await searchAttributesRegistered(connection, 'default')).toBe(false);
    });
  });

  it('keeps its database in WAL mode', async () => {
    await withServer({}, async ({ databaseFile }) => {
      // Bytes 18 and 19 of an SQLite file are 2 in WAL mode (https://www.sqlite.org/fileformat2.html).
      expect((await readFile(databaseFile)).subarray(18, 20)).toEqual(Buffer.from([2, 2]));
    });
  });

  describe('and the settings of who started it', () => {
    const before = process.env['TEMPORAL_API_KEY'];
    beforeAll(() => {
      process.env['TEMPORAL_API_KEY'] = 'key-of-production';
    });
    afterAll(() => {
      if (before === undefined) delete process.env['TEMPORAL_API_KEY'];
      else process.env['TEMPORAL_API_KEY'] = before;
    });

    it('are not those of its children', async () => {
      await withServer({}, async ({ env, address }) => {
        const settings = temporalSettings({ ...process.env, ...env });
        expect(settings).toEqual({ address, namespace: 'default', credentials: {} });
        const { connection } = await connectClient(settings);
        await connection.close();
      });
    });
  });
});

describe('a start that fails', () => {
  it('says how the program ended and its last words', async () => {
    await inTemporaryDirectory(async (directory) => {
      const broken = await fakeProgram(join(directory, 'broken'), 'echo "disk on fire" >&2; exit 3');
      const start = startEmbeddedTemporal({ directory, program: broken });
      await expect(start).rejects.toThrow(
        /ended at once, with code 3\. Its last words:\ndisk on fire\nIts whole log: .*temporal\.log/,
      );
    });
  });

  it('does not show the words of an earlier run', async () => {
    await inTemporaryDirectory(async (directory) => {
      const broken = await fakeProgram(join(directory, 'broken'), 'echo "long ago"; exit 1');
      const first = startEmbeddedTemporal({ directory, program: broken });
      await expect(first).rejects.toThrow('long ago');
      const silent = await fakeProgram(join(directory, 'silent'), 'exit 1');
      await expect(startEmbeddedTemporal({ directory, program: silent })).rejects.toThrow('Its last words:\n(none)');
    });
  });

  it('names a program that cannot be run', async () => {
    await inTemporaryDirectory(async (directory) => {
      const start = startEmbeddedTemporal({ directory, program: join(directory, 'missing') });
      await expect(start).rejects.toThrow(/missing\): it could not be run \(.*ENOENT\)/);
    });
  });

  it('names a port that was asked for and is taken, and starts nothing', async () => {
    const holder = createServer();
    const port = await new Promise<number>((resolve) => {
      holder.listen(0, '127.0.0.1', () => resolve((holder.address() as { port: number }).port));
    });
    await inTemporaryDirectory(async (directory) => {
      const start = startEmbeddedTemporal({ directory, program, port });
      await expect(start).rejects.toThrow(`port ${port} is taken`);
    });
    await new Promise((resolve) => holder.close(resolve));
  });

  it('is tried again with other ports when somebody took one in the meantime', async () => {
    await inTemporaryDirectory(async (directory) => {
      const unlucky = await fakeProgram(
        join(directory, 'unlucky'),
        `test -f "${directory}/tried" && exec "${program}" "$@"
        touch "${directory}/tried"; echo "listen tcp 127.0.0.1:1: bind: address already in use" >&2; exit 1`,
      );
      const server = await startEmbeddedTemporal({ directory, program: unlucky });
      await server.stop();
    });
  });
});

describe('free ports', () => {
  it('are all different', async () => {
    const ports = await freePorts(20);
    expect(new Set(ports).size).toBe(20);
  });
});
