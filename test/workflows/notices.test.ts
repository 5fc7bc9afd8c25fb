/** What a run tells the service that its request names. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Notice } from '../../src/notices/notice.ts';
import { verifyNotice } from '../../src/notices/signature.ts';
import type { ProvisioningRequest } from '../../src/request/schema.ts';
import { decodedHistory } from '../../src/temporal/history.ts';
import { giveUpUpdate, selectAccountsUpdate, workflowIdOf } from '../../src/workflows/messages.ts';
import { newName } from '../support/new-name.ts';
import { FAILS, ownWalkthrough, WRONG_QUERY } from '../support/own-walkthrough.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { type ReceivedNotice, withReceiver } from '../support/receiver.ts';
import { type TestWorkerOptions, withWorker } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { ACCOUNT, SECRETS } from '../support/walkthrough.ts';

const KEY = 'key-that-notices-are-signed-with';

let stage: Stage;
let worker: TestWorkerOptions;
beforeAll(async () => {
  stage = await newStage();
  const env = { ...SECRETS, AUDIENCE_NOTICE_KEY: KEY, AUDIENCE_NOTIFY_ALLOW: '127.0.0.0/8' };
  worker = { ...stage.worker, env };
});

type Options = NonNullable<ProvisioningRequest['options']>;

/** Starts a run that tells this address. */
function startTelling(url: string, changes: Partial<ProvisioningRequest> = {}): Promise<string> {
  const notify = { url, secret: { env: 'AUDIENCE_NOTICE_KEY' } };
  return stage.start('notices', { ...changes, options: { ...changes.options, notify } });
}

const noticesIn = (received: ReceivedNotice[]): Notice[] => received.map(({ body }) => JSON.parse(body) as Notice);
const eventsIn = (received: ReceivedNotice[]) => noticesIn(received).map(({ event }) => event);

function untilTold(received: ReceivedNotice[], event: Notice['event']): Promise<Notice> {
  return until(`it is told: ${event}`, () => noticesIn(received).find((notice) => notice.event === event));
}

const handleOf = (name: string) => stage.temporal.workflow.getHandle(workflowIdOf(name));

async function isOpen(name: string): Promise<boolean> {
  return (await handleOf(name).describe()).status.name === 'RUNNING';
}

describe('notices of a run', () => {
  it('tell of the sign-in, of a choice and of the end, each once, signed, and of which run', async () => {
    await withReceiver([{ status: 204 }], async ({ url, received }) => {
      const { linkedinAds } = ownWalkthrough('notices');
      const connection = { name: newName('LinkedIn') };
      const name = await startTelling(url, {
        requester: 'growth@example.com',
        linkedinAds: { ...linkedinAds, connection, accounts: 'ask' },
      });
      await withWorker(worker, async () => {
        const needed = await untilTold(received, 'sign_in_needed');
        const { status } = await stage.untilAsked(name);
        expect(needed.url).toBe(status?.signIn?.url);
        await stage.signIn(name);
        const choice = await untilTold(received, 'choice_needed');
        expect(choice).toMatchObject({
          step: 'ad accounts',
          question: { answer: 'selectAccounts', choices: expect.arrayContaining([ACCOUNT]) },
        });
        await handleOf(name).executeUpdate(selectAccountsUpdate, { args: [{ accounts: [ACCOUNT.label] }] });
        await stage.audiences.result(name);
      });
      expect(eventsIn(received)).toEqual(['sign_in_needed', 'choice_needed', 'done']);
      expect(received.map(({ headers, body }) => verifyNotice(headers, body, KEY))).toEqual([true, true, true]);
      const notices = noticesIn(received);
      expect(new Set(notices.map(({ id }) => id)).size).toBe(3);
      expect(received.map(({ headers }) => headers['audience-notice-id'])).toEqual(notices.map(({ id }) => id));
      const { runId } = await handleOf(name).describe();
      const about = { name, workflowId: workflowIdOf(name), runId, requester: 'growth@example.com' };
      for (const notice of notices) expect(notice).toMatchObject(about);
    });
  });

  it('tell what a step is blocked by, and then that the run failed, and why', async () => {
    await withReceiver([{ status: 200 }], async ({ url, received }) => {
      const name = await startTelling(url, { models: WRONG_QUERY });
      await withWorker(worker, async () => {
        const blocked = await untilTold(received, 'blocked');
        expect(blocked).toMatchObject({
          step: 'model active-users',
          failure: { type: 'Refused', message: expect.stringContaining('nowhere') },
        });
        await handleOf(name).executeUpdate(giveUpUpdate, { args: [{ reason: 'not worth it' }] });
        await stage.failureOf(name);
      });
      const { event, message } = noticesIn(received).at(-1) ?? {};
      expect(event).toBe('failed');
      expect(message).toMatch(/nowhere.*Given up: not worth it.*Left in Polytomic: connection Snowflake/s);
    });
  });

  it.each([
    ['failed', FAILS.options],
    ['cancelled', {}],
  ] as Array<['failed' | 'cancelled', Options]>)(
    'tell that it is %s only after it has undone what it made',
    async (event, options) => {
      await withReceiver([{ status: 200 }], async ({ url, received }) => {
        const name = await startTelling(url, {
          options: { ...options, onFailure: 'undo' },
          ...(event === 'failed' ? { models: WRONG_QUERY } : {}),
        });
        await withWorker(worker, async () => {
          if (event === 'cancelled') {
            await untilTold(received, 'sign_in_needed');
            await stage.audiences.cancel(name);
          }
          await stage.failureOf(name);
        });
        const last = noticesIn(received).at(-1);
        expect(last).toMatchObject({ event, message: expect.stringContaining('Left in Polytomic: nothing.') });
        const { connections } = await stage.sandbox.state();
        expect(connections.filter((one: { name: string }) => one.name.includes(name))).toEqual([]);
      });
    },
  );

  it('are not sent where the request names no target', async () => {
    const name = await stage.start('untold');
    await withWorker(worker, async () => {
      await stage.signIn(name);
      await stage.audiences.result(name);
    });
    expect(JSON.stringify(await decodedHistory(await stage.history(name)))).not.toContain('sendNotice');
  });

  it('leave neither their key nor a signature in the history', async () => {
    await withReceiver([{ status: 503 }, { status: 200 }], async ({ url, received }) => {
      const name = await startTelling(url);
      await withWorker(worker, async () => {
        await stage.signIn(name);
        await stage.audiences.result(name);
      });
      const history = JSON.stringify(await decodedHistory(await stage.history(name)));
      expect(history).toContain('sendNotice');
      expect(history).not.toContain(KEY);
      const signatures = received.map(({ headers }) => String(headers['audience-signature']).replace('v1=', ''));
      for (const signature of signatures) expect(history).not.toContain(signature);
    });
  });
});

