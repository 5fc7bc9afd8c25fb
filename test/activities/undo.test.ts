import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { MAX_OVERWRITTEN } from '../../src/activities/ad-accounts.ts';
import { UNDER_WAY_MS } from '../../src/activities/idempotency.ts';
import type { Resource } from '../../src/workflows/messages.ts';
import type { UndoEntry } from '../../src/workflows/undo-entries.ts';
import { always, json, withApi } from '../polytomic/api-server.ts';
import { activitiesOn, failureOf, newStep } from '../support/activity-step.ts';
import { newRun } from '../support/activity-task.ts';
import { activeUsers, audienceSync, linkedInConnection, snowflakeConnection } from '../support/resources.ts';
import { newSandbox, type TestSandbox } from '../support/sandbox.ts';
import { ACCOUNT, NORTHWIND } from '../support/walkthrough.ts';

const QUERY = 'SELECT first_name, last_name, email FROM users';

let sandbox: TestSandbox;
beforeAll(async () => {
  sandbox = await newSandbox();
});

/** Whatever was sent before the undo has had its time. */
const later = { scheduledTimestampMs: Date.now() - UNDER_WAY_MS };
const undo = (entry: UndoEntry) => newRun(sandbox).task('undoEntry', entry, later).result();
const findKept = (entry: UndoEntry) => newRun(sandbox).task('findKept', entry, later).result();
const now = () => new Date().toISOString();
/** When the runs of these tests began. */
const began = now();
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();
const ids = (list: Array<{ id: string }>) => list.map(({ id }) => id);
const connectionIds = async () => ids(await sandbox.polytomic.connections.list());
const modelIds = async () => ids(await sandbox.polytomic.models.list());
const syncIds = async () => ids(await sandbox.polytomic.syncs.list());

function connectionEntry({ name, ...made }: Resource, known = true): UndoEntry {
  const entry = { kind: 'connection', step: 'snowflake connection', since: began, name, type: 'snowflake' } as const;
  return known ? { ...entry, made: { name, ...made } } : entry;
}

function modelEntry({ name, ...made }: Resource, connection: Resource, known = true): UndoEntry {
  const entry = { kind: 'model', step: 'model a', since: began, name, query: QUERY, connection } as const;
  return known ? { ...entry, made: { name, ...made } } : entry;
}

