import { beforeAll, describe, expect, it } from '@jest/globals';
import type { ProvisioningResult } from '../../src/client.ts';
import { workflowIdOf } from '../../src/workflows/messages.ts';
import { newName } from '../support/new-name.ts';
import { ownWalkthrough } from '../support/own-walkthrough.ts';
import { people } from '../support/people.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { newStandstill, OPEN_SYNC, untilStandstill } from '../support/standstill.ts';
import { until } from '../support/until.ts';
import { AUDIENCE } from '../support/walkthrough.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

/** Ids of all that a result says was made. */
function madeIn({ snowflakeConnection, linkedinConnection, models, syncs }: ProvisioningResult): string[] {
  const resources = [
    snowflakeConnection,
    linkedinConnection,
    ...Object.values(models),
    ...syncs.flatMap((sync) => [sync, sync.audience]),
  ];
  return resources.filter(({ made }) => made).map(({ id }) => id);
}

describe('a run whose history no worker can read', () => {
  it('says so while a workflow task fails, and once recovered completes without a second answer or a second thing', async () => {
    const alone = await newStage();
    const name = await newStandstill(alone, 'fails');
    await alone.audiences.completeSignIn(name);
    await alone.withWorker(async () => {
      await until('a workflow task has failed', async () => {
        const { events } = await alone.history(name);
        return events?.some((event) => event.workflowTaskFailedEventAttributes != null);
      });
      expect(await untilStandstill(alone, name)).toContain(`\`audience recover ${name}\``);
      const awaited = alone.audiences.result(name);

      const before = await alone.history(name);
      const { eventId, failure, at } = await alone.audiences.recover(name);
      const [, named] = /HistoryEvent\(id: (\d+)/.exec(failure) ?? [];
      expect(failure).toContain('[TMPRL1100]');
      expect(Number(named)).toBeGreaterThan(eventId);
      const point = before.events?.[eventId - 1];
      expect(point?.workflowTaskCompletedEventAttributes).toBeTruthy();
      expect(Date.parse(at)).toBeLessThanOrEqual(Date.now());

      const { asked, choose } = people(alone, name);
      await asked(`sync ${OPEN_SYNC}`);
      await choose(OPEN_SYNC, { existing: AUDIENCE.name });
      const result = await alone.audiences.result(name);
      const effects = await alone.sandbox.effects();
      const made = effects.filter(({ effect, kind }) => effect === 'created' && kind !== 'execution');
      expect(made.map(({ id }) => id).sort()).toEqual(madeIn(result).sort());
      // Who waited for the result from before the recovery gets it all the same.
      expect(await awaited).toEqual(result);
    });
  });

  it('says so, and can be recovered, before anything has happened that it would have to take up', async () => {
    const name = await newStandstill(stage, 'waits');
    await stage.withWorker(async () => {
      expect(await untilStandstill(stage, name)).toContain(`\`audience recover ${name}\``);
      await stage.audiences.recover(name);
      await people(stage, name).asked(`sync ${OPEN_SYNC}`);
    });
  });

  it('is recovered once by two who do it at the same time', async () => {
    const name = await newStandstill(stage, 'twice');
    await stage.withWorker(async () => {
      await untilStandstill(stage, name);
      const [one, other] = await Promise.allSettled([stage.audiences.recover(name), stage.audiences.recover(name)]);
      const runs = [one, other].flatMap((settled) => (settled.status === 'fulfilled' ? [settled.value.runId] : []));
      const { runId } = await stage.temporal.workflow.getHandle(workflowIdOf(name)).describe();
      expect(new Set(runs)).toEqual(new Set([runId]));
      await people(stage, name).asked(`sync ${OPEN_SYNC}`);
    });
  });
});

describe('a recovery', () => {
  it('of a run that only waits is refused, and leaves it as it is', async () => {
    const { name } = await stage.audiences.start(ownWalkthrough('healthy'));
    await stage.withWorker(async () => {
      const { runId } = await stage.untilAsked(name);
      await expect(stage.audiences.recover(name)).rejects.toMatchObject({
        name: 'RefusedError',
        message: expect.stringContaining(`“${name}” does not stand still`),
      });
      expect((await stage.audiences.status(name)).runId).toBe(runId);
    });
    // Whether one stands still that nobody works on, nobody can tell.
    await expect(stage.audiences.recover(name)).rejects.toMatchObject({ name: 'NoAnswerError' });
  });

  it('of one that has ended, or that nobody has heard of, is an error that says so', async () => {
    const { name } = await stage.audiences.start(ownWalkthrough('ended'));
    await stage.temporal.workflow.getHandle(workflowIdOf(name)).terminate();
    await expect(stage.audiences.recover(name)).rejects.toMatchObject({ name: 'NotFoundError' });
    await expect(stage.audiences.recover(newName('unknown'))).rejects.toMatchObject({ name: 'NotFoundError' });
  });
});
