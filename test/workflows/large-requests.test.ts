/** The largest requests there may be, on a real server: it refuses payloads over 2 MB and messages over 4 MB. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Notice } from '../../src/notices/notice.ts';
import { LIMITS, type SyncRequest } from '../../src/request/schema.ts';
import { type History, historyToJson } from '../../src/temporal/history-json.ts';
import { people } from '../support/people.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { withReceiver } from '../support/receiver.ts';
import { withWorker } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { AUDIENCE, existingSync, SECRETS } from '../support/walkthrough.ts';

const MB = 1024 * 1024;

/** After how many events Temporal suggests to continue as new. */
const SUGGESTS_AFTER = 4096;

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

const each = <T>(count: number, make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i));

/** As many models as there may be; the first has columns of its own for every sync, under names that take their room. */
const MODELS = Object.fromEntries(
  each(LIMITS.models, (i) => {
    const columns = each(LIMITS.syncs, (sync) => `first_name AS ${columnOf(sync)}`).join(', ');
    return [`m${i}`, { name: `Model ${i}`, query: `SELECT ${i === 0 ? `${columns}, ` : ''}email FROM users LIMIT 1` }];
  }),
);

function columnOf(sync: number): string {
  return `c${sync}_${'c'.repeat(200)}`;
}

/** As many syncs as there may be, all from the first model. */
function syncs(change: (i: number) => Partial<SyncRequest> = () => ({})): SyncRequest[] {
  return each(LIMITS.syncs, (i) =>
    existingSync({
      name: `Sync ${i}`,
      model: 'm0',
      fields: { [columnOf(i)]: 'FirstName' },
      schedule: { frequency: 'manual' },
      ...change(i),
    }),
  );
}

/** The most bytes of JSON that one event takes, and that those take which one workflow task brought about: more than on the wire. */
function largestOf({ events }: History): { event: number; task: number } {
  const tasks = new Map<string, number>();
  const sizes = (events ?? []).map((event) => {
    const json = JSON.stringify(historyToJson({ events: [event] }));
    const [, task] = /"workflowTaskCompletedEventId":"(\d+)"/.exec(json) ?? [];
    if (task !== undefined) tasks.set(task, (tasks.get(task) ?? 0) + json.length);
    return json.length;
  });
  return { event: Math.max(...sizes), task: Math.max(...tasks.values()) };
}

describe('a request as large as it may be', () => {
  it('is carried out: each thing is made, and once', async () => {
    const name = await stage.start('large', { models: MODELS, syncs: syncs() });
    await stage.withWorker(async () => {
      await stage.signIn(name);
      const result = await stage.audiences.result(name);
      expect(Object.keys(result.models)).toEqual(Object.keys(MODELS));
      expect(result.syncs.map((sync) => sync.name)).toEqual(syncs().map((sync) => sync.name));
    });
    const made = await stage.sandbox.state();
    const names = (things: Array<{ name: string }>) => things.map((thing) => thing.name).sort();
    expect(names(made.models)).toEqual(names(Object.values(MODELS)));
    expect(names(made.syncs)).toEqual(names(syncs()));
    const history = await stage.history(name);
    expect(history.events?.length).toBeLessThan(SUGGESTS_AFTER / 2);
    const { event, task } = largestOf(history);
    expect(event).toBeLessThan(MB / 2);
    expect(task).toBeLessThan(MB);
  });

  it('goes on where nothing of it fits: it tells of every step, listens, and ends', async () => {
    await stage.sandbox.reset();
    await withReceiver([{ status: 204 }], async ({ url, received }) => {
      const longest = 'n'.repeat(LIMITS.nameLength);
      // In turn: a question, an audience that is not there, columns that are not there.
      const wrongs: Array<Partial<SyncRequest>> = [
        { audience: 'ask' },
        { audience: { existing: longest } },
        { filters: each(20, (i) => ({ from: `no_column_${i}_${'x'.repeat(40)}`, function: 'IsNull' })) },
      ];
      const name = await stage.start('wrong', {
        models: MODELS,
        syncs: syncs((i) => wrongs[i % wrongs.length] ?? {}),
        options: { notify: { url, secret: { env: 'AUDIENCE_NOTICE_KEY' } } },
      });
      const env = { ...SECRETS, AUDIENCE_NOTICE_KEY: 'k'.repeat(32), AUDIENCE_NOTIFY_ALLOW: '127.0.0.0/8' };
      await withWorker({ ...stage.worker, env }, async () => {
        const them = people(stage, name);
        await stage.signIn(name);
        const status = await until('every sync waits for a person', async () => {
          const report = await stage.audiences.status(name);
          const waiting = report.status?.steps.filter(({ state }) => state === 'blocked' || state === 'waiting');
          return waiting?.length === LIMITS.syncs && report.pendingActivities.length === 0 && report.status;
        });
        const failures = status.steps.flatMap(({ failure }) => failure ?? []);
        expect(failures[0]?.message).toContain(`there is no audience “${longest}”`);
        expect(failures[1]?.message).toMatch(/has no column “no_column_0_.*…$/);
        expect(status.questions).toHaveLength(LIMITS.syncs - failures.length);
        const toldOf = () => {
          const notices = received.map(({ body }) => JSON.parse(body) as Notice);
          return notices.filter(({ event }) => event === 'blocked' || event === 'choice_needed');
        };
        // What is under way was looked at before the run told its status: the notices may have begun in between.
        await until('somebody is told of each, and nothing is under way', async () => {
          const { pendingActivities } = await stage.audiences.status(name);
          return toldOf().length >= LIMITS.syncs && pendingActivities.length === 0;
        });
        const told = toldOf();
        expect(new Set(told.map(({ step }) => step)).size).toBe(LIMITS.syncs);
        expect(told).toHaveLength(LIMITS.syncs);

        await them.choose('Sync 0', { existing: AUDIENCE.id });
        await them.step('sync Sync 0', 'done');
        await them.retry('sync Sync 1', { ...syncs()[1], audience: { existing: AUDIENCE.id } });
        await them.step('sync Sync 1', 'done');
        await until('the list has its first blocked steps', async () => {
          const listed = await stage.audiences.list();
          return listed.find((run) => run.name === name)?.blockedSteps.includes('sync Sync 2');
        });

        await them.giveUp();
        expect((await stage.failureOf(name)).failures).toHaveLength(failures.length);
      });
      const { event, task } = largestOf(await stage.history(name));
      expect(event).toBeLessThan(MB);
      expect(task).toBeLessThan(2 * MB);
    });
  });
});
