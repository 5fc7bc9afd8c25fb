/** The second half of step 2: which of the person's ad accounts the connection uses. */
import { activityInfo, heartbeat } from '@temporalio/activity';
import type { PolytomicClient } from '../polytomic/client.ts';
import type { Connection } from '../polytomic/connections.ts';
import { chosenBy } from '../request/choice.ts';
import type { AdAccount, Choices, Resource } from '../workflows/messages.ts';
import { attempt, reading } from './attempt.ts';
import { type Ask, ask, choicesOf } from './choices.ts';
import { choose } from './choose.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { ActivityProblem } from './failures.ts';

/** LinkedIn Ads' name of the parameter that holds the ad accounts (Polytomic's reference, `parameter_values`). */
const PARAMETER = 'accounts';

/** The accounts that were wanted, and those of them that this run added; or what a person is asked. */
export type EnabledAdAccounts = { enabled: AdAccount[]; added: AdAccount[] } | { ask: Ask };

/** What an activity remembers between its attempts: a write whose answer was lost has added its accounts all the same. */
interface BeforeWrite {
  /** Values of the accounts that were enabled before this run's first write. */
  enabledBefore: string[];
}

/** Makes the activities of this file. */
export function adAccountActivities({ polytomic }: ActivityDependencies) {
  return {
    /**
     * Enables the wanted ad accounts, by label or value, or `all` that the person may use. Adds to those that are enabled
     * already and takes none away. Changes nothing where a person has to choose first: `ask`, or a name that fits several.
     */
    async enableAdAccounts({
      connection,
      wanted,
    }: {
      connection: Resource;
      wanted: 'all' | 'ask' | string[];
    }): Promise<EnabledAdAccounts> {
      return attempt(`enabling ad accounts on LinkedIn Ads connection “${connection.name}”`, async () => {
        const [allowed, read] = await Promise.all([
          allowedAccounts(connection),
          polytomic.connections.get(connection.id, reading()),
        ]);
        const question = questionOf(wanted, allowed);
        if (question !== undefined) return { ask: question };
        const chosen = chosenOf(wanted, allowed);
        const enabled = accountsOf(read);
        const { enabledBefore }: BeforeWrite = activityInfo().heartbeatDetails ?? {
          enabledBefore: enabled.map(({ value }) => value),
        };
        const missing = chosen.filter(({ value }) => !enabled.some((one) => one.value === value));
        if (missing.length > 0) {
          heartbeat({ enabledBefore } satisfies BeforeWrite);
          const kept = await writeAccounts(polytomic, connection.id, [...enabled, ...missing], read);
          // The write replaces the whole list, so another run that writes at this moment may undo ours: look, and try again.
          if (chosen.some(({ value }) => !kept.some((one) => one.value === value))) {
            throw new ActivityProblem('Unavailable', 'Polytomic did not keep all of them. Trying again.');
          }
        }
        return { enabled: chosen, added: chosen.filter(({ value }) => !enabledBefore.includes(value)) };
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
      wanted: 'all' | string[];
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

/** The ad accounts among the values that the connection's parameters can take. */
export function adAccountsIn(parameters: Record<string, { values: AdAccount[] }>): AdAccount[] {
  return (parameters[PARAMETER]?.values ?? []).map(({ value, label }) => ({ value, label }));
}

/** Enables exactly these; returns what is enabled afterwards, as read back. `read`: the connection, if it was just read. */
export async function writeAccounts(
  polytomic: PolytomicClient,
  connectionId: string,
  accounts: readonly AdAccount[],
  read?: Connection,
): Promise<AdAccount[]> {
  const change = { configuration: { [PARAMETER]: accounts } };
  return accountsOf(await polytomic.connections.update(connectionId, change, read === undefined ? {} : { read }));
}

/** What a person has to be asked; `undefined` where the names decide it, or are wrong. */
function questionOf(wanted: 'all' | 'ask' | string[], allowed: AdAccount[]): Ask | undefined {
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

function chosenOf(wanted: 'all' | 'ask' | string[], allowed: AdAccount[]): AdAccount[] {
  return Array.isArray(wanted) ? choose(wanted, allowed, 'ad account') : allowed;
}

/** The ad accounts that are enabled on a connection. */
export function accountsOf({ configuration }: Connection): AdAccount[] {
  const accounts = configuration[PARAMETER];
  return Array.isArray(accounts) ? accounts.filter(isAdAccount) : [];
}

function isAdAccount(account: unknown): account is AdAccount {
  return typeof account === 'object' && account !== null && 'value' in account && typeof account.value === 'string';
}
