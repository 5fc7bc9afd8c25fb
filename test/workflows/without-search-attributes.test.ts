import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectClient, temporalSettings } from '../../src/temporal/connection.ts';
import { type EmbeddedTemporal, startEmbeddedTemporal } from '../../src/temporal/embedded-server.ts';
import { decodedHistory } from '../../src/temporal/history.ts';
import { registerSearchAttributes } from '../../src/temporal/register-search-attributes.ts';
import { PROVISIONING_STAGE, REQUESTER } from '../../src/temporal/search-attributes.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { until } from '../support/until.ts';

const ADVICE = 'audience setup';
const UPSERT = 'UPSERT_WORKFLOW_SEARCH_ATTRIBUTES';

describe('in a namespace without our search attributes', () => {
  let directory: string;
  let server: EmbeddedTemporal;
  let stage: Stage;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'audience-temporal-'));
    server = await startEmbeddedTemporal({ directory, searchAttributes: false });
    stage = await newStage({ server: temporalSettings(server.env) });
  });

  afterAll(async () => {
    await server.stop();
    await rm(directory, { recursive: true });
  });

  async function complete(name: string) {
    return stage.withWorker(async () => {
      await stage.signIn(name);
      return stage.audiences.result(name);
    });
  }

  it('a run works, with a warning that says what to run', async () => {
    const name = await stage.start('unregistered');
    const { warnings, syncs } = await complete(name);
    expect(syncs).toHaveLength(2);
    expect(warnings).toEqual([expect.stringContaining(ADVICE)]);
  });

  it('a run asks once, at its start, and sets none', async () => {
    const name = await stage.start('asks-once');
    await complete(name);
    const { events = [] } = await stage.history(name);
    const text = JSON.stringify(await decodedHistory({ events }));
    expect(text.match(/searchAttributesRegistered/g)).toHaveLength(1);
    expect(text).not.toContain(UPSERT);
  });

  it('the status tells the stage all the same', async () => {
    const name = await stage.start('stage-all-the-same');
    await stage.withWorker(async () => {
      const report = await stage.untilAsked(name);
      expect(report.stage).toBe('awaiting_sign_in');
      expect(report.status?.warnings).toEqual([expect.stringContaining(ADVICE)]);
      await stage.audiences.cancel(name);
      await stage.failureOf(name);
    });
  });

  it('a list by stage says what to run, and a list of all works', async () => {
    const name = await stage.start('listed');
    await complete(name);
    await expect(stage.audiences.list({ stage: 'completed' })).rejects.toThrow(ADVICE);
    expect((await stage.audiences.list()).map((one) => one.name)).toContain(name);
  });

  it('a run works, and sets none, where only some of them are there', async () => {
    const { connection } = await connectClient(temporalSettings(server.env));
    const keyword = 2;
    await connection.operatorService.addSearchAttributes({
      namespace: 'default',
      searchAttributes: { [PROVISIONING_STAGE.name]: keyword, [REQUESTER.name]: keyword },
    });
    await connection.close();
    const name = await stage.start('some-of-them', { requester: 'Ana' });
    expect((await complete(name)).warnings).toEqual([expect.stringContaining(ADVICE)]);
    expect(JSON.stringify(await decodedHistory(await stage.history(name)))).not.toContain(UPSERT);
  });

  it('a run that begins once they are registered has its stage in them, without a warning', async () => {
    const { connection } = await connectClient(temporalSettings(server.env));
    await registerSearchAttributes(connection, 'default');
    await connection.close();
    const name = await stage.start('registered');
    const { warnings } = await complete(name);
    expect(warnings).toEqual([]);
    expect(JSON.stringify(await decodedHistory(await stage.history(name)))).toContain(UPSERT);
    await until('it is listed by stage', async () =>
      (await stage.audiences.list({ stage: 'completed' })).some((one) => one.name === name),
    );
  });
});
