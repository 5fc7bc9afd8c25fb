/** The second half of step 2: which of the person's ad accounts the connection uses. */
import { setTimeout as pause } from 'node:timers/promises';
import { activityInfo, heartbeat } from '@temporalio/activity';
import type { PolytomicClient } from '../polytomic/client.ts';
import type { Connection } from '../polytomic/connections.ts';
import { ApiError } from '../polytomic/errors.ts';
import { chosenBy } from '../request/choice.ts';
import { jsonBytes } from '../request/within.ts';
import type { AdAccount, Choices, Resource } from '../workflows/messages.ts';
import { attempt, reading } from './attempt.ts';
import { type Ask, ask, choicesOf } from './choices.ts';
import { choose } from './choose.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { ActivityProblem, endsForGood, type FailureCode } from './failures.ts';

/** Which ad accounts are wanted: by label or value, or all that the person may use. */
export type WantedAccounts = 'all' | string[];

/** LinkedIn Ads' name of the parameter that holds the ad accounts (Polytomic's reference, `parameter_values`). */
const PARAMETER = 'accounts';

/** The accounts that were wanted, and those of them that this run added; or what a person is asked. */
export type EnabledAdAccounts = EnabledAccounts | { ask: Ask };

/** The ad accounts that were wanted, and those of them that this run added. */
export interface EnabledAccounts {
  enabled: AdAccount[];
  added: AdAccount[];
}

/** What an activity remembers between its attempts: a write whose answer was lost has added its accounts all the same. */
interface Written {
  /** Values of the accounts that were enabled before this run's first write. */
  enabledBefore: string[];
  /** How many writes were answered and have not lasted. */
  overwritten: number;
}

/** How much the chosen accounts may take together, in bytes of JSON: a run keeps them, and what it added of them twice. */
const MAX_CHOSEN_BYTES = 128 * 1024;

/** How often accounts are merged anew because what was written has not lasted, until a person is asked. */
export const MAX_OVERWRITTEN = 5;

/** Codes of failures after which it is not known what was added. */
const ADDED_UNKNOWN: readonly FailureCode[] = ['Unclear', 'NotKept'];

/** How long after a write to look again: as a multiple of how long the write took, and at least and at most, in ms. */
const SECOND_LOOK = { factor: 5, least: 100, most: 5_000 } as const;

/** Makes the activities of this file. */
export function adAccountActivities({ polytomic }: ActivityDependencies) {
  return {
    /**
     * Enables the wanted ad accounts, by label or value, or `all` that the person may use. Adds to those that are enabled
     * already and takes none away. Changes nothing where a person has to choose first: `ask`, or a name that fits several.
     * `shared`: other runs may use the connection, although this one made it.
     */
    async enableAdAccounts({
      connection,
      wanted,
      shared = false,
    }: {
      connection: Resource;
      wanted: 'ask' | WantedAccounts;
      shared?: boolean;
    }): Promise<EnabledAdAccounts> {
      return attempt(`enabling ad accounts on LinkedIn Ads connection “${connection.name}”`, async () => {
        const earlier: Written | undefined = activityInfo().heartbeatDetails ?? undefined;
        try {
          const [allowed, read] = await Promise.all([
            allowedAccounts(connection),
            polytomic.connections.get(connection.id, reading()),
          ]);
          return await enableAccounts(polytomic, {
            connection,
            wanted,
            allowed,
            read,
            shared,
            earlier,
            remember: heartbeat,
          });
        } catch (error) {
          throw earlier === undefined ? error : inDoubt(error, connection);
        }
      });
    },

    /** The ad accounts that the person may use and that have the words of `search`. */
    async findAdAccounts({ connection, search }: { connection: Resource; search?: string }): Promise<Choices> {
      return attempt(`searching the ad accounts of LinkedIn Ads connection “${connection.name}”`, async () =>
        choicesOf(await allowedAccounts(connection), search),
      );
    },

    /** The ad accounts that an answer means. Fails with everything that is wrong with it; changes nothing. */
    async checkAdAccounts({
      connection,
      wanted,
    }: {
      connection: Resource;
      wanted: WantedAccounts;
    }): Promise<AdAccount[]> {
      return attempt(`looking for ad accounts of LinkedIn Ads connection “${connection.name}”`, async () =>
        chosenOf(wanted, await allowedAccounts(connection)),
      );
    },
  };

  async function allowedAccounts(connection: Resource): Promise<AdAccount[]> {
    const parameters = await polytomic.connections.parameterValues(connection.id, reading());
    const allowed = adAccountsIn(parameters);
    if (allowed.length > 0) return allowed;
    throw new ActivityProblem(
      'NotAllowed',
      `the LinkedIn user who signed in may use no ad account. Give them a role in LinkedIn Campaign Manager, or sign in as somebody else.`,
    );
  }
}

