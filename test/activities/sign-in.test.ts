import { beforeAll, describe, expect, it } from '@jest/globals';
import { newRun } from '../support/activity-task.ts';
import { unsignedLinkedIn } from '../support/resources.ts';
import { newSandbox, type TestSandbox } from '../support/sandbox.ts';

let sandbox: TestSandbox;
beforeAll(async () => {
  sandbox = await newSandbox();
});

describe('the sign-in', () => {
  it('is not yet there before anybody has signed in', async () => {
    const { connection } = await unsignedLinkedIn(sandbox);
    const check = await newRun(sandbox).task('verifySignIn', { connection }).result();
    expect(check).toEqual({ state: 'not_yet', reason: expect.stringContaining('is not complete') });
  });

  it('is there after it, and not after a denial', async () => {
    const allowed = await unsignedLinkedIn(sandbox);
    const denied = await unsignedLinkedIn(sandbox);
    await sandbox.signIn(allowed.authUrl);
    await sandbox.signIn(denied.authUrl, 'deny');
    const verify = ({ connection }: typeof allowed) => newRun(sandbox).task('verifySignIn', { connection }).result();
    expect(await verify(allowed)).toEqual({ state: 'signed_in' });
    expect(await verify(denied)).toMatchObject({ state: 'not_yet' });
  });

  it('by a user without ad accounts is told apart, with the name of the user, until somebody else signs in', async () => {
    const { connection, authUrl } = await unsignedLinkedIn(sandbox);
    await sandbox.signIn(authUrl, 'no-accounts');
    const run = newRun(sandbox);
    expect(await run.task('verifySignIn', { connection }).result()).toEqual({
      state: 'no_accounts',
      reason: 'LinkedIn user “Robin Sandbox” who signed in may use no ad account',
    });
    await sandbox.signIn(await run.task('startSignIn', { connection }).result());
    expect(await run.task('verifySignIn', { connection }).result()).toEqual({ state: 'signed_in' });
  });
});

describe('watching for the sign-in', () => {
  it('asks once an attempt, and has the server try again after the given time', async () => {
    const { connection } = await unsignedLinkedIn(sandbox);
    const before = (await sandbox.requests()).length;
    const task = newRun(sandbox).task('awaitSignIn', { connection, pollMs: 123_000 });
    await expect(task.attempt()).rejects.toMatchObject({
      type: 'NotSignedInYet',
      nonRetryable: false,
      nextRetryDelay: 123_000,
      category: 'BENIGN',
    });
    expect(await sandbox.requests()).toHaveLength(before + 1);
  });

  it.each([
    ['allow', { state: 'signed_in' }],
    ['no-accounts', { state: 'no_accounts', reason: expect.stringContaining('Robin Sandbox') }],
  ] as const)('ends when somebody has signed in (%s)', async (decision, outcome) => {
    const { connection, authUrl } = await unsignedLinkedIn(sandbox);
    await sandbox.signIn(authUrl, decision);
    expect(await newRun(sandbox).task('awaitSignIn', { connection, pollMs: 1000 }).attempt()).toEqual(outcome);
  });

  it('goes on after a user without ad accounts who is known already, until somebody else signs in', async () => {
    const { connection, authUrl } = await unsignedLinkedIn(sandbox);
    await sandbox.signIn(authUrl, 'no-accounts');
    const run = newRun(sandbox);
    const task = run.task('awaitSignIn', { connection, pollMs: 123_000, untilAccounts: true });
    await expect(task.attempt()).rejects.toMatchObject({ type: 'NotSignedInYet', nextRetryDelay: 123_000 });
    await sandbox.signIn(await run.task('startSignIn', { connection }).result());
    expect(await task.attempt()).toEqual({ state: 'signed_in' });
  });
});
