/** Step 4 of the walkthrough: a look at the audiences there are, for what the syncs ask of them. */
import type { PolytomicClient } from '../polytomic/client.ts';
import type { TargetField, TargetObject, TargetObjects } from '../polytomic/targets.ts';
import { mappingsOf, type SyncRequest } from '../request/schema.ts';
import type { Resource } from '../workflows/messages.ts';
import { attempt, reading } from './attempt.ts';
import { type Choice, chosenBy } from './choose.ts';
import { isLaterRun } from './create-once.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { ActivityProblem, type FailureCode, listed } from './failures.ts';

/** An audience to create, in Polytomic's own values. */
export interface AudienceToCreate {
  name: string;
  type: string;
  /** The ad account's value. */
  account: string;
}

/** What a sync writes to: an audience that is there, or one to create. */
export type InspectedAudience = { existing: { id: string; name: string } } | { create: AudienceToCreate };

/** What is wrong with one sync's audience. */
interface Problem {
  code: FailureCode;
  message: string;
}

/** Makes the activities of this file. */
export function audienceActivities({ polytomic }: ActivityDependencies) {
  return {
    /**
     * Finds what each sync writes to and checks all that Polytomic can tell before anything is made: the audience, its mode
     * and fields, the values an audience is created with. Every problem of every sync is in one failure. Returns only what
     * was asked for, in the order of the syncs: an account may have thousands of audiences.
     */
    async inspectAudiences({
      connection,
      syncs,
      firstRunId,
    }: {
      connection: Resource;
      syncs: SyncRequest[];
      firstRunId: string;
    }): Promise<InspectedAudience[]> {
      return attempt(`looking at the audiences of LinkedIn Ads connection “${connection.name}”`, async () => {
        const inspection = new Inspection(
          polytomic,
          connection,
          await polytomic.targets.list(connection.id, reading()),
        );
        const audiences: InspectedAudience[] = [];
        const problems: Problem[] = [];
        for (const sync of syncs) {
          const result =
            'existing' in sync.audience
              ? await inspection.existing(sync, sync.audience.existing)
              : await inspection.toCreate(sync.audience.create);
          // A later run of the same chain finds what an earlier one made; the sync's own look-up tells whose it is.
          const taken = 'create' in result && !isLaterRun(firstRunId) ? inspection.taken(result.create) : [];
          if ('problems' in result) problems.push(...result.problems.map(ofSync(sync)));
          else if (taken.length > 0) problems.push(...taken.map(ofSync(sync)));
          else audiences.push(result);
        }
        const [first] = problems;
        if (first === undefined) return audiences;
        throw new ActivityProblem(first.code, problems.map(({ message }) => message).join('\n'));
      });
    },
  };
}

/** The audiences of this name in this ad account. There is no field for the account: an audience's id begins with it. */
export function audiencesNamed({ name, account }: AudienceToCreate, targets: readonly TargetObject[]): TargetObject[] {
  return targets.filter((target) => target.name === name && target.id.startsWith(`${account}~`));
}

type Inspected = InspectedAudience | { problems: Problem[] };

class Inspection {
  private readonly polytomic: PolytomicClient;
  private readonly connection: Resource;
  private readonly targets: TargetObjects;
  private readonly allowed = new Map<string, Promise<Choice[]>>();

  constructor(polytomic: PolytomicClient, connection: Resource, targets: TargetObjects) {
    this.polytomic = polytomic;
    this.connection = connection;
    this.targets = targets;
  }

  async existing(sync: SyncRequest, wanted: string): Promise<Inspected> {
    const { data } = this.targets;
    const byId = data.filter(({ id }) => id === wanted);
    const [audience, ...others] = byId.length > 0 ? byId : data.filter(({ name }) => name === wanted);
    if (audience === undefined) {
      const there = data.map(({ id, name }) => `${name} = ${id}`);
      return {
        problems: [
          {
            code: 'NotFound',
            message: `there is no audience “${wanted}” in the ad accounts that are enabled; there are ${listed(there)}`,
          },
        ],
      };
    }
    if (others.length > 0) {
      const ids = [audience, ...others].map(({ id }) => id);
      return {
        problems: [
          { code: 'Ambiguous', message: `audience “${wanted}” fits several: ${listed(ids)}; give the id instead` },
        ],
      };
    }
    const problems = [...modeProblems(sync, audience), ...(await this.fieldProblems(sync, audience))];
    return problems.length > 0
      ? { problems: problems.map(notAllowed) }
      : { existing: { id: audience.id, name: audience.name } };
  }

  async toCreate({ name, type, account }: AudienceToCreate): Promise<Inspected> {
    if (!this.targets.target_creation.supported) {
      return { problems: [notAllowed(`connection “${this.connection.name}” cannot create audiences`)] };
    }
    const chosenType = chosenBy(type, await this.values('type'), 'audience type');
    const chosenAccount = chosenBy(account, await this.values('account'), 'enabled ad account');
    if (typeof chosenType === 'string' || typeof chosenAccount === 'string') {
      return { problems: [chosenType, chosenAccount].filter((answer) => typeof answer === 'string').map(notAllowed) };
    }
    return { create: { name, type: chosenType.value, account: chosenAccount.value } };
  }

  /** Whether an audience that is to be created is there already. */
  taken(create: AudienceToCreate): Problem[] {
    return audiencesNamed(create, this.targets.data).map(({ id, name }) => ({
      code: 'NameTaken',
      message: `there is an audience “${name}” already (${id}); say \`existing: ${id}\` or choose another name`,
    }));
  }

  private values(property: string): Promise<Choice[]> {
    const known = this.allowed.get(property);
    if (known !== undefined) return known;
    const asked = this.polytomic.targets
      .propertyValues(this.connection.id, property, reading())
      .then(({ values }) => values.map(({ value, label }) => ({ value, label })));
    this.allowed.set(property, asked);
    return asked;
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

function ofSync(sync: SyncRequest): (problem: Problem) => Problem {
  return ({ code, message }) => ({ code, message: `sync “${sync.name}”: ${message}.` });
}
