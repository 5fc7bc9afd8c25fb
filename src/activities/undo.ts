/** Takes back what a run made: one entry at a time, as often as it takes, and nothing that was not the run's own. */
import { activityInfo, heartbeat } from '@temporalio/activity';
import type { Actor } from '../polytomic/connections.ts';
import { ApiError } from '../polytomic/errors.ts';
import type { Sync } from '../polytomic/sync-shape.ts';
import { listed } from '../request/choice.ts';
import type { Resource, RunToUndo } from '../workflows/messages.ts';
import type {
  AccountsEntry,
  ConnectionEntry,
  KeptOutcome,
  ModelEntry,
  SyncEntry,
  UndoEntry,
  UndoOutcome,
} from '../workflows/undo-entries.ts';
import { accountsOf, changeAccounts, MAX_OVERWRITTEN } from './ad-accounts.ts';
import { attempt, reading } from './attempt.ts';
import { audiencesNamed } from './audiences.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { ActivityProblem, capital, isFinal } from './failures.ts';
import { CLOCK_TOLERANCE_MS, UNDER_WAY_MS } from './idempotency.ts';
import { timeOf } from './provide-connection.ts';

/** Something that is about to be deleted. Remembered between attempts: after a lost answer no look-up finds it again. */
interface Deletion {
  id: string;
  name: string;
}

/** Something found under the name of what the run was making when its answer was lost. */
interface Suspect extends Deletion {
  created_at?: string;
  created_by?: Actor;
}

/** What a look-up came to: the run's own, nothing, or what cannot be proven to be its own. */
type Finding = { ours: Deletion } | { unproven: string } | undefined;

