import { beforeAll, describe, expect, it } from '@jest/globals';
import type { SyncRequest } from '../../src/request/schema.ts';
import type { Resource } from '../../src/workflows/messages.ts';
import { newRun } from '../support/activity-task.ts';
import { linkedInConnection } from '../support/resources.ts';
import { newSandbox, type TestSandbox } from '../support/sandbox.ts';
import { ACCOUNT, AUDIENCE, existingSync, newSync } from '../support/walkthrough.ts';

const TRIAL_USERS = 'User Audience: Trial Users';
const OTHERS = [
  { value: '508274113::urn:li:organization:18457201', label: 'Northwind Traders (508274113)' },
  { value: '519903347::urn:li:organization:30551846', label: 'Contoso Labs (519903347)' },
];

let sandbox: TestSandbox;
let connection: Resource;
beforeAll(async () => {
  sandbox = await newSandbox();
  connection = await linkedInConnection(sandbox, [ACCOUNT, ...OTHERS]);
});

const asking: SyncRequest = { ...existingSync({ name: 'Asking', mode: 'update' }), audience: 'ask' };

function inspect(syncs: SyncRequest[], { reset = false } = {}) {
  const run = newRun(sandbox);
  const originalRunId = reset ? 'the-run-before' : run.step('audiences').originalRunId;
  return run.task('inspectAudiences', { connection, syncs, originalRunId }).result();
}

describe('inspecting audiences', () => {
  it('gives each sync its own result, in order, and fails for none of them', async () => {
    const nowhere = existingSync({ name: 'Nowhere', audience: { existing: 'No such audience' } });
    const wrong = existingSync({ name: 'Wrong', fields: { first_name: 'Shoe' }, mode: 'replace' });
    const results = await inspect([nowhere, existingSync(), asking, newSync(), wrong]);
    expect(results).toEqual([
      {
        problem: { code: 'NotFound', message: expect.stringMatching('^Sync “Nowhere”: there is no audience “No such') },
      },
      { audience: { existing: AUDIENCE } },
      { ask: expect.objectContaining({ total: 2 }) },
      { audience: { create: { name: 'New audience', type: 'user_audience', account: ACCOUNT.value } } },
      { problem: { code: 'NotAllowed', message: expect.stringContaining('does not support mode “replace”') } },
    ]);
    expect(results[4]).toMatchObject({ problem: { message: expect.stringContaining('has no field “Shoe”') } });
  });

  it('asks with the audiences that support the mode of the sync', async () => {
    const [result] = await inspect([asking]);
    if (result === undefined || !('ask' in result)) throw new Error('it did not ask');
    expect(result.ask.why).toBeUndefined();
    expect(result.ask.choices.map(({ label }) => label)).toEqual([TRIAL_USERS, TRIAL_USERS]);
    expect(new Set(result.ask.choices.map(({ value }) => value)).size).toBe(2);
  });

  it('asks where a name fits several, says why, and lists those first', async () => {
    const [result] = await inspect([existingSync({ audience: { existing: TRIAL_USERS } })]);
    if (result === undefined || !('ask' in result)) throw new Error('it did not ask');
    expect(result.ask.why).toMatch(/^audience “User Audience: Trial Users” fits several: “508274113/);
    expect(result.ask.choices.slice(0, 2).map(({ label }) => label)).toEqual([TRIAL_USERS, TRIAL_USERS]);
    expect(result.ask.total).toBe(4);
  });

  it('takes the id of one of several of a name', async () => {
    const [asked] = await inspect([existingSync({ audience: { existing: TRIAL_USERS } })]);
    const id = asked !== undefined && 'ask' in asked ? (asked.ask.choices[0]?.value ?? '') : '';
    expect(await inspect([existingSync({ audience: { existing: id }, mode: 'create' })])).toEqual([
      { audience: { existing: { id, name: TRIAL_USERS } } },
    ]);
  });

  it('finds a name taken, but for a run that was reset, which may have made the audience itself', async () => {
    const create = { name: AUDIENCE.name, type: 'company_audience', account: ACCOUNT.label };
    const taken = newSync({ audience: { create } });
    expect(await inspect([taken])).toMatchObject([{ problem: { code: 'NameTaken' } }]);
    expect(await inspect([taken], { reset: true })).toMatchObject([{ audience: { create: { name: AUDIENCE.name } } }]);
  });

  it('makes a refusal of one audience a problem of its sync alone', async () => {
    const match = { path: `/api/connections/${connection.id}/modelsync/target/fields` };
    await sandbox.fault({ match, times: 1, status: 404, message: 'it was deleted a moment ago' });
    expect(await inspect([existingSync({ name: 'First' }), existingSync({ name: 'Second' })])).toEqual([
      { problem: { code: 'NotFound', message: expect.stringMatching('^Sync “First”: .*it was deleted a moment ago') } },
      { audience: { existing: AUDIENCE } },
    ]);
  });
});

describe('searching audiences', () => {
  it('finds those that support the mode and have every word', async () => {
    const find = (mode: 'create' | 'update', search?: string) =>
      newRun(sandbox)
        .task('findAudiences', { connection, mode, ...(search === undefined ? {} : { search }) })
        .result();
    expect((await find('create')).total).toBe(4);
    expect((await find('update')).total).toBe(2);
    expect((await find('create', 'accounts KEY')).choices.map(({ label }) => label)).toEqual([
      'Company Audience: Key Accounts',
    ]);
    expect(await find('update', 'key')).toEqual({ choices: [], total: 0 });
  });
});
