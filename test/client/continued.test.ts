import { expect, it } from '@jest/globals';
import { temporalSettings } from '../../src/temporal/connection.ts';
import { startEmbeddedTemporal } from '../../src/temporal/embedded-server.ts';
import { workflowIdOf } from '../../src/workflows/messages.ts';
import { ownWalkthrough, WRONG_QUERY } from '../support/own-walkthrough.ts';
import { people } from '../support/people.ts';
import { newStage } from '../support/provisioning.ts';
import { inTemporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';

it('a run that has continued as new is joined, answered, followed and undone by its name', async () => {
  await inTemporaryDirectory(async (directory) => {
    // A server that suggests it after so many events.
    const dynamicConfig = ['limit.historyCount.suggestContinueAsNew=60'];
    const server = await startEmbeddedTemporal({ directory, dynamicConfig });
    try {
      const stage = await newStage({ server: temporalSettings(server.env) });
      const { audiences, temporal } = stage;
      const request = ownWalkthrough('long', { models: WRONG_QUERY });
      const { name, runId: first } = await audiences.start(request);
      await stage.withWorker(async () => {
        await people(stage, name).step('model active-users', 'blocked');
        await stage.untilAsked(name);
        await until('it has continued as new', async () => {
          await audiences.completeSignIn(name);
          const { runId } = await temporal.workflow.getHandle(workflowIdOf(name)).describe();
          return runId !== first;
        });
        expect((await audiences.start(request)).outcome).toBe('joined');
        const fresh = await audiences.signInLink(name, { fresh: true });
        const watched = (async () => {
          let last = '';
          for await (const { state } of audiences.watch(name, { intervalMs: 50 })) last = state;
          return last;
        })();
        await people(stage, name).step('model active-users', 'blocked');
        await audiences.retryStep(name, { step: 'model active-users' });
        await stage.sandbox.signIn(fresh.url);
        await audiences.completeSignIn(name);
        await audiences.giveUp(name);
        expect(await watched).toBe('failed');
        const { undone } = await audiences.undo(name);
        expect(undone.map((one) => ('name' in one ? one.name : one.labels))).toEqual([
          `LinkedIn ${name}`,
          `Snowflake ${name}`,
        ]);
      });
    } finally {
      await server.stop();
    }
  });
});