/** Makes the activities of this file. */
export function undoActivities({ polytomic, undoEntriesOf }: ActivityDependencies) {
  return {
    /** What a run that has ended made or may have made, as its own history tells. */
    async readUndoEntries(run: RunToUndo): Promise<UndoEntry[]> {
      return undoEntriesOf(run);
    },

    /**
     * Undoes one entry. What is gone already counts as undone. What Polytomic refuses to delete, or what cannot be proven to
     * be the run's own, is left and named; only what passes (an outage, a limit) fails, and is tried again.
     */
    async undoEntry(entry: UndoEntry): Promise<UndoOutcome> {
      return attempt(`undoing ${entry.step}`, async () => {
        switch (entry.kind) {
          case 'connection':
            return undoConnection(entry);
          case 'model':
            return undoModel(entry);
          case 'sync':
            return undoSync(entry);
          case 'accounts':
            return takeBackAccounts(entry);
        }
      });
    },

    /** Looks for what an entry of unknown outcome made, and leaves it: for a run that ends and keeps what it made. */
    async findKept(entry: UndoEntry): Promise<KeptOutcome> {
      return attempt(`looking for what ${entry.step} made`, async () => {
        if (entry.kind === 'accounts') return { left: await accountsLeft(entry) };
        const left = entry.kind === 'sync' ? () => audienceLeft(entry) : async () => [];
        if (entry.kind === 'sync' && entry.refused) return { left: await left() };
        const found = await settledLookUp(entry);
        if (found === undefined) return { left: await left() };
        if ('unproven' in found) return { left: [found.unproven, ...(await left())] };
        return { found: { kind: entry.kind, ...found.ours }, left: await left() };
      });
    },
  };

  function undoConnection(entry: ConnectionEntry): Promise<UndoOutcome> {
    // Without force: what others have built on it since is theirs.
    return undoing(entry, { remove: ({ id }) => polytomic.connections.delete(id) });
  }

  function undoModel(entry: ModelEntry): Promise<UndoOutcome> {
    return undoing(entry, {
      // Polytomic deletes a model that is in use, and breaks what uses it.
      users: async ({ id }) => (await polytomic.syncs.list(reading())).filter((sync) => readsFrom(sync, id)),
      remove: ({ id }) => polytomic.models.delete(id),
    });
  }

  async function undoSync(entry: SyncEntry): Promise<UndoOutcome> {
    if (entry.refused) return { left: await audienceLeft(entry) };
    const outcome = await undoing(entry, { remove: ({ id }) => polytomic.syncs.delete(id) });
    return { ...outcome, left: [...outcome.left, ...(await audienceLeft(entry))] };
  }

  /** The audience that came with the sync, or that a create which failed left behind. */
  async function audienceLeft({ audience, madeAudience, connection }: SyncEntry): Promise<string[]> {
    const stays = ({ id, name }: Deletion) =>
      `Audience “${name}” (${id}) stays: Polytomic has no call to delete one. Delete it in LinkedIn Campaign Manager.`;
    if (madeAudience !== undefined) return madeAudience.made ? [stays(madeAudience)] : [];
    if (audience === undefined) return [];
    try {
      const { data } = await polytomic.targets.list(connection.id, reading());
      return audiencesNamed(audience, data).map(stays);
    } catch (error) {
      if (!isFinal(error)) throw error;
      return [
        `Audience “${audience.name}” in ad account ${audience.account} may have been made, and cannot be looked up: ${error.message}.`,
      ];
    }
  }

  /** What is enabled, where it is not known what this run has enabled of it. */
  async function accountsLeft({ connection }: AccountsEntry): Promise<string[]> {
    const enabled = accountsOf(await polytomic.connections.get(connection.id, reading()));
    return [
      `It is not known which ad accounts this run enabled on ${whereOf(connection)}; enabled are ${listed(enabled.map(({ label }) => label))}. Look at them in Polytomic.`,
    ];
  }

  async function takeBackAccounts(entry: AccountsEntry): Promise<UndoOutcome> {
    const { connection, added } = entry;
    const where = whereOf(connection);
    try {
      if (added === undefined) return { left: await accountsLeft(entry) };
      const enabled = accountsOf(await polytomic.connections.get(connection.id, reading()));
      const syncs = await polytomic.syncs.list({ target_connection_id: connection.id, ...reading() });
      const usersOf = (account: string) =>
        syncs.filter(({ target }) => target?.object?.startsWith(`${account}~`)).map(({ name }) => name);
      const free = added.filter(({ value }) => usersOf(value).length === 0);
      const kept = added.filter(({ value }) => usersOf(value).length > 0);
      const isFree = ({ value }: { value: string }) => free.some((one) => one.value === value);
      if (enabled.some(isFree)) {
        const lasts = await changeAccounts(polytomic, connection.id, {
          change: (present) => present.filter((account) => !isFree(account)),
          isDone: (present) => !present.some(isFree),
        });
        if (!lasts) {
          const overwritten = (activityInfo().heartbeatDetails ?? 0) + 1;
          const why = 'somebody else writes the same list';
          if (overwritten >= MAX_OVERWRITTEN)
            return {
              left: [`Ad accounts ${listed(free.map(({ label }) => label))} stay enabled on ${where}: ${why}.`],
            };
          heartbeat(overwritten);
          throw new ActivityProblem('Unavailable', `some of them stay enabled on ${where}: ${why}. Trying again.`);
        }
      }
      return {
        ...(free.length === 0 ? {} : { undone: { kind: 'accounts', labels: free.map(({ label }) => label) } }),
        left: kept.map(
          ({ value, label }) =>
            `Ad account “${label}” stays enabled on ${where}: syncs use it: ${listed(usersOf(value))}.`,
        ),
      };
    } catch (error) {
      // Gone with its connection.
      if (error instanceof ApiError && error.status === 404) return { left: [] };
      if (!isFinal(error)) throw error;
      const labels = added === undefined ? 'Ad accounts' : `Ad accounts ${listed(added.map(({ label }) => label))}`;
      return { left: [`${labels} stay enabled on ${where}: ${error.message}.`] };
    }
  }

  /** Deletes what the entry made, unless syncs of others use it; it is looked up where its id never came back. */
  async function undoing(
    entry: ConnectionEntry | ModelEntry | SyncEntry,
    {
      users,
      remove,
    }: {
      users?: (deletion: Deletion) => Promise<Sync[]>;
      remove: (deletion: Deletion) => Promise<void>;
    },
  ): Promise<UndoOutcome> {
    const { kind, made } = entry;
    if (made !== undefined && !made.made) return { left: [] };
    const begun: Deletion | undefined = made ?? activityInfo().heartbeatDetails ?? undefined;
    const found: Finding = begun === undefined ? await settledLookUp(entry) : { ours: begun };
    if (found === undefined) return { left: [] };
    if ('unproven' in found) return { left: [found.unproven] };
    const target = found.ours;
    if (made === undefined) heartbeat({ id: target.id, name: target.name } satisfies Deletion);
    const undone = { kind, id: target.id, name: target.name };
    try {
      const inUse = (await users?.(target)) ?? [];
      if (inUse.length > 0)
        return { left: [stays(kind, target, `syncs use it: ${listed(inUse.map(({ name }) => name))}`)] };
      await remove(target);
      return { undone, left: [] };
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return { undone, left: [] };
      if (!isFinal(error)) throw error;
      return { left: [stays(kind, target, error.message)] };
    }
  }

  /**
   * As {@link lookUp}, once nothing that was sent can be under way any more where it finds nothing. Where nobody may look,
   * nothing can be proven.
   */
  async function settledLookUp(entry: ConnectionEntry | ModelEntry | SyncEntry): Promise<Finding> {
    const found = await lookUp(entry).catch((error: unknown): Finding => {
      if (!isFinal(error)) throw error;
      const { kind, name } = entry;
      return { unproven: `${capital(kind)} “${name}” may have been made, and cannot be looked up: ${error.message}.` };
    });
    // Of a run that has ended, that was waited for before.
    if (found !== undefined || entry.until !== undefined) return found;
    const wait = activityInfo().scheduledTimestampMs + UNDER_WAY_MS - Date.now();
    if (wait <= 0) return undefined;
    throw new ActivityProblem(
      'InFlight',
      'what was sent last may still be carried out, and is not there yet. Looking again.',
      wait,
    );
  }

  async function lookUp(entry: ConnectionEntry | ModelEntry | SyncEntry): Promise<Finding> {
    switch (entry.kind) {
      case 'connection': {
        const connections = await polytomic.connections.list(reading());
        const suspects = connections.filter(({ name, type }) => name === entry.name && type.id === entry.type);
        return finding(entry, suspects, false);
      }
      case 'model': {
        const named = (await polytomic.models.list(reading())).filter(
          ({ name, connection_id }) => name === entry.name && connection_id === entry.connection.id,
        );
        const suspects = entry.connection.made
          ? named
          : named.filter(({ configuration }) => configuration['query'] === entry.query);
        return finding(entry, suspects, entry.connection.made);
      }
      case 'sync': {
        const syncs = await polytomic.syncs.list({ target_connection_id: entry.connection.id, ...reading() });
        const suspects = syncs.filter((sync) => sync.name === entry.name && readsFrom(sync, entry.model.id));
        return finding(entry, suspects, entry.model.made);
      }
    }
  }

  /**
   * Whose the things of this name, which are as they were asked for, may be: made by this run if it carries them (`onOurs`),
   * or if there is one that was made since the step began, by the user whose key the worker has.
   */
  async function finding(
    entry: ConnectionEntry | ModelEntry | SyncEntry,
    named: readonly Suspect[],
    onOurs: boolean,
  ): Promise<Finding> {
    const { kind, name, since, until, uses = [] } = entry;
    const suspects = named.filter(({ id }) => !uses.includes(id));
    const earliest = Date.parse(since) - CLOCK_TOLERANCE_MS;
    const latest = until === undefined ? Number.POSITIVE_INFINITY : Date.parse(until) + CLOCK_TOLERANCE_MS;
    const isRecent = (at = earliest) => at >= earliest && at <= latest;
    const recent = onOurs ? suspects : suspects.filter((one) => isRecent(timeOf(one.created_at)));
    const [only, ...others] = recent;
    if (only === undefined) return undefined;
    const ids = recent.map(({ id }) => id).join(', ');
    const unproven = (why: string): Finding => ({
      unproven: `${capital(kind)} “${name}” (${ids}) stays: ${why}. Look at it in Polytomic.`,
    });
    if (others.length > 0) return unproven('there are several of this name, and this run can have made only one');
    if (onOurs) return { ours: { id: only.id, name: only.name } };
    if (entry.unclear) return unproven('an answer was lost when it was made, so it may be another one');
    if (entry.kind === 'connection' && entry.shared)
      return unproven('the request would use one of another run, which may have made it');
    const createdAt = timeOf(only.created_at);
    if (createdAt === undefined) return unproven('Polytomic does not say when it was made');
    // Times of an API may be cut to the second.
    if (createdAt < Math.floor(Date.parse(since) / 1000) * 1000)
      return unproven('it was made shortly before the run could make one, as far as the clocks agree');
    const me = await polytomic.me(reading());
    if (me.id === undefined || only.created_by?.id === undefined || me.id === only.created_by.id)
      return { ours: { id: only.id, name: only.name } };
    return unproven(`it was made by ${only.created_by.name ?? only.created_by.id}, not by this run`);
  }
}

function whereOf({ name, id }: Resource): string {
  return `connection “${name}” (${id})`;
}

function stays(kind: string, { id, name }: Deletion, why: string): string {
  return `${capital(kind)} “${name}” (${id}) stays: ${why}.`;
}

/** Whether a sync reads this model. */
function readsFrom({ model_ids = [], fields = [], identity }: Sync, modelId: string): boolean {
  const read = [...model_ids, ...fields.map(({ source }) => source?.model_id), identity?.source.model_id];
  return read.includes(modelId);
}