/** What is wanted on a connection, and the connection as it was just read. */
interface Enabling {
  connection: Resource;
  wanted: 'ask' | WantedAccounts;
  /** What the person who signed in may use. */
  allowed: AdAccount[];
  read: Connection;
  /** Whether other runs may use the connection, and so write to it, even if this run made it. */
  shared?: boolean;
  /** What an attempt before has written. */
  earlier?: Written | undefined;
  /** Keeps for the next attempt what is written. Default: nobody asks for it. */
  remember?: (written: Written) => void;
}

/** Enables the wanted ad accounts, in one write besides what was read; changes nothing where a person has to choose first. */
export async function enableAccounts(
  polytomic: PolytomicClient,
  { connection, wanted, allowed, read, shared = false, earlier, remember = () => undefined }: Enabling,
): Promise<EnabledAdAccounts> {
  const question = questionOf(wanted, allowed);
  if (question !== undefined) return { ask: question };
  const chosen = chosenOf(wanted, allowed);
  const enabled = accountsOf(read);
  const written: Written = earlier ?? {
    enabledBefore: enabled.map(({ value }) => value),
    overwritten: 0,
  };
  const { enabledBefore } = written;
  if (missingOf(chosen, enabled).length > 0) {
    // With a connection that this run made, what it added is of no interest: it goes with the connection.
    if (!connection.made) remember(written);
    const lasts = await changeAccounts(polytomic, connection.id, {
      change: (present) => [...present, ...missingOf(chosen, present)],
      isDone: (present) => missingOf(chosen, present).length === 0,
      ...(connection.made && !shared ? { ours: read } : {}),
    }).catch((error: unknown) => {
      // Polytomic's own refusal of the first write is as clear as can be.
      throw isOfWrite(error) ? error : inDoubt(error, connection);
    });
    if (!lasts) {
      const overwritten = written.overwritten + 1;
      remember({ enabledBefore, overwritten });
      throw notKept(overwritten);
    }
  }
  return { enabled: chosen, added: chosen.filter(({ value }) => !enabledBefore.includes(value)) };
}

/** The ad accounts among the values that the connection's parameters can take. */
export function adAccountsIn(parameters: Record<string, { values: AdAccount[] }>): AdAccount[] {
  return (parameters[PARAMETER]?.values ?? []).map(({ value, label }) => ({ value, label }));
}

/**
 * Changes which accounts are enabled; returns whether it lasts. A write replaces the whole list, and there is no version tag by
 * which Polytomic could refuse it: whoever has read the list before our write, and writes after it, takes ours away. So it is
 * read back, and read again after longer than such a write of somebody else should take. One that takes longer is not seen.
 * `ours`: a connection that this run made for itself, so that others hardly write to it yet, as just read: if the write's own answer
 * says that it is done, that is all, else it is read back once.
 */