describe('undoing a connection', () => {
  it('deletes it by its id, and again does no harm', async () => {
    const connection = await snowflakeConnection(sandbox);
    const outcome = {
      undone: { kind: 'connection', id: connection.id, name: connection.name },
      left: [],
    };
    expect(await undo(connectionEntry(connection))).toEqual(outcome);
    expect(await connectionIds()).not.toContain(connection.id);
    expect(await undo(connectionEntry(connection))).toEqual(outcome);
  });

  it('leaves one that the run only used', async () => {
    const connection = await snowflakeConnection(sandbox, false);
    expect(await undo(connectionEntry(connection))).toEqual({ left: [] });
    expect(await connectionIds()).toContain(connection.id);
  });

  it('leaves one that somebody has built on since, and names what is built on it', async () => {
    const connection = await snowflakeConnection(sandbox);
    const theirs = await activeUsers(sandbox, connection);
    const { undone, left } = await undo(connectionEntry(connection));
    expect(undone).toBeUndefined();
    expect(left).toEqual([expect.stringMatching(new RegExp(`\\(${connection.id}\\) stays: .*model ${theirs.name}`))]);
    expect(await modelIds()).toContain(theirs.id);
  });

  it('finds the one whose answer was lost, by name, type and time', async () => {
    const connection = await snowflakeConnection(sandbox);
    expect(await undo(connectionEntry(connection, false))).toMatchObject({ undone: { id: connection.id } });
    expect(await connectionIds()).not.toContain(connection.id);
  });

  it('leaves one that others may have made, since the request would share it, and says so', async () => {
    const connection = await snowflakeConnection(sandbox);
    const entry = { ...connectionEntry(connection, false), shared: true } as UndoEntry;
    expect(await undo(entry)).toEqual({
      left: [expect.stringContaining(`(${connection.id}) stays: the request would use one of another run`)],
    });
    expect(await connectionIds()).toContain(connection.id);
    expect(await undo({ ...connectionEntry(connection), shared: true } as UndoEntry)).toMatchObject({
      undone: { id: connection.id },
    });
  });

  it('leaves one that was made before the step could make one, however shortly, and says so', async () => {
    const connection = await snowflakeConnection(sandbox);
    const entry = { ...connectionEntry(connection, false), since: new Date(Date.now() + 60_000).toISOString() };
    expect(await undo(entry)).toEqual({
      left: [expect.stringContaining(`(${connection.id}) stays: it was made shortly before the run could make one`)],
    });
    expect(await connectionIds()).toContain(connection.id);
  });

  it('leaves one that the step could not tell to be its own, and says so', async () => {
    const connection = await snowflakeConnection(sandbox);
    expect(await undo({ ...connectionEntry(connection, false), unclear: true })).toEqual({
      left: [expect.stringContaining(`(${connection.id}) stays: an answer was lost`)],
    });
    expect(await connectionIds()).toContain(connection.id);
  });

  it('leaves one that a person told the step to use, although it may be what an earlier try made', async () => {
    const connection = await snowflakeConnection(sandbox);
    const entry = { ...connectionEntry(connection, false), uses: [connection.id] };
    expect(await undo(entry)).toEqual({ left: [] });
    expect(await connectionIds()).toContain(connection.id);
  });

  it('counts the one that it found as undone although the answer to the deletion was lost', async () => {
    const connection = await snowflakeConnection(sandbox);
    const match = { method: 'DELETE', path: `/api/connections/${connection.id}` };
    await sandbox.fault({ match, times: 1, drop: true, when: 'after' });
    expect(await undo(connectionEntry(connection, false))).toMatchObject({ undone: { id: connection.id } });
  });

  it('leaves one of this name that is older than the step, or of another type: it was never made', async () => {
    const connection = await snowflakeConnection(sandbox);
    const entry = { ...connectionEntry(connection, false), since: inAnHour() };
    expect(await undo(entry)).toEqual({ left: [] });
    expect(await undo({ ...connectionEntry(connection, false), type: 'linkedinads' } as UndoEntry)).toEqual({
      left: [],
    });
    expect(await connectionIds()).toContain(connection.id);
  });

  it('looks again once nothing can be under way any more, and deletes what has appeared since', async () => {
    const name = `late ${randomUUID()}`;
    const task = newRun(sandbox).task('undoEntry', connectionEntry({ id: '', name, made: true }, false));
    const failure = await failureOf(task.attempt());
    expect(failure).toMatchObject({ type: 'InFlight', nonRetryable: false });
    expect(failure.nextRetryDelay).toBeDefined();
    const { id } = await snowflakeConnection(sandbox, true, { name });
    expect(await task.attempt()).toEqual({ undone: { kind: 'connection', id, name }, left: [] });
  });

  it('has nothing to undo where nothing of this name is there', async () => {
    const nothing = { id: '', name: `nothing ${randomUUID()}`, made: true };
    expect(await undo(connectionEntry(nothing, false))).toEqual({ left: [] });
  });

  it.each([
    ['Polytomic does not say when it was made', {}],
    [
      'it was made by somebody@example.com',
      { created_at: now(), created_by: { id: 'u2', name: 'somebody@example.com' } },
    ],
  ])('leaves one that cannot be proven to be its own: %s', async (why, facts) => {
    const connection = { id: 'c1', name: 'Shared', type: { id: 'snowflake' }, configuration: {}, ...facts };
    await withApi(
      ({ url }, response) => json(response, { data: url === '/api/me' ? { id: 'u1' } : [connection] }),
      async ({ url, received }) => {
        const entry = connectionEntry({ id: 'c1', name: 'Shared', made: true }, false);
        const { undone, left } = await newRun({ url }).task('undoEntry', entry).result();
        expect(undone).toBeUndefined();
        expect(left).toEqual([expect.stringContaining(`Connection “Shared” (c1) stays: ${why}`)]);
        expect(received.filter(({ method }) => method !== 'GET')).toEqual([]);
      },
    );
  });

  it.each([401, 403, 422])('ends with a sentence, not a failure, when it is refused with a %i', async (status) => {
    await withApi(always({ message: 'not for you' }, status), async ({ url }) => {
      const connection = { id: 'c1', name: 'Mine', made: true };
      expect(await newRun({ url }).task('undoEntry', connectionEntry(connection)).result()).toEqual({
        left: [`Connection “Mine” (c1) stays: DELETE /api/connections/c1 answered ${status}: not for you.`],
      });
    });
  });

  it.each([
    [429, 'RateLimited'],
    [503, 'Unavailable'],
  ])('is tried again after a %i', async (status, type) => {
    const connection = await snowflakeConnection(sandbox);
    await sandbox.fault({ match: { method: 'DELETE' }, times: 1, status });
    const task = newRun(sandbox).task('undoEntry', connectionEntry(connection));
    await expect(task.attempt()).rejects.toMatchObject({ type, nonRetryable: false });
    expect(await task.attempt()).toMatchObject({ undone: { id: connection.id } });
  });
});

