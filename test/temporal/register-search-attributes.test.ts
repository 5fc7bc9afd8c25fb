import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Connection } from '@temporalio/client';
import { type EmbeddedTemporal, startEmbeddedTemporal } from '../../src/temporal/embedded-server.ts';
import { registerSearchAttributes, searchAttributesRegistered } from '../../src/temporal/register-search-attributes.ts';
import { SEARCH_ATTRIBUTES } from '../../src/temporal/search-attributes.ts';
import { grpcServer } from './grpc-server.ts';

describe('registering search attributes', () => {
  let server: EmbeddedTemporal;
  let connection: Connection;
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'audience-temporal-'));
    server = await startEmbeddedTemporal({ directory, searchAttributes: false });
    connection = await Connection.connect({ address: server.address });
  }, 30 * 60_000);

  afterAll(async () => {
    await connection.close();
    await server.stop();
    await rm(directory, { recursive: true });
  });

  /** A namespace of its own for a test: attributes cannot be had back in the state of before. */
  async function namespace(name: string): Promise<string> {
    await connection.workflowService.registerNamespace({
      namespace: name,
      workflowExecutionRetentionPeriod: { nanos: 0, seconds: 86_400 as never },
    });
    // The server answers for a new namespace only when its cache has been read anew.
    for (;;) {
      const found = await connection.operatorService.listSearchAttributes({ namespace: name }).catch(() => undefined);
      if (found !== undefined) return name;
    }
  }

  it('makes what is missing, once', async () => {
    expect(await searchAttributesRegistered(connection, 'default')).toBe(false);
    expect(await registerSearchAttributes(connection, 'default')).toBe('registered');
    expect(await searchAttributesRegistered(connection, 'default')).toBe(true);
    expect(await registerSearchAttributes(connection, 'default')).toBe('already there');
  });

  it('does no harm when several do it at once', async () => {
    const name = await namespace('together');
    const all = await Promise.all(Array.from({ length: 5 }, () => registerSearchAttributes(connection, name)));
    expect(all).toContain('registered');
    expect(await searchAttributesRegistered(connection, name)).toBe(true);
  }, 30_000);

  it('refuses to go on with one of another type, and says how to mend it', async () => {
    const name = await namespace('other-type');
    // INDEXED_VALUE_TYPE_TEXT
    await connection.operatorService.addSearchAttributes({
      namespace: name,
      searchAttributes: { ProvisioningStage: 1 },
    });
    await expect(registerSearchAttributes(connection, name)).rejects.toMatchObject({
      name: 'SearchAttributeError',
      message: expect.stringMatching(
        /ProvisioningStage of namespace other-type exists with another type than Keyword.*temporal operator search-attribute create --namespace other-type --name ProvisioningStage --type Keyword/,
      ),
    });
  }, 30_000);

  it.each([
    ['without permission', 7],
    ['without a valid key', 16],
    ['where the server has no operator service', 12],
  ])('names the command for an administrator %s', async (_, status) => {
    const refusing = await grpcServer(() => ({ status, message: 'not for you' }));
    const refused = Connection.lazy({ address: refusing.address });
    const error: unknown = await registerSearchAttributes(refused, 'default').catch((thrown: unknown) => thrown);
    await refused.close();
    await refusing.close();
    expect(error).toMatchObject({
      name: 'SearchAttributeError',
      message: expect.stringMatching(/not for you.*temporal operator search-attribute create .*tcld namespace/),
    });
  });

  it('takes it for done when another one was faster', async () => {
    // `customAttributes` of ListSearchAttributesResponse is field 1, a map of names to numbers of types.
    const listed = Buffer.concat(
      SEARCH_ATTRIBUTES.map(({ name, type }) => {
        const key = Buffer.concat([Buffer.from([0x0a, name.length]), Buffer.from(name)]);
        const entry = Buffer.concat([key, Buffer.from([0x10, type === 'KEYWORD' ? 2 : 7])]);
        return Buffer.concat([Buffer.from([0x0a, entry.length]), entry]);
      }),
    );
    let fasterOneDone = false;
    const racing = await grpcServer((method) => {
      if (method === 'ListSearchAttributes') return fasterOneDone ? listed : Buffer.alloc(0);
      fasterOneDone = true;
      return { status: 6, message: 'already exists' };
    });
    const slower = Connection.lazy({ address: racing.address });
    expect(await registerSearchAttributes(slower, 'default')).toBe('already there');
    await slower.close();
    await racing.close();
  });

  it('leaves any other failure as it is', async () => {
    const refusing = await grpcServer(() => ({ status: 3, message: 'what?' }));
    const refused = Connection.lazy({ address: refusing.address });
    await expect(searchAttributesRegistered(refused, 'default')).rejects.toMatchObject({ code: 3 });
    await refused.close();
    await refusing.close();
  });
});
