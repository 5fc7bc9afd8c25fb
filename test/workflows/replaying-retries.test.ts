/** A run that a person has mended goes on with it for ever, whatever a later version thinks of the change. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { History } from '../../src/temporal/history.ts';
import { historyPrefixes } from '../../src/temporal/history-prefixes.ts';
import { WRONG_QUERY, withAccounts } from '../support/own-walkthrough.ts';
import { people, refusalOf } from '../support/people.ts';
import { newStage } from '../support/provisioning.ts';
import { replayed } from '../support/replayed.ts';
import { ACCOUNT, AUDIENCE, existingSync } from '../support/walkthrough.ts';

const BUNDLE = fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url));
const MODEL = 'model active-users';

let code: string;
let prefixes: History[];

beforeAll(async () => {
  code = await readFile(BUNDLE, 'utf8');
  const stage = await newStage();
  const syncs = [existingSync({ audience: 'ask' })];
  const name = await stage.start('replayed', { models: WRONG_QUERY, linkedinAds: withAccounts('ask'), syncs });
  await stage.withWorker(async () => {
    const them = people(stage, name);
    await them.step(MODEL, 'blocked');
    await refusalOf(them.retry(MODEL, { name: 'Active Users' }));
    await them.retry(MODEL, { name: 'Active Users', query: 'SELECT first_name, last_name, email FROM users' });
    await stage.signIn(name);
    await them.asked('ad accounts');
    await them.select([ACCOUNT.value]);
    await them.asked('sync Existing audience');
    await them.choose('Existing audience', { existing: AUDIENCE.id });
    await stage.audiences.result(name);
  });
  prefixes = historyPrefixes((await stage.history(name)) as History);
});

describe('a history with an accepted retryStep and answers', () => {
  it('replays from wherever it stands', async () => {
    expect(prefixes.length).toBeGreaterThan(10);
    expect((await replayed({ code }, prefixes)).filter((error) => error !== undefined)).toHaveLength(0);
  });

  it('replays with a schema that today would refuse the change and the answers', async () => {
    const stricter = code.replace(
      /function parseChange\([^)]*\) \{/,
      (begin) => `${begin} return { ok: false, faults: [{ path: [], message: 'is not allowed any more' }] };`,
    );
    expect(stricter).not.toBe(code);
    expect((await replayed({ code: stricter }, prefixes)).filter((error) => error !== undefined)).toHaveLength(0);
  });

  it('does not replay where a retry would be lost: so the two before prove something', async () => {
    const lost = code.replace('.progress.again(step)', '.progress.of(step)');
    expect(lost).not.toBe(code);
    expect((await replayed({ code: lost }, prefixes)).some((error) => error !== undefined)).toBe(true);
  });
});