export async function changeAccounts(
  polytomic: PolytomicClient,
  connectionId: string,
  {
    change,
    isDone,
    ours,
  }: {
    change: (present: AdAccount[]) => AdAccount[];
    isDone: (present: readonly AdAccount[]) => boolean;
    ours?: Connection;
  },
): Promise<boolean> {
  const begun = Date.now();
  const after = await polytomic.connections.update(
    connectionId,
    { configuration: (configuration) => ({ [PARAMETER]: change(accountsOf({ configuration })) }) },
    ours === undefined ? {} : { read: ours, isEnough: (stored) => isDone(accountsOf(stored)) },
  );
  if (ours !== undefined || !isDone(accountsOf(after))) return isDone(accountsOf(after));
  const { factor, least, most } = SECOND_LOOK;
  // Not broken off when the run is cancelled: what has been added would not be known.
  await pause(Math.min(Math.max((Date.now() - begun) * factor, least), most));
  return isDone(accountsOf(await polytomic.connections.get(connectionId)));
}

/** Whether a call that writes ended so, not one that reads. */
function isOfWrite(error: unknown): boolean {
  return error instanceof ApiError && error.call.startsWith('PUT ');
}

/** What ends the step for good where a write of it may have taken effect: nobody knows what it added, unless the connection is its own. */
function inDoubt(error: unknown, { made }: Resource): unknown {
  if (made || !endsForGood(error)) return error;
  if (error instanceof ActivityProblem && ADDED_UNKNOWN.includes(error.code)) return error;
  return new ActivityProblem(
    'Unclear',
    `some may have been enabled when an answer was lost, and nobody can tell which: ${error.message.replace(/\.$/, '')}. Mend that, then try again.`,
  );
}

function notKept(overwritten: number): ActivityProblem {
  const why = 'Polytomic did not keep all of them: somebody else writes the same list.';
  return overwritten < MAX_OVERWRITTEN
    ? new ActivityProblem('Unavailable', `${why} Trying again.`)
    : new ActivityProblem(
        'NotKept',
        `${why} They were written ${overwritten} times. Find out who does, then try the step again.`,
      );
}

/** Those that are wanted and not among the present ones. */
function missingOf(wanted: readonly AdAccount[], present: readonly AdAccount[]): AdAccount[] {
  return wanted.filter(({ value }) => !present.some((one) => one.value === value));
}

/** What a person has to be asked; `undefined` where the names decide it, or are wrong. */
function questionOf(wanted: 'ask' | WantedAccounts, allowed: AdAccount[]): Ask | undefined {
  if (wanted === 'ask') return ask(allowed);
  if (wanted === 'all') return undefined;
  const answers = wanted.map((name) => ({ name, answer: chosenBy(name, allowed, 'ad account') }));
  const undecided = answers.flatMap(({ name, answer }) => ('message' in answer ? [{ name, ...answer }] : []));
  // A name that fits none is a mistake to be mended first, by whoever wrote the request.
  if (undecided.length === 0 || undecided.some(({ fitting }) => fitting.length === 0)) return undefined;
  const why = undecided.map(({ message }) => message).join('; ');
  return ask(
    allowed,
    undecided.map(({ name }) => name),
    why,
  );
}

function chosenOf(wanted: 'ask' | WantedAccounts, allowed: AdAccount[]): AdAccount[] {
  const chosen = Array.isArray(wanted) ? choose(wanted, allowed, 'ad account') : allowed;
  if (jsonBytes(chosen) <= MAX_CHOSEN_BYTES) return chosen;
  throw new ActivityProblem(
    'NotAllowed',
    `these are ${chosen.length} ad accounts, more than a run can keep in mind. Name only those that are needed.`,
  );
}

/** The ad accounts that are enabled on a connection. */
export function accountsOf({ configuration }: Pick<Connection, 'configuration'>): AdAccount[] {
  const accounts = configuration[PARAMETER];
  return Array.isArray(accounts) ? accounts.filter(isAdAccount) : [];
}

function isAdAccount(account: unknown): account is AdAccount {
  return typeof account === 'object' && account !== null && 'value' in account && typeof account.value === 'string';
}