describe('undoing a model', () => {
  it('deletes it by its id, and again does no harm', async () => {
    const connection = await snowflakeConnection(sandbox);
    const model = await activeUsers(sandbox, connection);
    expect(await undo(modelEntry(model, connection))).toMatchObject({ undone: { kind: 'model', id: model.id } });
    expect(await modelIds()).not.toContain(model.id);
    expect(await undo(modelEntry(model, connection))).toMatchObject({ undone: { id: model.id }, left: [] });
  });

  it('finds the one whose answer was lost on a connection that the run made, however old it is', async () => {
    const connection = await snowflakeConnection(sandbox);
    const model = await activeUsers(sandbox, connection);
    const entry = { ...modelEntry(model, connection, false), since: inAnHour() };
    expect(await undo(entry)).toMatchObject({ undone: { id: model.id } });
  });

  it('takes, on a connection of others, only one with this very query that was made since', async () => {
    const connection = await snowflakeConnection(sandbox, false);
    const model = await activeUsers(sandbox, connection);
    const other = await activeUsers(sandbox, connection, { query: 'SELECT email FROM users', name: model.name });
    expect(await undo({ ...modelEntry(model, connection, false), since: inAnHour() })).toEqual({ left: [] });
    expect(await undo(modelEntry(model, connection, false))).toMatchObject({ undone: { id: model.id }, left: [] });
    expect(await modelIds()).toContain(other.id);
  });

  it('leaves all of several that could be its own, and names them', async () => {
    const connection = await snowflakeConnection(sandbox, false);
    const model = await activeUsers(sandbox, connection);
    const twin = await activeUsers(sandbox, connection, { name: model.name });
    const { undone, left } = await undo(modelEntry(model, connection, false));
    expect(undone).toBeUndefined();
    expect(left).toHaveLength(1);
    for (const { id } of [model, twin]) expect(left[0]).toContain(id);
    expect(await modelIds()).toEqual(expect.arrayContaining([model.id, twin.id]));
  });

  it('leaves one that a sync uses, which its deletion would break', async () => {
    const connection = await snowflakeConnection(sandbox);
    const model = await activeUsers(sandbox, connection);
    const theirs = await audienceSync(sandbox, { model, connection: await linkedInConnection(sandbox) });
    const { undone, left } = await undo(modelEntry(model, connection));
    expect(undone).toBeUndefined();
    expect(left).toEqual([`Model “${model.name}” (${model.id}) stays: syncs use it: “${theirs.name}”.`]);
    expect(await modelIds()).toContain(model.id);
  });
});

