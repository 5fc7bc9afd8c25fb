/** Step 4 of the walkthrough: a look at the audiences there are, for what the syncs ask of them. */
import { activityInfo } from '@temporalio/activity';
import type { PolytomicClient } from '../polytomic/client.ts';
import type { TargetField, TargetObject, TargetObjects } from '../polytomic/targets.ts';
import { type Choice, chosenBy, fitsNone, fitsSeveral, listed } from '../request/choice.ts';
import { LIMITS } from '../request/limits.ts';
import type { SyncRequest } from '../request/schema.ts';
import { shorten } from '../request/shorten.ts';
import { mappingsOf, supporting } from '../request/sync-request.ts';
import { askWithin, textWithin, WORDS_BYTES } from '../request/within.ts';
import type { Choices, Resource } from '../workflows/messages.ts';
import { attempt, heartbeating, reading } from './attempt.ts';
import { type Ask, ask, choicesOf } from './choices.ts';
import { isLaterRun } from './create-once.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { type FailureCode, isFinal, MAX_MESSAGE } from './failures.ts';

/** An audience to create, in Polytomic's own values. */
export interface AudienceToCreate {
  name: string;
  type: string;
  /** The ad account's value. */
  account: string;
}

/** The creation properties whose values a request may name by their labels. */
const PROPERTIES = ['type', 'account'] as const;

/** How many syncs are looked at side by side, in count: each look is a call, and Polytomic limits how often it is called. */
const SIDE_BY_SIDE = 10;

/** How many syncs of one name are handed on, in count; where there are more, the sync that is created looks for itself. */
const MAX_SEEN = 5;

/** What a sync writes to: an audience that is there, or one to create. */
export type InspectedAudience = ({ existing: { id: string; name: string } } | { create: AudienceToCreate }) & {
  seen?: Sighting;
};

/** What a look at the audiences saw for one sync, so that a sync that is created right after it need not look again. */
export interface Sighting {
  /** When the look was scheduled by Temporal's clock, ms since the epoch. It is not older. */
  at: number;
  /** Ids of the syncs of this name into this connection. */
  syncs: string[];
}

/** What a look at one sync's audience came to: the audience, what is wrong, or what a person is asked. */
export type AudienceInspection = { audience: InspectedAudience } | { problem: Problem } | { ask: Ask };

/** What is wrong with one sync's audience. */
export interface Problem {
  code: FailureCode;
  message: string;
}

/** Makes the activities of this file. */
export function audienceActivities({ polytomic }: ActivityDependencies) {
  return {
    /**
     * Finds what each sync writes to and checks all that Polytomic can tell before anything is made: the audience, its mode
     * and fields, the values an audience is created with. What is wrong with one sync is returned, not thrown, so that the
     * others go on. Returns only what was asked for, in the order of the syncs: an account may have thousands of audiences.
     */
    async inspectAudiences({
      connection,
      syncs,
      originalRunId,
    }: {
      connection: Resource;
      syncs: SyncRequest[];
      originalRunId: string;
    }): Promise<AudienceInspection[]> {
      return attempt(`looking at the audiences of LinkedIn Ads connection “${connection.name}”`, async () => {
        // Each look may take LinkedIn a while, and there is one for each sync.
        return heartbeating(
          () => undefined,
          async () => {
            const values = allowedValues(connection);
            const laterRun = isLaterRun(originalRunId);
            const inspect = async () => {
              const [targets] = await Promise.all([
                polytomic.targets.list(connection.id, reading()),
                // They do not depend on the list. Whoever needs one of them hears how it ended.
                Promise.allSettled(syncs.some(createsAudience) ? PROPERTIES.map(values) : []),
              ]);
              const inspection = new Inspection({ polytomic, connection, targets, values, laterRun });
              const room = Math.floor(WORDS_BYTES / syncs.length);
              return inOrder(syncs, async (sync) => inspectionWithin(await inspection.of(sync), room));
            };
            const [inspections, there] = await Promise.all([
              inspect(),
              polytomic.syncs.list({ target_connection_id: connection.id, ...reading() }),
            ]);
            const { scheduledTimestampMs: at } = activityInfo();
            return inspections.map((inspection, index) => {
              // Whether an audience to create is there was not looked for where the run before may have made it.
              if (laterRun || !('audience' in inspection)) return inspection;
              const ofThisName = there.filter(({ name }) => name === syncs[index]?.name).map(({ id }) => id);
              if (ofThisName.length > MAX_SEEN) return inspection;
              return { audience: { ...inspection.audience, seen: { at, syncs: ofThisName } } };
            });
          },
        );
      });
    },

    /** The audiences that a sync of this mode can write to and that have the words of `search`. */
    async findAudiences({
      connection,
      mode,
      search,
    }: {
      connection: Resource;
      mode: SyncRequest['mode'];
      search?: string;
    }): Promise<Choices> {
      return attempt(`searching the audiences of LinkedIn Ads connection “${connection.name}”`, async () => {
        const { data } = await polytomic.targets.list(connection.id, reading());
        return choicesOf(choicesFor(mode, data), search);
      });
    },
  };

  /** The values that a creation property can take, asked for once. */
  function allowedValues(connection: Resource): AllowedValues {
    const asked = new Map<string, Promise<Choice[]>>();
    return (property) => {
      const values =
        asked.get(property) ??
        polytomic.targets
          .propertyValues(connection.id, property, reading())
          .then(({ values }) => values.map(({ value, label }) => ({ value, label })));
      asked.set(property, values);
      return values;
    };
  }
}

