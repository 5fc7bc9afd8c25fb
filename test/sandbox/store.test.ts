import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AudienceDocument } from '../../src/sandbox/documents.ts';
import { Store } from '../../src/sandbox/store.ts';

let directory: string;
let store: Store;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'store-test-'));
  store = await Store.open(directory);
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

const audience = (id: string, sequence = 1, name = 'n'): AudienceDocument => ({
  id,
  sequence,
  account: 'a',
  type: 'user_audience',
  name,
});

async function reopened(): Promise<Store> {
  await store.close();
  store = await Store.open(directory);
  return store;
}

describe('the store', () => {
  it('shows a transaction its own changes, and others only when they are committed', async () => {
    await store.transaction((transaction) => transaction.put('audience', audience('kept')));
    const seen = await store.transaction((transaction) => {
      transaction.put('audience', audience('new'));
      transaction.delete('audience', 'kept');
      expect(store.get('audience', 'new')).toBeUndefined();
      return {
        new: transaction.get('audience', 'new')?.id,
        kept: transaction.get('audience', 'kept'),
        all: transaction.all('audience'),
      };
    });
    expect(seen).toEqual({ new: 'new', kept: undefined, all: [audience('new')] });
    expect(store.all('audience')).toEqual([audience('new')]);
  });

  it('has the same after it was opened again', async () => {
    await store.transaction((transaction) => {
      for (const id of ['a', 'b', 'c']) transaction.put('audience', audience(id, transaction.nextSequence()));
    });
    await store.transaction((transaction) => {
      transaction.delete('audience', 'a');
      transaction.put('audience', audience('b', 2, 'other ’name’ "'));
    });
    const again = await reopened();
    expect(again.all('audience').toSorted((x, y) => x.sequence - y.sequence)).toEqual([
      audience('b', 2, 'other ’name’ "'),
      audience('c', 3),
    ]);
    expect(await again.transaction((transaction) => transaction.nextSequence())).toBe(4);
  });

  it('changes nothing when a transaction throws, and goes on', async () => {
    const failing = store.transaction((transaction) => {
      transaction.put('audience', audience('a'));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await store.transaction((transaction) => transaction.put('audience', audience('b')));
    expect((await reopened()).all('audience')).toEqual([audience('b')]);
  });

  it('runs transactions one after the other', async () => {
    const numbers = await Promise.all(
      Array.from({ length: 20 }, () =>
        store.transaction((transaction) => {
          const count = transaction.all('audience').length;
          transaction.put('audience', audience(`a${count}`, count + 1));
          return count;
        }),
      ),
    );
    expect(numbers).toEqual([...numbers.keys()]);
  });

  it('can delete and put the same document in one transaction', async () => {
    await store.transaction((transaction) => transaction.put('audience', audience('a', 1, 'old')));
    await store.transaction((transaction) => {
      transaction.delete('audience', 'a');
      transaction.put('audience', audience('a', 1, 'new'));
    });
    expect((await reopened()).get('audience', 'a')?.name).toBe('new');
  });

  it('refuses a directory that another sandbox has open, with what to do', async () => {
    await expect(Store.open(directory)).rejects.toThrow(/in use by another sandbox: stop that one/);
    await expect(Store.open(join(directory, '..', directory.split('/').at(-1) ?? ''))).rejects.toThrow(/in use/);
  });

  it('says which state cannot be opened', async () => {
    const broken = mkdtempSync(join(tmpdir(), 'store-broken-'));
    writeFileSync(join(broken, 'sandbox.duckdb'), 'not a database'.repeat(1_000));
    await expect(Store.open(broken)).rejects.toThrow(`The state in ${broken} cannot be opened`);
    rmSync(broken, { recursive: true });
  });

  it('takes no transaction once it is closed', async () => {
    await store.close();
    await expect(store.transaction(() => 1)).rejects.toThrow('the sandbox is stopping'.replace('the', 'The'));
    store = await Store.open(directory);
  });
});
