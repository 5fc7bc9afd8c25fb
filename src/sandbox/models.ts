/** `/api/models` and `/api/jobs` */
import { randomUUID } from 'node:crypto';
import type { Answer, Call, Route } from './api-call.ts';
import type { JobDocument, ModelDocument } from './documents.ts';
import { badRequest, CallFailure, notFound } from './failure.ts';
import { modelConnection, prepareModel, readModelRequest, TooSlow } from './model-making.ts';
import { page } from './paging.ts';
import type { Reader } from './store.ts';
import { ACTOR, ORGANIZATION_ID, type World } from './world.ts';

/** The only type of job there is. */
const JOB_TYPE = 'createmodel';

/** The types that the real API has, and that are answered "not found" here instead of "unknown". */
const OTHER_JOB_TYPES: readonly string[] = ['updatemodel', 'previewmodel', 'samplemodel', 'exportlogs'];

export function modelRoutes(world: World): Route[] {
  const { store, settings } = world;
  return [
    {
      method: 'GET',
      path: '/api/models',
      handle: ({ query }) => page(store.all('model'), query, shown, { size: settings.pageSize }),
    },
    {
      method: 'POST',
      path: '/api/models',
      handle: (call) => (call.query.get('async') === 'true' ? createLater(world, call) : createNow(world, call)),
    },
    {
      method: 'GET',
      path: '/api/models/:id',
      handle: ({ params }) => ({ status: 200, body: { data: shown(modelOf(store, params['id'] ?? '')) } }),
    },
    {
      method: 'DELETE',
      path: '/api/models/:id',
      // Syncs that use the model stay, and fail from then on: so the reference says.
      handle: (call) =>
        call.commit((transaction) => {
          transaction.delete('model', modelOf(transaction, call.params['id'] ?? '').id);
          return { status: 204 };
        }),
    },
    {
      method: 'GET',
      path: '/api/jobs/:type/:id',
      handle: ({ params }) => {
        const { type = '', id = '' } = params;
        if (type !== JOB_TYPE && !OTHER_JOB_TYPES.includes(type))
          throw badRequest(`unknown job type "${type}": use "${JOB_TYPE}"`);
        const job = type === JOB_TYPE ? store.get('job', id) : undefined;
        if (job === undefined) throw notFound(`${type} job ${id}`);
        return { status: 200, body: { data: shownJob(job, store) } };
      },
    },
  ];
}

/** The model of this id. Throws a 404. */
function modelOf(reader: Reader, id: string): ModelDocument {
  const model = reader.get('model', id);
  if (model === undefined) throw notFound(`model ${id}`);
  return model;
}

async function createNow(world: World, call: Call): Promise<Answer> {
  const { requestLimitMs } = world.settings;
  try {
    const put = await prepareModel(world, readModelRequest(call.body()), requestLimitMs);
    return await call.commit((transaction) => ({ status: 200, body: { data: shown(put(transaction)) } }));
  } catch (error) {
    if (!(error instanceof TooSlow)) throw error;
    throw new CallFailure(
      500,
      'timeout',
      `${error.message}: create the model with ?async=true, as a job that may take longer`,
    );
  }
}

/** Answers with a job. What can be checked at once is refused at once. */
async function createLater(world: World, call: Call): Promise<Answer> {
  const body = call.body();
  const request = readModelRequest(body);
  modelConnection(world, world.store, request.connection_id);
  const id = randomUUID();
  const answer = await call.commit((transaction) => {
    const job: JobDocument = { id, sequence: transaction.nextSequence(), status: 'created', request: body.whole };
    transaction.put('job', job);
    const told = shownJob(job, transaction);
    // The API facts have the job under `data`, the published client's types under `job`: both readers find it.
    return { status: 200, body: { data: told, job: told } };
  });
  world.jobs.start(world, id);
  return answer;
}

function shownJob({ id, status, model_id, error }: JobDocument, reader: Reader): Record<string, unknown> {
  const model = model_id === undefined ? undefined : reader.get('model', model_id);
  return {
    job_id: id,
    type: JOB_TYPE,
    status,
    ...(model === undefined ? {} : { result: shown(model) }),
    ...(error === undefined ? {} : { error }),
  };
}

function shown(model: ModelDocument): Record<string, unknown> {
  const { id, name, connection_id, configuration, fields, echoed, created_at, updated_at } = model;
  return {
    id,
    organization_id: ORGANIZATION_ID,
    name,
    type: 'snowflake',
    connection_id,
    configuration,
    fields,
    ...echoed,
    created_at,
    created_by: ACTOR,
    updated_at,
    updated_by: ACTOR,
  };
}
