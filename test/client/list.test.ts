import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AudienceClient } from '../../src/client.ts';
import { connectClient, temporalSettings } from '../../src/temporal/connection.ts';
import { type EmbeddedTemporal, startEmbeddedTemporal } from '../../src/temporal/embedded-server.ts';
import { workflowIdOf } from '../../src/workflows/messages.ts';
import { errorOf } from '../support/directions.ts';
import { newName } from '../support/new-name.ts';
import { ownWalkthrough, WRONG_QUERY } from '../support/own-walkthrough.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { inTemporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

const start = async (about: string) => (await stage.audiences.start(ownWalkthrough(about))).name;

describe('the list', () => {
  it('by stage has those that stand there now, and not one that was terminated there', async () => {
    const [waits, over] = [await start('waits'), await start('over')];
    await stage.withWorker(async () => {
      await stage.untilAsked(waits);
      await stage.untilAsked(over);
    });
    const waiting = async () =>
      (await stage.audiences.list({ stage: 'awaiting_sign_in', limit: 1000 })).map((one) => one.name);
    await until('both are listed as waiting', async () => {
      const names = await waiting();
      return names.includes(waits) && names.includes(over);
    });
    await stage.temporal.workflow.getHandle(workflowIdOf(over)).terminate();
    await until('the terminated one is not listed as waiting any more', async () => !(await waiting()).includes(over));
    expect(await waiting()).toContain(waits);
    const ended = (await stage.audiences.list({ limit: 1000 })).find(({ name }) => name === over);
    expect(ended).toEqual({
      name: over,
      runId: expect.any(String),
      state: 'terminated',
      blockedSteps: [],
      startedAt: expect.any(String),
      endedAt: expect.any(String),
    });
  });

  it('by a stage in which runs end has those that ended so', async () => {
    const name = await start('cancelled');
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      await stage.audiences.cancel(name);
      await errorOf(stage.audiences.result(name));
      const listed = await until('it is listed as cancelled', async () =>
        (await stage.audiences.list({ stage: 'cancelled' })).find((one) => one.name === name),
      );
      expect(listed).toMatchObject({ state: 'cancelled', stage: 'cancelled', endedAt: expect.any(String) });
    });
  });

  it.each(["Ada O'Brien", "Back\\slash \\' OR WorkflowType IS NOT NULL", '“Quotes" `and` %'])(
    'by requester has those of %s alone',
    async (requester) => {
      const { name } = await stage.audiences.start(ownWalkthrough('requested', { requester }));
      const { name: another } = await stage.audiences.start(ownWalkthrough('of-another', { requester: 'Another' }));
      await stage.withWorker(async () => {
        await stage.untilAsked(name);
        await stage.untilAsked(another);
      });
      const own = await until('it is listed', async () => {
        const listed = await stage.audiences.list({ requester });
        return listed.some((one) => one.name === name) && listed;
      });
      expect(own.map((one) => one.requester)).toEqual(own.map(() => requester));
      expect(own.map((one) => one.name)).not.toContain(another);
    },
  );

  it('of those that are blocked has them with their steps, until they are mended or over', async () => {
    const { name } = await stage.audiences.start(ownWalkthrough('blocked', { models: WRONG_QUERY }));
    const { name: over } = await stage.audiences.start(ownWalkthrough('over', { models: WRONG_QUERY }));
    const blocked = async () => new Map((await stage.audiences.list({ blocked: true })).map((one) => [one.name, one]));
    await stage.withWorker(async () => {
      const listed = await until('both are listed as blocked', async () => {
        const all = await blocked();
        return all.has(over) && all.get(name);
      });
      expect(listed).toMatchObject({ state: 'running', blockedSteps: ['model active-users'] });
      await stage.temporal.workflow.getHandle(workflowIdOf(over)).terminate();
      const change = { name: 'Active Users', query: 'SELECT first_name, last_name, email FROM users' };
      await stage.audiences.retryStep(name, { step: 'model active-users', change });
      await until('neither is listed as blocked', async () => {
        const all = await blocked();
        return !all.has(name) && !all.has(over);
      });
    });
  });

  it('is the newest ones first, and at most as long as told', async () => {
    const first = await start('first');
    const second = await start('second');
    const names = await until('both are listed', async () => {
      const listed = (await stage.audiences.list({ limit: 1000 })).map(({ name }) => name);
      return listed.includes(first) && listed.includes(second) && listed;
    });
    expect(names.indexOf(second)).toBeLessThan(names.indexOf(first));
    expect(await stage.audiences.list({ limit: 1 })).toHaveLength(1);
  });

  it('has no runs of other workflow types', async () => {
    const workflowId = newName('another-type');
    await stage.temporal.workflow.start('Another', { workflowId, taskQueue: stage.worker.taskQueue });
    const name = await start('of-ours');
    const listed = await until('ours is listed', async () => {
      const names = (await stage.audiences.list({ limit: 1000 })).map((one) => one.name);
      return names.includes(name) && names;
    });
    expect(listed).not.toContain(workflowId);
  });
});

describe('the list of a namespace without the search attribute', () => {
  let server: EmbeddedTemporal;
  let audiences: AudienceClient;
  let stop: () => void;
  let stopped: Promise<void>;
  beforeAll(async () => {
    await new Promise<void>((ready, failed) => {
      stopped = inTemporaryDirectory(async (directory) => {
        server = await startEmbeddedTemporal({ directory, searchAttributes: false });
        const { client } = await connectClient(temporalSettings(server.env));
        audiences = new AudienceClient({ temporal: client, taskQueue: 'nobody' });
        const end = new Promise<void>((resolve) => {
          stop = resolve;
        });
        ready();
        await end;
        await audiences.close();
        await server.stop();
      });
      stopped.catch(failed);
    });
  });
  afterAll(async () => {
    stop();
    await stopped;
  });

  it('is there, but not by stage: the error says what to run', async () => {
    expect(await audiences.list()).toEqual([]);
    await expect(audiences.list({ stage: 'failed' })).rejects.toThrow(
      'Listing by stage, requester or blocked step needs search attributes, which namespace default does not have. Run `audience setup` once.',
    );
    await expect(audiences.list({ requester: 'Ada' })).rejects.toThrow('audience setup');
    await expect(audiences.list({ blocked: true })).rejects.toThrow('audience setup');
  });
});
