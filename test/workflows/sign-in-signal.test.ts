import { beforeAll, describe, expect, it } from '@jest/globals';
import { oauthCompletedSignal, workflowIdOf } from '../../src/workflows/messages.ts';
import { errorOf } from '../support/directions.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { until } from '../support/until.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

describe('signal oauthCompleted', () => {
  it('is kept if it comes before the wait', async () => {
    const name = await stage.start('early');
    // No worker yet: the signal is in the history before the first workflow task.
    await stage.audiences.completeSignIn(name);
    await stage.withWorker(async () => {
      const report = await until('the early claim is checked', async () => {
        const now = await stage.audiences.status(name);
        return now.status?.signIn?.lastCheck && now;
      });
      expect(report.status?.signIn).toMatchObject({ claims: 1, lastCheck: { reason: expect.any(String) } });
      await stage.signIn(name);
      await stage.audiences.result(name);
    });
  });

  it('needs no payload, and may come twice', async () => {
    const name = await stage.start('twice');
    const { status } = await stage.withWorker(() => stage.untilAsked(name));
    await stage.sandbox.signIn(status?.signIn?.url ?? '');
    // No worker now: both are in the history before the first of them is looked at.
    await stage.audiences.completeSignIn(name);
    await stage.audiences.completeSignIn(name);
    await stage.withWorker(() => expect(stage.audiences.result(name)).resolves.toMatchObject({ name }));
  });

  it('is refused when it comes after the end', async () => {
    const name = await stage.start('late');
    await stage.withWorker(async () => {
      await stage.signIn(name);
      await stage.audiences.result(name);
      await expect(stage.audiences.completeSignIn(name)).rejects.toThrow(/is completed already/);
    });
  });

  it('is a hint: a false claim changes nothing but what the run says', async () => {
    const name = await stage.start('false-claim');
    await stage.withWorker(async () => {
      const { status } = await stage.untilAsked(name);
      await stage.audiences.completeSignIn(name);
      const after = await until('the claim is checked', async () => {
        const now = await stage.audiences.status(name);
        return now.status?.signIn?.lastCheck && now;
      });
      expect(after.stage).toBe('awaiting_sign_in');
      expect(after.status?.signIn?.url).toBe(status?.signIn?.url);
      expect(after.status?.signIn?.lastCheck?.reason).toMatch(/sign/i);
      await stage.signIn(name);
      await stage.audiences.result(name);
    });
  });

  it('is still false when the person clicked Deny', async () => {
    const name = await stage.start('denied');
    await stage.withWorker(async () => {
      const { status } = await stage.untilAsked(name);
      await stage.sandbox.signIn(status?.signIn?.url ?? '', 'deny');
      await stage.audiences.completeSignIn(name);
      await until('the claim is checked', async () => (await stage.audiences.status(name)).status?.signIn?.lastCheck);
      await stage.audiences.cancel(name);
      await errorOf(stage.audiences.result(name));
    });
  });

  it('takes any payload, as a person may type one into the Web UI', async () => {
    const name = await stage.start('payload');
    await stage.withWorker(async () => {
      const { status } = await stage.untilAsked(name);
      await stage.sandbox.signIn(status?.signIn?.url ?? '');
      const handle = stage.temporal.workflow.getHandle(workflowIdOf(name));
      await handle.signal(oauthCompletedSignal.name, { any: ['thing', null] }, 'more');
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
    });
  });

  it.each([
    ['no JSON', 'json/plain'],
    ['of an encoding that nobody knows here', 'json/protobuf'],
    ['encrypted by somebody else', 'binary/encrypted'],
  ])('takes a payload that is %s', async (_, encoding) => {
    const name = await stage.start('undecodable');
    await stage.withWorker(async () => {
      const { status } = await stage.untilAsked(name);
      await stage.sandbox.signIn(status?.signIn?.url ?? '');
      await stage.temporal.workflowService.signalWorkflowExecution({
        namespace: stage.temporal.options.namespace,
        workflowExecution: { workflowId: workflowIdOf(name) },
        signalName: oauthCompletedSignal.name,
        input: { payloads: [{ metadata: { encoding: Buffer.from(encoding) }, data: Buffer.from('{rubbish') }] },
      });
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
    });
  });
});

describe('a wait', () => {
  it('outlives its worker: nobody works for the whole of it', async () => {
    const name = await stage.start('no-worker');
    const { status } = await stage.withWorker(() => stage.untilAsked(name));
    await stage.sandbox.signIn(status?.signIn?.url ?? '');
    await stage.audiences.completeSignIn(name);
    await stage.withWorker(() => expect(stage.audiences.result(name)).resolves.toMatchObject({ name }));
  });

  it('does not let the history grow', async () => {
    const name = await stage.start('quiet');
    await stage.withWorker(async () => {
      await until('only the person is missing', async () => {
        const { status } = await stage.audiences.status(name);
        return status?.signIn && status.steps.some(({ id, state }) => id === 'model active-users' && state === 'done');
      });
    });
    const before = (await stage.history(name)).events?.length;
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      expect((await stage.history(name)).events?.length).toBe(before);
      await stage.audiences.cancel(name);
      await errorOf(stage.audiences.result(name));
    });
  });
});