type AllowedValues = (property: (typeof PROPERTIES)[number]) => Promise<Choice[]>;

function createsAudience({ audience }: SyncRequest): boolean {
  return audience !== 'ask' && 'create' in audience;
}

/** As much of an inspection as has room among those of the other syncs. */
function inspectionWithin(inspection: AudienceInspection, maxBytes: number): AudienceInspection {
  if ('ask' in inspection) return { ask: askWithin(inspection.ask, maxBytes) };
  if (!('problem' in inspection)) return inspection;
  const { code, message } = inspection.problem;
  return { problem: { code, message: textWithin(message, maxBytes) } };
}

/** The results of `look` in the order of `items`, of which a few are looked at side by side. */
async function inOrder<T, R>(items: readonly T[], look: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += SIDE_BY_SIDE) {
    results.push(...(await Promise.all(items.slice(from, from + SIDE_BY_SIDE).map(look))));
  }
  return results;
}

/** The audiences of this name in this ad account. There is no field for the account: an audience's id begins with it. */
export function audiencesNamed(
  { name, account }: Pick<AudienceToCreate, 'name' | 'account'>,
  targets: readonly TargetObject[],
): TargetObject[] {
  return targets.filter((target) => target.name === name && target.id.startsWith(`${account}~`));
}

/** The audiences that support a mode. */
function choicesFor(mode: SyncRequest['mode'], targets: readonly TargetObject[]): Choice[] {
  return targets.filter(({ modes }) => modes.some(({ id }) => id === mode)).map(choiceOf);
}

function choiceOf({ id, name }: TargetObject): Choice {
  return { value: id, label: name };
}

type Inspected = InspectedAudience | { problems: Problem[] } | { ask: Ask };

/** What an inspection looks at, and with what. */
interface Surroundings {
  polytomic: PolytomicClient;
  connection: Resource;
  targets: TargetObjects;
  values: AllowedValues;
  laterRun: boolean;
}

class Inspection {
  private readonly polytomic: PolytomicClient;
  private readonly connection: Resource;
  private readonly targets: TargetObjects;
  private readonly values: AllowedValues;
  private readonly laterRun: boolean;

  constructor({ polytomic, connection, targets, values, laterRun }: Surroundings) {
    this.polytomic = polytomic;
    this.connection = connection;
    this.targets = targets;
    this.values = values;
    this.laterRun = laterRun;
  }

  async of(sync: SyncRequest): Promise<AudienceInspection> {
    const inspected = await this.inspect(sync).catch((error: unknown): Inspected => {
      // Refused for this sync's audience alone, e.g. one that was deleted since the list was read.
      if (!isFinal(error) || [401, 403].includes(error.status)) throw error;
      return { problems: [{ code: error.status === 404 ? 'NotFound' : 'Refused', message: error.message }] };
    });
    if ('ask' in inspected) return inspected;
    if (!('problems' in inspected)) return { audience: inspected };
    const [first] = inspected.problems;
    if (first === undefined) throw new TypeError(`sync ${sync.name} has a problem without a word for it`);
    const message = inspected.problems.map((problem) => `Sync “${sync.name}”: ${problem.message}.`).join('\n');
    return { problem: { code: first.code, message: shorten(message, MAX_MESSAGE) } };
  }

  private async inspect(sync: SyncRequest): Promise<Inspected> {
    const { audience } = sync;
    if (audience === 'ask') return { ask: ask(choicesFor(sync.mode, this.targets.data)) };
    if ('existing' in audience) return this.existing(sync, audience.existing);
    const result = await this.toCreate(audience.create);
    // A run that was reset finds what the one before it made; the sync's own look-up tells whose it is.
    const taken = 'create' in result && !this.laterRun ? this.taken(result.create) : [];
    return taken.length > 0 ? { problems: taken } : result;
  }

  private async existing(sync: SyncRequest, wanted: string): Promise<Inspected> {
    const { data } = this.targets;
    const byId = data.filter(({ id }) => id === wanted);
    const [audience, ...others] = byId.length > 0 ? byId : data.filter(({ name }) => name === wanted);
    if (audience === undefined) {
      const message = fitsNone(wanted, choicesFor(sync.mode, data), 'audience', supporting(sync));
      return { problems: [{ code: 'NotFound', message }] };
    }
    if (others.length > 0) {
      const why = `Sync “${sync.name}”: ${fitsSeveral(wanted, [audience, ...others].map(choiceOf), 'audience')}.`;
      return { ask: ask(choicesFor(sync.mode, data), [wanted], why) };
    }
    const problems = [...modeProblems(sync, audience), ...(await this.fieldProblems(sync, audience))];
    return problems.length > 0
      ? { problems: problems.map(notAllowed) }
      : { existing: { id: audience.id, name: shorten(audience.name, LIMITS.nameLength) } };
  }

