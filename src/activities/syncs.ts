/** Steps 5 and 6 of the walkthrough: a sync into an audience that is there, or into a new one. */
import type { Sync } from '../polytomic/sync-shape.ts';
import { listed } from '../request/choice.ts';
import type { SyncRequest } from '../request/schema.ts';
import { resolveExtra } from '../request/secrets.ts';
import { columnsOf } from '../request/sync-request.ts';
import type { Resource } from '../workflows/messages.ts';
import { attempt, reading } from './attempt.ts';
import { type AudienceToCreate, audiencesNamed, type InspectedAudience } from './audiences.ts';
import { type Creation, createOnce, type Found, type StepContext, saying } from './create-once.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { ActivityProblem } from './failures.ts';
import { isRecent } from './idempotency.ts';
import type { ProvidedModel } from './models.ts';
import { timeOf } from './provide-connection.ts';
import { resourceOf } from './resource.ts';
import { isAsAsked, syncBody } from './sync-body.ts';

/** A sync, and the audience it writes to. */
export interface CreatedSync {
  resource: Resource;
  audience: Resource;
}

/** What a sync is made of. */
export interface SyncParts {
  step: StepContext;
  sync: SyncRequest;
  model: ProvidedModel;
  /** The LinkedIn Ads connection. */
  connection: Resource;
  audience: InspectedAudience;
}

/** Makes the activities of this file. */
export function syncActivities({ polytomic, resolveSecret }: ActivityDependencies) {
  return {
    /** Creates one sync and, where the request says so, its audience with it. */
    async createSync({ step, sync, model, connection, audience }: SyncParts): Promise<CreatedSync> {
      return attempt(`creating sync “${sync.name}”`, async () => {
        const body = syncBody(sync, { modelId: model.resource.id, connectionId: connection.id, audience });
        const create = 'create' in audience ? audience.create : undefined;

        const audiencesOfThisName = async () =>
          create === undefined
            ? []
            : audiencesNamed(create, (await polytomic.targets.list(connection.id, reading())).data);

        const creation: Creation<Sync, Sync> = {
          context: step,
          lookUp: async () => {
            const [syncs] = await Promise.all([
              polytomic.syncs.list({ target_connection_id: connection.id, ...reading() }),
              checkColumns(sync, model),
            ]);
            const ofThisName = syncs.filter(({ name }) => name === sync.name);
            if (ofThisName.length === 0) return [];
            const targets = 'existing' in audience ? [audience.existing.id] : (await audiencesOfThisName()).map(idOf);
            return ofThisName.map((item) => found(item, targets));
          },
          seen: async (facts) => {
            if (audience.seen === undefined || !isRecent(audience.seen.at, facts)) return undefined;
            await checkColumns(sync, model);
            return audience.seen.syncs;
          },
          // A create that failed may have left the audience without its sync: there is no call to delete one.
          ...(create === undefined
            ? {}
            : {
                leftovers: {
                  lookUp: async () => {
                    const audiences = await audiencesOfThisName();
                    if (audiences.length === 0) return [];
                    // An ad account's audiences are there for other connections too, and so are their syncs.
                    const syncs = await polytomic.syncs.list(reading());
                    const filled = syncs.flatMap(({ target }) => target?.object ?? []);
                    return audiences.map((one) => leftover(create, one, filled));
                  },
                  advice: (ids: readonly string[]) =>
                    `Say ${saying((id) => `audience: { existing: ${id} }`, ids)}, give the audience another name, or give up.`,
                },
              }),
          send: async (idempotencyKey, leftover) =>
            polytomic.syncs.create(
              {
                ...(await resolveExtra(sync.extra ?? {}, resolveSecret)),
                ...body,
                ...(leftover === undefined ? {} : { target: { connection_id: connection.id, object: leftover } }),
                ...(sync.encryptionPassphrase === undefined
                  ? {}
                  : { encryption_passphrase: await resolveSecret(sync.encryptionPassphrase) }),
              },
              { idempotencyKey },
            ),
          settle: async (one) => one,
          existing: 'another',
          advice: () =>
            'A sync that is there cannot be used. Delete it in Polytomic and try again, give the sync another name, or keep it and give up.',
          parentMade: model.resource.made,
          uniqueName: false,
        };
        // Should the audience not be found, the next attempt's key brings the same sync back.
        return createOnce(creation, async ({ item, made }) => ({
          resource: resourceOf(item, made),
          audience: await audienceOf(item),
        }));

        function found(item: Sync, targets: string[]): Found<Sync> {
          const matches = targets.includes(item.target?.object ?? '') && isAsAsked(item, body);
          return { id: item.id, createdAt: timeOf(item.created_at), matches, item };
        }

        async function audienceOf(one: Sync): Promise<Resource> {
          if ('existing' in audience) return { ...audience.existing, made: false };
          const { name } = audience.create;
          // Documented is only that a sync has a target; where it does not name the object, the list of audiences does.
          const id = one.target?.object ?? (await audiencesOfThisName()).at(-1)?.id;
          if (id !== undefined) return { id, name, made: true };
          throw new ActivityProblem(
            'UndocumentedAnswer',
            `Polytomic made sync ${one.id}, but does not list its new audience “${name}” yet. Looking again.`,
          );
        }
      });
    },
  };

  async function checkColumns(sync: SyncRequest, model: ProvidedModel): Promise<void> {
    const wanted = columnsOf(sync);
    if (wanted.every((column) => model.columns.includes(column))) return;
    // A sync that was mended since the model was made may read columns that nobody had asked for then.
    const { fields } = await polytomic.models.get(model.resource.id, reading());
    const there = fields.map(({ name }) => name);
    const unknown = wanted.filter((column) => !there.includes(column));
    if (unknown.length === 0) return;
    throw new ActivityProblem(
      'NotAllowed',
      `model “${model.resource.name}” has no column ${listed(unknown)}; there are ${listed(there)}.`,
    );
  }
}

/**
 * An audience as what a create of ours may have left without its sync: one that a sync fills (`filled`) came with that sync.
 * Beside its name and account, an audience's id has its type: `<account>~user_audience.<number>`.
 */
function leftover({ account, type }: AudienceToCreate, { id }: { id: string }, filled: readonly string[]) {
  return { id, matches: id.startsWith(`${account}~${type}.`) && !filled.includes(id) };
}

function idOf({ id }: { id: string }): string {
  return id;
}