describe('undoing a sync', () => {
  async function parts(modelMade = true) {
    const connection = await linkedInConnection(sandbox);
    const model = { ...(await activeUsers(sandbox, await snowflakeConnection(sandbox))), made: modelMade };
    const { audience, ...sync } = await audienceSync(sandbox, { model, connection });
    const entry = {
      kind: 'sync' as const,
      step: 'sync A',
      since: began,
      name: sync.name,
      connection,
      model,
      audience: { name: audience.name, account: ACCOUNT.value },
    };
    return { connection, model, sync, audience, entry };
  }
  const stays = ({ id, name }: { id: string; name: string }) =>
    `Audience “${name}” (${id}) stays: Polytomic has no call to delete one. Delete it in LinkedIn Campaign Manager.`;

  it('deletes it by its id, reports the audience that stays, and again does no harm', async () => {
    const { entry, sync, audience } = await parts();
    const known = { ...entry, made: sync, madeAudience: { ...audience, made: true } };
    const outcome = { undone: { kind: 'sync', id: sync.id, name: sync.name }, left: [stays(audience)] };
    expect(await undo(known)).toEqual(outcome);
    expect(await syncIds()).not.toContain(sync.id);
    expect(await undo(known)).toEqual(outcome);
  });

  it('reports no audience that was there before', async () => {
    const { entry, sync, audience } = await parts();
    const { audience: _, ...without } = entry;
    const outcome = await undo({ ...without, made: sync, madeAudience: { ...audience, made: false } });
    expect(outcome).toMatchObject({ undone: { id: sync.id }, left: [] });
  });

  it('finds the one whose answer was lost on a model that the run made, and its audience', async () => {
    const { entry, sync, audience } = await parts();
    expect(await undo({ ...entry, since: inAnHour() })).toEqual({
      undone: { kind: 'sync', id: sync.id, name: sync.name },
      left: [stays(audience)],
    });
  });

  it('takes, on a model of others, only one that was made since', async () => {
    const { entry, sync } = await parts(false);
    expect((await undo({ ...entry, since: inAnHour() })).undone).toBeUndefined();
    expect(await syncIds()).toContain(sync.id);
    expect((await undo(entry)).undone).toMatchObject({ id: sync.id });
  });

  it('reports an audience that a failed create left without its sync', async () => {
    const { entry, model, connection } = await parts();
    const name = `Left ${randomUUID()}`;
    await sandbox.fault({ match: { method: 'POST', path: '/api/syncs' }, times: 1, status: 500, when: 'partly' });
    const target = { connection_id: connection.id, create: { name, type: 'user_audience', account: ACCOUNT.value } };
    await expect(audienceSync(sandbox, { model, connection, name, target })).rejects.toThrow('answered 500');
    const outcome = await undo({ ...entry, name, audience: { name, account: ACCOUNT.value } });
    expect(outcome.undone).toBeUndefined();
    expect(outcome.left).toEqual([expect.stringMatching(`^Audience “${name}” .* stays: `)]);
  });

  it('says that an audience may be there where it cannot be looked up any more', async () => {
    const { entry, sync, connection } = await parts();
    await sandbox.polytomic.connections.delete(connection.id, { force: true });
    const { undone, left } = await undo({ ...entry, made: sync });
    expect(undone).toMatchObject({ id: sync.id });
    expect(left).toEqual([expect.stringContaining('may have been made, and cannot be looked up')]);
  });
});

describe('finding what was perhaps made, to keep it', () => {
  it('finds a connection, and deletes nothing', async () => {
    const connection = await snowflakeConnection(sandbox);
    const { id, name } = connection;
    expect(await findKept(connectionEntry(connection, false))).toEqual({
      found: { kind: 'connection', id, name },
      left: [],
    });
    expect(await connectionIds()).toContain(id);
  });

  it('finds nothing where nothing was made', async () => {
    const nothing = { id: '', name: `nothing ${randomUUID()}`, made: true };
    expect(await findKept(connectionEntry(nothing, false))).toEqual({ left: [] });
  });

  it('names what cannot be proven to be the run’s own', async () => {
    const connection = await snowflakeConnection(sandbox);
    const { found, left } = await findKept({ ...connectionEntry(connection, false), unclear: true } as UndoEntry);
    expect(found).toBeUndefined();
    expect(left).toEqual([expect.stringContaining(connection.id)]);
  });

  it('tells what is enabled where it is not known what the run has enabled of it', async () => {
    const connection = { ...(await linkedInConnection(sandbox, [ACCOUNT])), made: false };
    const entry = { kind: 'accounts', step: 'ad accounts', since: began, connection } as const;
    expect(await findKept(entry)).toEqual({ left: [expect.stringContaining(ACCOUNT.label)] });
  });
});

