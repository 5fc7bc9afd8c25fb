import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePorts } from '../../src/processes/free-ports.ts';
import { connectClient, connectWorker, temporalSettings } from '../../src/temporal/connection.ts';
import { type EmbeddedTemporal, startEmbeddedTemporal } from '../../src/temporal/embedded-server.ts';
import { inTemporaryDirectory } from '../support/temporary-directory.ts';
import { grpcServer } from './grpc-server.ts';

/** An environment in which no file of the machine's user is found. */
async function withSettingsFile<T>(toml: string, test: (env: NodeJS.ProcessEnv) => Promise<T> | T): Promise<T> {
  return await inTemporaryDirectory(async (directory) => {
    const file = join(directory, 'temporal.toml');
    await writeFile(file, toml);
    return await test({ TEMPORAL_CONFIG_FILE: file });
  });
}

const PROFILES = `
[profile.default]
address = "default.example:7233"
[profile.cloud]
address = "cloud.example:7233"
namespace = "audiences.a1b2c"
api_key = "key-of-the-profile"
[profile.cloud.grpc_meta]
tenant = "blue"
`;

describe('the settings', () => {
  it('are a local server and the namespace default where nothing says otherwise', () => {
    const settings = temporalSettings({ TEMPORAL_CONFIG_FILE: '/nowhere/temporal.toml' });
    expect(settings).toEqual({ address: 'localhost:7233', namespace: 'default', credentials: {} });
  });

  it('are those of the profile that is named, and variables win over it', async () => {
    await withSettingsFile(PROFILES, (env) => {
      expect(temporalSettings(env).address).toBe('default.example:7233');
      expect(temporalSettings({ ...env, TEMPORAL_PROFILE: 'cloud', TEMPORAL_NAMESPACE: 'other.a1b2c' })).toEqual({
        address: 'cloud.example:7233',
        namespace: 'other.a1b2c',
        credentials: { tls: true, apiKey: 'key-of-the-profile', metadata: { tenant: 'blue' } },
      });
    });
  });

  it('take a variable that is set to nothing as not set', async () => {
    await withSettingsFile(PROFILES, (env) => {
      const empty = { ...env, TEMPORAL_ADDRESS: '', TEMPORAL_PROFILE: '', TEMPORAL_API_KEY: '', TEMPORAL_TLS: '' };
      expect(temporalSettings(empty)).toEqual({
        address: 'default.example:7233',
        namespace: 'default',
        credentials: {},
      });
    });
  });

  it('let an empty variable take a header of the profile away', async () => {
    await withSettingsFile(PROFILES, (env) => {
      const settings = temporalSettings({ ...env, TEMPORAL_PROFILE: 'cloud', TEMPORAL_GRPC_META_TENANT: '' });
      expect(settings.credentials.metadata).toEqual({});
    });
  });

  it('carry the certificates that variables name', async () => {
    await inTemporaryDirectory(async (directory) => {
      const file = join(directory, 'ca.pem');
      await writeFile(file, 'certificate');
      const { credentials } = temporalSettings({
        TEMPORAL_CONFIG_FILE: join(directory, 'none'),
        TEMPORAL_TLS_SERVER_CA_CERT_PATH: file,
      });
      expect(credentials.tls).toMatchObject({ serverRootCACertificate: new Uint8Array(Buffer.from('certificate')) });
    });
  });

  it('refuse a profile that does not exist, by name', async () => {
    await withSettingsFile(PROFILES, (env) => {
      const settings = () => temporalSettings({ ...env, TEMPORAL_PROFILE: 'prod' });
      expect(settings).toThrow(/Reading how to connect to Temporal: Profile 'prod' not found.*Check TEMPORAL_PROFILE/);
    });
  });

  it('never quote a broken file, which may hold a key', async () => {
    await withSettingsFile('[profile.default]\napi_key = "sk-very-secret\n', (env) => {
      let error: unknown;
      try {
        temporalSettings(env);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toMatchObject({ name: 'TemporalSettingsError', message: expect.stringContaining('Invalid TOML') });
      expect(error).not.toHaveProperty('cause');
      expect(`${(error as Error).stack}`).not.toContain('sk-very-secret');
    });
  });
});

describe('a server that cannot be reached', () => {
  it('is named to a client and to a worker, with what to do, whether it is not there or never says a word', async () => {
    const silent = createServer();
    const sockets: Socket[] = [];
    silent.on('connection', (socket) => sockets.push(socket));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const [absent] = await freePorts(1);
    const ports = [absent, (silent.address() as AddressInfo).port];
    // All at once, since each takes the whole time limit.
    await Promise.all(
      ports.flatMap((port) => {
        const settings = { address: `127.0.0.1:${port}`, namespace: 'audiences', credentials: {} };
        return [connectClient, connectWorker].map((connect) =>
          expect(connect(settings)).rejects.toMatchObject({
            name: 'TemporalUnreachableError',
            address: settings.address,
            namespace: 'audiences',
            message: expect.stringMatching(
              new RegExp(`at 127\\.0\\.0\\.1:${port} \\(namespace audiences\\): .*TEMPORAL_ADDRESS`),
            ),
          }),
        );
      }),
    );
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
  }, 20_000);

  it('is one that refuses the key, and says so without the key', async () => {
    const server = await grpcServer(() => ({ status: 16, message: 'Request unauthorized.' }));
    const settings = {
      address: server.address,
      namespace: 'default',
      credentials: { apiKey: 'sk-very-secret', tls: false },
    };
    const error: unknown = await connectClient(settings).catch((thrown: unknown) => thrown);
    await server.close();
    expect(error).toMatchObject({
      name: 'TemporalUnreachableError',
      message: expect.stringContaining('Request unauthorized.'),
    });
    expect((error as Error).message).toContain('TEMPORAL_API_KEY');
    expect((error as Error).message).not.toContain('sk-very-secret');
  });
});

describe('a server that is there', () => {
  let server: EmbeddedTemporal;
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'audience-temporal-'));
    server = await startEmbeddedTemporal({ directory });
  }, 30 * 60_000);

  afterAll(async () => {
    await server.stop();
    await rm(directory, { recursive: true });
  });

  it('is reached by a client, whose namespace is that of the settings', async () => {
    const { connection, client } = await connectClient(temporalSettings(server.env));
    expect(client.options.namespace).toBe('default');
    await connection.close();
  });

  it('is reached by a worker', async () => {
    const connection = await connectWorker(temporalSettings(server.env));
    const { namespaceInfo } = await connection.workflowService.describeNamespace({ namespace: 'default' });
    expect(namespaceInfo?.name).toBe('default');
    await connection.close();
  });
});
