import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Notice } from '../../src/notices/notice.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { type ReceivedNotice, withReceiver } from '../support/receiver.ts';
import { withWorker } from '../support/temporal.ts';
import { until } from '../support/until.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

/** Tells the story of a run that reminds every second, with what was received so far. */
async function reminded(
  about: string,
  signIn: Record<string, string>,
  story: (name: string, notices: () => Notice[]) => Promise<void>,
): Promise<void> {
  await withReceiver([{ status: 204 }], async ({ url, received }) => {
    const notify = { url, secret: { env: 'AUDIENCE_NOTICE_KEY' } };
    const name = await stage.start(about, { options: { signIn: { remindEvery: '1s', ...signIn }, notify } });
    const env = {
      ...stage.worker.env,
      AUDIENCE_NOTICE_KEY: 'key of the notices',
      AUDIENCE_NOTIFY_ALLOW: '127.0.0.0/8',
    };
    await withWorker({ ...stage.worker, env }, () =>
      story(name, () => received.map(({ body }: ReceivedNotice) => JSON.parse(body) as Notice)),
    );
  });
}

const remindersIn = (notices: Notice[]) => notices.filter(({ event }) => event === 'sign_in_reminder');

describe('reminders', () => {
  it('come with the link again and again until the sign-in is there', async () => {
    await reminded('reminded', {}, async (name, notices) => {
      const [first, second] = await until('two reminders', () => {
        const reminders = remindersIn(notices());
        return reminders.length >= 2 && reminders;
      });
      const { url } = (await stage.untilAsked(name)).status?.signIn ?? {};
      expect(first).toMatchObject({ name, url });
      expect(second).toMatchObject({ name, url });
      expect(second?.id).not.toBe(first?.id);
      await stage.signIn(name);
      await stage.audiences.result(name);
      expect(notices().at(-1)?.event).toBe('done');
    });
  });

  it('bring a fresh link where the one before is too old', async () => {
    await reminded('fresh-reminder', { linkTtl: '1s' }, async (name, notices) => {
      const needed = await until('the first notice', () => notices()[0]);
      const [reminder] = await until('a reminder', () => {
        const reminders = remindersIn(notices());
        return reminders.length > 0 && reminders;
      });
      expect(needed.event).toBe('sign_in_needed');
      expect(reminder?.url).toMatch(/^http/);
      expect(reminder?.url).not.toBe(needed.url);
      await stage.audiences.cancel(name);
      await stage.failureOf(name);
    });
  });

  it('are not for a person who has signed in and forgot to say so: the run finds out, and goes on', async () => {
    await reminded('forgetful', { remindEvery: '3s' }, async (name, notices) => {
      const { url } = (await stage.untilAsked(name)).status?.signIn ?? {};
      await stage.sandbox.signIn(url ?? '');
      await stage.audiences.result(name);
      expect(remindersIn(notices())).toEqual([]);
    });
  });

  it('end with the wait', async () => {
    await reminded('reminded-in-vain', { timeout: '2s', onTimeout: 'fail' }, async (name, notices) => {
      await expect(stage.failureOf(name)).resolves.toMatchObject({ state: 'failed' });
      const events = notices().map(({ event }) => event);
      expect(events.at(-1)).toBe('failed');
      expect(events.filter((event) => event === 'sign_in_reminder')).toHaveLength(1);
    });
  });
});

describe('a link that is used up', () => {
  it('is followed by a notice with the new one, and why', async () => {
    await reminded('used-up', { remindEvery: '1d' }, async (name, notices) => {
      const { url } = (await stage.untilAsked(name)).status?.signIn ?? {};
      await stage.sandbox.signIn(url ?? '', 'no-accounts');
      await stage.audiences.completeSignIn(name);
      const [, again] = await until('the second notice', () => {
        const needed = notices().filter(({ event }) => event === 'sign_in_needed');
        return needed.length === 2 && needed;
      });
      expect(again?.message).toContain('Robin Sandbox');
      await stage.sandbox.signIn(again?.url ?? '');
      await stage.audiences.completeSignIn(name);
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
    });
  });
});