describe('taking back ad accounts', () => {
  const enabledOn = async (id: string) => (await sandbox.polytomic.connections.get(id)).configuration['accounts'];
  const entryOf = (connection: Resource, added?: Array<{ value: string; label: string }>): UndoEntry => ({
    kind: 'accounts',
    step: 'ad accounts',
    since: began,
    connection,
    ...(added === undefined ? {} : { added }),
  });

  it('takes what the run added and keeps the rest, and again does no harm', async () => {
    const connection = await linkedInConnection(sandbox, [ACCOUNT, NORTHWIND]);
    const outcome = { undone: { kind: 'accounts', labels: [NORTHWIND.label] }, left: [] };
    expect(await undo(entryOf(connection, [NORTHWIND]))).toEqual(outcome);
    expect(await enabledOn(connection.id)).toEqual([ACCOUNT]);
    expect(await undo(entryOf(connection, [NORTHWIND]))).toEqual(outcome);
  });

  it('leaves one that a sync writes into by now, and names the sync', async () => {
    const connection = await linkedInConnection(sandbox, [ACCOUNT, NORTHWIND]);
    const model = await activeUsers(sandbox, await snowflakeConnection(sandbox));
    const theirs = await audienceSync(sandbox, { model, connection });
    const { undone, left } = await undo(entryOf(connection, [ACCOUNT, NORTHWIND]));
    expect(undone).toEqual({ kind: 'accounts', labels: [NORTHWIND.label] });
    expect(left).toEqual([expect.stringContaining(theirs.name)]);
    expect(await enabledOn(connection.id)).toEqual([ACCOUNT]);
  });

  it('stops after a few times where somebody else enables them again and again, and says so', async () => {
    const connection = await linkedInConnection(sandbox, [ACCOUNT, NORTHWIND]);
    const { polytomic } = sandbox;
    const stubborn = {
      ...polytomic,
      syncs: polytomic.syncs,
      connections: {
        get: (id: string) => polytomic.connections.get(id),
        update: async (...args: Parameters<typeof polytomic.connections.update>) => {
          await polytomic.connections.update(...args);
          return polytomic.connections.update(connection.id, { configuration: { accounts: [ACCOUNT, NORTHWIND] } });
        },
      },
    } as unknown as typeof polytomic;
    const step = newStep('undo');
    const { undoEntry } = activitiesOn(stubborn);
    const attempt = () => step.attempt(() => undoEntry(entryOf(connection, [NORTHWIND])));
    for (let times = 1; times < MAX_OVERWRITTEN; times++)
      expect(await failureOf(attempt())).toMatchObject({ type: 'Unavailable', nonRetryable: false });
    expect(await attempt()).toEqual({
      left: [expect.stringMatching(`^Ad accounts “Northwind.*” stay enabled on .*somebody else`)],
    });
    expect(await enabledOn(connection.id)).toEqual([ACCOUNT, NORTHWIND]);
  });

  it('guesses nothing where it is not known what the run added', async () => {
    const connection = await linkedInConnection(sandbox, [ACCOUNT, NORTHWIND]);
    const { undone, left } = await undo(entryOf(connection));
    expect(undone).toBeUndefined();
    expect(left).toEqual([expect.stringMatching('^It is not known which ad accounts this run enabled')]);
    expect(await enabledOn(connection.id)).toEqual([ACCOUNT, NORTHWIND]);
  });

  it('has nothing left to say of a connection that is gone', async () => {
    const connection = await linkedInConnection(sandbox, [ACCOUNT]);
    await sandbox.polytomic.connections.delete(connection.id);
    expect(await undo(entryOf(connection))).toEqual({ left: [] });
    expect(await undo(entryOf(connection, [ACCOUNT]))).toEqual({ left: [] });
  });
});