  private async toCreate({ name, type, account }: AudienceToCreate): Promise<Inspected> {
    if (!this.targets.target_creation.supported) {
      return { problems: [notAllowed(`connection “${this.connection.name}” cannot create audiences`)] };
    }
    const [types, accounts] = await Promise.all([this.values('type'), this.values('account')]);
    const chosenType = chosenBy(type, types, 'audience type');
    const chosenAccount = chosenBy(account, accounts, 'enabled ad account');
    if ('message' in chosenType || 'message' in chosenAccount) {
      const unchosen = [chosenType, chosenAccount].filter((answer) => 'message' in answer);
      return { problems: unchosen.map(({ message }) => notAllowed(message)) };
    }
    return { create: { name, type: chosenType.choice.value, account: chosenAccount.choice.value } };
  }

  /** Whether an audience that is to be created is there already. */
  private taken(create: AudienceToCreate): Problem[] {
    return audiencesNamed(create, this.targets.data).map(({ id, name }) => ({
      code: 'NameTaken',
      message: `there is an audience “${name}” already (${id}); say \`existing: ${id}\` or choose another name`,
    }));
  }

  private async fieldProblems(sync: SyncRequest, audience: TargetObject): Promise<string[]> {
    const { fields } = await this.polytomic.targets.fields(this.connection.id, audience.id, reading());
    const known = new Map(fields.map((field) => [field.id, field]));
    const { identity, filters = [], overrideFields = [] } = sync;
    const mappings = [...mappingsOf(sync), ...overrideFields];
    const written = [...mappings.map(({ to }) => to), ...(identity === undefined ? [] : [identity.to])];
    // What Polytomic makes in the audience need not be there.
    const expected = [
      ...mappings.filter((mapping) => !mapping.new).map(({ to }) => to),
      ...(identity === undefined || identity.newField ? [] : [identity.to]),
      ...filters.flatMap((filter) => ('to' in filter ? [filter.to] : [])),
    ];
    const unknown = [...new Set(expected)].filter((target) => !known.has(target));
    // What is removed needs no more than its identity; what is only updated has the rest already.
    const whole = sync.mode !== 'remove' && sync.mode !== 'update';
    const missing = fields.filter(({ id, required }) => whole && required && !written.includes(id)).map(({ id }) => id);
    return [
      ...(unknown.length > 0
        ? [`audience “${audience.name}” has no field ${listed(unknown)}; there are ${listed([...known.keys()])}`]
        : []),
      ...(missing.length > 0
        ? [`audience “${audience.name}” requires ${listed(missing)}, which no field of the sync fills`]
        : []),
      ...identityProblems(sync, known.get(sync.identity?.to ?? ''), fields),
    ];
  }
}

function identityProblems({ identity }: SyncRequest, field: TargetField | undefined, fields: TargetField[]): string[] {
  if (identity === undefined || field === undefined) return [];
  if (!field.supports_identity) {
    const identities = fields.filter(({ supports_identity }) => supports_identity).map(({ id }) => id);
    return [`field “${identity.to}” cannot be the identity; these can: ${listed(identities)}`];
  }
  const functions = field.identity_functions ?? [];
  const known = functions.some(({ id }) => id.toLowerCase() === identity.function.toLowerCase());
  if (known || functions.length === 0) return [];
  return [
    `identity function “${identity.function}” is none of “${identity.to}”; allowed are ${listed(functions.map(({ id }) => id))}`,
  ];
}

function modeProblems(sync: SyncRequest, { name, modes }: TargetObject): string[] {
  const { mode, identity, filters = [], overrideFields = [] } = sync;
  const supported = modes.find(({ id }) => id === mode);
  if (supported === undefined)
    return [`audience “${name}” does not support mode “${mode}”; it supports ${listed(modes.map(({ id }) => id))}`];
  const ofMode = `mode “${mode}” of audience “${name}”`;
  const perField = [...mappingsOf(sync), ...overrideFields].some((mapping) => mapping.mode !== undefined);
  const onTarget = filters.some((filter) => 'to' in filter);
  return [
    ...(supported.requires_identity && identity === undefined ? [`${ofMode} needs an identity`] : []),
    ...(supported.supports_per_field_mode === false && perField ? [`${ofMode} takes no mode for a single field`] : []),
    ...(supported.supports_target_filters === false && onTarget
      ? [`${ofMode} takes no filter on a field of the audience; filter by a column of the model`]
      : []),
  ];
}

function notAllowed(message: string): Problem {
  return { code: 'NotAllowed', message };
}