describe('a receiver that is down', () => {
  it('does not hold up the work; the end waits for it, and no cancelling makes another end of it', async () => {
    // Until the receiver is told to be well again.
    const answers = [{ status: 503 }];
    await withReceiver(answers, async ({ url, received }) => {
      const name = await startTelling(url, { options: { onFailure: 'undo' } });
      await withWorker(worker, async () => {
        await stage.signIn(name);
        await until('the work is done', async () => (await stage.audiences.status(name)).stage === 'completed');
        await until('it has been told in vain', () => eventsIn(received).includes('done'));
        expect(await isOpen(name)).toBe(true);
        await handleOf(name).cancel();
        await until('the cancelling has come', async () => {
          const history = JSON.stringify(await decodedHistory(await stage.history(name)));
          return history.includes('WORKFLOW_EXECUTION_CANCEL_REQUESTED');
        });
        answers[0] = { status: 200 };
        const { warnings, syncs } = await stage.audiences.result(name);
        expect(warnings).toEqual([]);
        const there = await stage.sandbox.polytomic.syncs.list();
        expect(there.map(({ id }) => id)).toEqual(expect.arrayContaining(syncs.map(({ id }) => id)));
      });
      const ids = noticesIn(received)
        .filter(({ event }) => event === 'done')
        .map(({ id }) => id);
      expect(ids.length).toBeGreaterThan(1);
      expect(new Set(ids).size).toBe(1);
    });
  });

  it('is waited for at the end for a while, and what it has not taken by then is a warning', async () => {
    await withReceiver([{ status: 503 }], async ({ url }) => {
      const name = await startTelling(url);
      await withWorker({ ...worker, impatience: { '5 minutes': '3 seconds' } }, async () => {
        await stage.signIn(name);
        const { warnings } = await stage.audiences.result(name);
        expect(warnings.toSorted()).toEqual(
          ['done', 'sign_in_needed'].map((event) => expect.stringMatching(`^Notice ${event} was not delivered: `)),
        );
        expect((await stage.audiences.status(name)).stage).toBe('completed');
      });
    });
  });
});

describe('a target that may not be called', () => {
  it('becomes a warning that names the setting, and the run goes on', async () => {
    await withReceiver([{ status: 200 }], async ({ url, received }) => {
      const name = await startTelling(url);
      const { AUDIENCE_NOTIFY_ALLOW: _, ...env } = worker.env ?? {};
      const { warnings } = await withWorker({ ...worker, env }, async () => {
        await stage.signIn(name);
        return stage.audiences.result(name);
      });
      expect(warnings).toHaveLength(2);
      expect(warnings[0]).toMatch(/^Notice sign_in_needed was not delivered: .*AUDIENCE_NOTIFY_ALLOW/);
      expect(warnings[0]).not.toContain('s3cret-path');
      expect(received).toEqual([]);
    });
  });

  it('is told nothing with a key that the worker does not have', async () => {
    await withReceiver([{ status: 200 }], async ({ url, received }) => {
      const name = await startTelling(url);
      const { AUDIENCE_NOTICE_KEY: _, ...env } = worker.env ?? {};
      const { warnings } = await withWorker({ ...worker, env }, async () => {
        await stage.signIn(name);
        return stage.audiences.result(name);
      });
      expect(warnings[0]).toContain('AUDIENCE_NOTICE_KEY');
      expect(received).toEqual([]);
    });
  });
});
