import { beforeAll, describe, expect, it } from '@jest/globals';
import { always, withApi } from '../polytomic/api-server.ts';
import { newRun } from '../support/activity-task.ts';
import { linkedInConnection } from '../support/resources.ts';
import { newSandbox, type TestSandbox } from '../support/sandbox.ts';
import { ACCOUNT } from '../support/walkthrough.ts';

const NORTHWIND = { value: '508274113::urn:li:organization:18457201', label: 'Northwind Traders (508274113)' };

let sandbox: TestSandbox;
beforeAll(async () => {
  sandbox = await newSandbox();
});

const enabledOn = async (id: string) => (await sandbox.polytomic.connections.get(id)).configuration['accounts'];

describe('enabling ad accounts', () => {
  it('adds the wanted ones to those that are enabled, and tells which it added', async () => {
    const connection = await linkedInConnection(sandbox, [ACCOUNT]);
    const wanted = [ACCOUNT.label, NORTHWIND.value];
    const result = await newRun(sandbox).task('enableAdAccounts', { connection, wanted }).result();
    expect(result).toEqual({ enabled: [ACCOUNT, NORTHWIND], added: [NORTHWIND] });
    expect(await enabledOn(connection.id)).toEqual([ACCOUNT, NORTHWIND]);
  });

  it('adds nothing where all are enabled already, and writes nothing', async () => {
    const connection = await linkedInConnection(sandbox, [ACCOUNT]);
    const before = (await sandbox.requests()).length;
    const result = await newRun(sandbox)
      .task('enableAdAccounts', { connection, wanted: [ACCOUNT.value] })
      .result();
    expect(result).toEqual({ enabled: [ACCOUNT], added: [] });
    const calls = (await sandbox.requests()).slice(before);
    expect(calls.filter(({ method }) => method !== 'GET')).toEqual([]);
  });

  it.each(['after', 'before'])(
    'still knows what it added when the answer to the write was lost (%s it took effect)',
    async (when) => {
      const connection = await linkedInConnection(sandbox, [ACCOUNT]);
      await sandbox.fault({ match: { method: 'PUT' }, times: 1, drop: true, when });
      const result = await newRun(sandbox).task('enableAdAccounts', { connection, wanted: 'all' }).result();
      expect(result).toMatchObject({ added: expect.not.arrayContaining([ACCOUNT]) });
      expect(result).toMatchObject({ added: expect.arrayContaining([NORTHWIND]) });
      expect(await enabledOn(connection.id)).toHaveLength(3);
    },
  );

  it('asks, and changes nothing, where the request leaves it to a person', async () => {
    const connection = await linkedInConnection(sandbox, [ACCOUNT]);
    const result = await newRun(sandbox).task('enableAdAccounts', { connection, wanted: 'ask' }).result();
    expect(result).toMatchObject({ ask: { total: 3, choices: expect.arrayContaining([ACCOUNT, NORTHWIND]) } });
    expect(await enabledOn(connection.id)).toEqual([ACCOUNT]);
  });

  it('asks where a name fits several, says so, and lists those first and no more than fifty', async () => {
    const others = Array.from({ length: 100 }, (_, i) => ({ value: `v${i}`, label: `Account ${i}` }));
    const twins = ['a', 'b'].map((value) => ({ value, label: 'Twin' }));
    const data = { accounts: { allows_creation: false, values: [...others, ...twins] } };
    await withApi(always({ data }), async ({ url, received }) => {
      const connection = { id: 'c1', name: 'LinkedIn', made: true };
      const result = await newRun({ url })
        .task('enableAdAccounts', { connection, wanted: ['Account 7', 'Twin'] })
        .result();
      if (!('ask' in result)) throw new Error('it did not ask');
      expect(result.ask.total).toBe(102);
      expect(result.ask.choices).toHaveLength(50);
      expect(result.ask.choices.slice(0, 3)).toEqual([...twins, others[0]]);
      expect(result.ask.why).toBe('ad account “Twin” fits several: “a”, “b”; give the value instead');
      expect(received.map(({ method }) => method)).toEqual(['GET']);
    });
  });

  it('fails for good on a name that fits none, and does not ask', async () => {
    const connection = await linkedInConnection(sandbox);
    const task = newRun(sandbox).task('enableAdAccounts', { connection, wanted: [ACCOUNT.label, 'Nobody Inc.'] });
    await expect(task.result()).rejects.toMatchObject({
      type: 'NotAllowed',
      nonRetryable: true,
      message: expect.stringContaining('there is no ad account “Nobody Inc.”'),
    });
  });
});

describe('searching ad accounts', () => {
  it('finds those that have every word, in any case, in label or value', async () => {
    const connection = await linkedInConnection(sandbox);
    const find = (search: string) => newRun(sandbox).task('findAdAccounts', { connection, search }).result();
    expect(await find('TRADERS north')).toEqual({ choices: [NORTHWIND], total: 1 });
    expect(await find('508274113')).toEqual({ choices: [NORTHWIND], total: 1 });
    expect(await find('traders polytomic')).toEqual({ choices: [], total: 0 });
  });

  it('finds all without a word', async () => {
    const connection = await linkedInConnection(sandbox);
    expect((await newRun(sandbox).task('findAdAccounts', { connection }).result()).total).toBe(3);
  });
});

describe('checking an answer', () => {
  it('gives the accounts that it means, each once, and enables none', async () => {
    const connection = await linkedInConnection(sandbox, [ACCOUNT]);
    const wanted = [NORTHWIND.value, NORTHWIND.label];
    expect(await newRun(sandbox).task('checkAdAccounts', { connection, wanted }).result()).toEqual([NORTHWIND]);
    expect(await enabledOn(connection.id)).toEqual([ACCOUNT]);
  });

  it('fails in the words in which enabling would', async () => {
    const connection = await linkedInConnection(sandbox);
    const input = { connection, wanted: ['Nobody Inc.'] };
    const check = newRun(sandbox).task('checkAdAccounts', input).result();
    const enable = newRun(sandbox).task('enableAdAccounts', input).result();
    const [checked, enabled] = await Promise.allSettled([check, enable]);
    if (checked.status !== 'rejected' || enabled.status !== 'rejected') throw new Error('one was taken');
    expect(checked.reason).toMatchObject({ type: 'NotAllowed', message: enabled.reason.message });
  });
});
