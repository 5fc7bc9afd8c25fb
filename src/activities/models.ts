/** Step 3 of the walkthrough: a model from a SQL query. */
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { ApiError } from '../polytomic/errors.ts';
import type { Job } from '../polytomic/jobs.ts';
import type { Model } from '../polytomic/models.ts';
import { listed } from '../request/choice.ts';
import type { ModelRequest } from '../request/schema.ts';
import { resolveExtra } from '../request/secrets.ts';
import type { Resource } from '../workflows/messages.ts';
import { attempt, hearingOut, heartbeating, reading } from './attempt.ts';
import { type Creation, createOnce, type Found, type StepContext, saying } from './create-once.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { ActivityProblem, JobFailed, JobLost } from './failures.ts';
import { timeOf } from './provide-connection.ts';
import { resourceOf } from './resource.ts';

/** A model, and as much of its columns as the run needs to know: a wide table has thousands. */
export interface ProvidedModel {
  resource: Resource;
  /** Those of the columns asked for that the model has. */
  columns: string[];
}

/** How long to wait between two looks at a job, in ms: from the first to the longest. */
const POLL = { first: 200, longest: 5_000, factor: 1.5 } as const;

/**
 * How long after a create that failed was sent its model may still appear, in ms: Polytomic may have begun the job before it
 * failed. Later ones are not waited for; docs/architecture.md says what that leaves open.
 */
const SETTLES_WITHIN_MS = 30_000;

/** Makes the activities of this file. */
export function modelActivities({ polytomic, resolveSecret }: ActivityDependencies) {
  return {
    /**
     * Creates the model, or finds the one to use. Created as a job, so that a slow query meets no time-out: work that runs
     * on the request itself must end within 10 s (Polytomic's reference). `columns` are those the syncs will read.
     */
    async provideModel({
      step,
      spec,
      columns,
      connection,
    }: {
      step: StepContext;
      spec: ModelRequest;
      columns: string[];
      connection: Resource;
    }): Promise<ProvidedModel> {
      if ('use' in spec) {
        return attempt(`using model “${spec.use}”`, async () =>
          provided(
            await heartbeating(
              () => undefined,
              () => useModel(spec.use, connection),
            ),
            false,
            columns,
          ),
        );
      }
      return attempt(`creating model “${spec.name}”`, async () => {
        const { name, query, fields, identifier, trackingColumns, labels, extra } = spec;
        const creation: Creation<Pick<Job, 'type' | 'job_id'>, Model> = {
          context: step,
          lookUp: async () =>
            (await polytomic.models.list(reading()))
              // One on another connection is none that this step has sent, but may be the one that the request means.
              .filter((model) => model.name === name && (spec.orUse || model.connection_id === connection.id))
              .map(candidate),
          // Nobody else builds on what this run has just made. With `orUse` it says itself that others may.
          ...(connection.made && !spec.orUse ? { seen: async () => [] } : {}),
          send: async (idempotencyKey) => {
            const { type, job_id } = await polytomic.models.createAsync(
              {
                ...(await resolveExtra(extra ?? {}, resolveSecret)),
                name,
                connection_id: connection.id,
                configuration: { query },
                ...(fields === undefined ? {} : { fields }),
                ...(identifier === undefined ? {} : { identifier }),
                ...(trackingColumns === undefined ? {} : { tracking_columns: trackingColumns }),
                ...(labels === undefined ? {} : { labels }),
              },
              { idempotencyKey },
            );
            return { type, job_id };
          },
          settle: ({ type, job_id }) => finished(type, job_id),
          // A job can take an hour, and a look-up sees only the model that it ends with.
          keepAnswer: true,
          existing: spec.orUse ? 'use' : 'another',
          advice: (ids) => `Say ${saying((id) => `use: ${id}`, ids)}, give the model another name, or give up.`,
          parentMade: connection.made,
          uniqueName: false,
          settlesWithinMs: SETTLES_WITHIN_MS,
        };
        return createOnce(creation, ({ item, made }) => {
          if (!made) belongsTo(item, connection);
          return provided(item, made, columns);
        });

        function candidate(item: Model): Found<Model> {
          const same =
            item.connection_id === connection.id &&
            item.configuration['query'] === query &&
            (identifier === undefined || item.identifier === identifier) &&
            (trackingColumns === undefined || isDeepStrictEqual(item.tracking_columns, trackingColumns)) &&
            (fields === undefined || isDeepStrictEqual(namesOf(item).toSorted(), fields.toSorted()));
          return { id: item.id, createdAt: timeOf(item.created_at), matches: same, item };
        }
      });
    },
  };

  async function useModel(use: string, connection: Resource): Promise<Model> {
    const models = await polytomic.models.list(reading());
    const byId = models.filter(({ id }) => id === use);
    const [model, ...others] = byId.length > 0 ? byId : models.filter(({ name }) => name === use);
    if (model === undefined) {
      const fitting = models.filter(({ connection_id }) => connection_id === connection.id).map(({ name }) => name);
      throw new ActivityProblem(
        'NotFound',
        `Polytomic has none of this id or name. On connection “${connection.name}” there are: ${listed(fitting)}.`,
      );
    }
    if (others.length > 0) {
      const ids = [model, ...others].map(({ id }) => id);
      throw new ActivityProblem('Ambiguous', `several have this name (${ids.join(', ')}). Give the id.`);
    }
    belongsTo(model, connection);
    return model;
  }

  /** The model that a job made, once it has. A job that somebody stops listening to makes its model all the same. */
  async function finished(type: string, id: string): Promise<Model> {
    const listening = hearingOut();
    for (let wait: number = POLL.first; ; wait = Math.min(wait * POLL.factor, POLL.longest)) {
      const job = await polytomic.jobs.get(type, id, listening).catch((error: unknown) => {
        if (error instanceof ApiError && error.status === 404)
          throw new JobLost(`job ${id}, which makes it, is not there any more`);
        throw error;
      });
      if (job.status === 'failed')
        throw new JobFailed(`Polytomic says: ${job.error ?? 'the job failed, without a reason'}`);
      if (job.status === 'done') {
        const model = modelIdOf(job.result);
        if (model === undefined) throw new JobLost(`job ${id} is done but names no model`);
        return polytomic.models.get(model, listening);
      }
      await pause(wait, undefined, listening);
    }
  }
}

/** The id in a job's result, whose shape is not documented: the model itself, most likely. Without one it is looked up. */
function modelIdOf(result: unknown): string | undefined {
  if (typeof result !== 'object' || result === null || !('id' in result)) return undefined;
  return typeof result.id === 'string' ? result.id : undefined;
}

function belongsTo(model: Model, connection: Resource): void {
  if (model.connection_id === connection.id) return;
  throw new ActivityProblem(
    'NotAllowed',
    `model ${model.id} is not on connection “${connection.name}” (${connection.id}), but on ${model.connection_id}.`,
  );
}

function namesOf({ fields }: Model): string[] {
  return fields.map(({ name }) => name);
}

function provided(model: Model, made: boolean, wanted: string[]): ProvidedModel {
  const names = namesOf(model);
  return {
    resource: resourceOf(model, made),
    columns: wanted.filter((column) => names.includes(column)),
  };
}
