import { beforeAll, describe, expect, it } from '@jest/globals';
import type { ProvisioningReport } from '../../src/client.ts';
import { errorOf } from '../support/directions.ts';
import { newName } from '../support/new-name.ts';
import { ownWalkthrough } from '../support/own-walkthrough.ts';
import { newStage, type Stage } from '../support/provisioning.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

const start = async (about: string) => (await stage.audiences.start(ownWalkthrough(about))).name;

async function all(watch: AsyncIterable<ProvisioningReport>): Promise<ProvisioningReport[]> {
  const reports: ProvisioningReport[] = [];
  for await (const report of watch) reports.push(report);
  return reports;
}

describe('a watch', () => {
  it('yields a report for each change, and ends with the one of the run’s end', async () => {
    const name = await start('watched');
    await stage.withWorker(async () => {
      const reports: ProvisioningReport[] = [];
      let signedIn = false;
      for await (const report of stage.audiences.watch(name, { intervalMs: 20 })) {
        reports.push(report);
        if (report.status?.signIn?.url === undefined || signedIn) continue;
        signedIn = true;
        await stage.signIn(name);
      }
      const texts = reports.map((report) => JSON.stringify(report));
      expect(texts.filter((text, i) => text === texts[i - 1])).toEqual([]);
      expect(reports.map(({ stage: at }) => at)).toContain('awaiting_sign_in');
      expect(reports.filter(({ state }) => state !== 'running')).toEqual([reports.at(-1)]);
      expect(reports.at(-1)).toMatchObject({ state: 'completed', stage: 'completed' });
    });
  });

  it('of a run that has ended yields one report', async () => {
    const name = await start('ended');
    await stage.audiences.cancel(name);
    await stage.withWorker(async () => {
      await errorOf(stage.audiences.result(name));
      expect(await all(stage.audiences.watch(name))).toEqual([expect.objectContaining({ state: 'cancelled' })]);
    });
  });

  it('stops when its signal aborts, and the run goes on', async () => {
    const name = await start('aborted');
    const stop = new AbortController();
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      const reports: ProvisioningReport[] = [];
      // An interval that no test would wait for.
      for await (const report of stage.audiences.watch(name, { intervalMs: 3_600_000, signal: stop.signal })) {
        reports.push(report);
        stop.abort();
      }
      expect(reports).toHaveLength(1);
      expect(await all(stage.audiences.watch(name, { signal: stop.signal }))).toEqual([]);
      expect((await stage.audiences.status(name)).state).toBe('running');
    });
  });

  it('stops while it waits for the next look', async () => {
    const name = await start('aborted-later');
    const stop = new AbortController();
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      const watch = stage.audiences.watch(name, { intervalMs: 3_600_000, signal: stop.signal });
      expect(await watch.next()).toMatchObject({ done: false });
      const next = watch.next();
      stop.abort();
      expect(await next).toEqual({ done: true, value: undefined });
    });
  });

  it('of an unknown name is an error', async () => {
    await expect(all(stage.audiences.watch(newName('unknown')))).rejects.toMatchObject({ name: 'NotFoundError' });
  });
});
