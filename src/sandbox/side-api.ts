/** `/_sandbox/…`: what tests and demos ask of the sandbox itself. Needs no key, and is never under `/api`. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isObject, type JsonObject, parseBody } from './body.ts';
import { badRequest } from './failure.ts';
import { readFaultPlan } from './fault-plan.ts';
import { seedAudiences } from './linkedin.ts';
import { REDACTED, redacted } from './redaction.ts';
import type { World } from './world.ts';

/** `endpoints` are the calls of the API, e.g. `GET /api/models/:id`. */
export function sideApiRoutes(app: FastifyInstance, world: World, endpoints: readonly string[]): void {
  const { store, faults, plannedFaults, requests } = world;

  // Clients that always say "JSON" say so of no body too, which fastify's own parser refuses.
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, async (_request: FastifyRequest, body: string) =>
    parseBody(body),
  );

  app.get('/_sandbox/state', () => ({ data: stateOf(world) }));

  app.post('/_sandbox/reset', async (_request, reply) => {
    await store.reset((transaction) => {
      plannedFaults.forget();
      seedAudiences(transaction);
    });
    faults.clear();
    requests.clear();
    return reply.code(204).send();
  });

  app.get<{ Querystring: { after?: string } }>('/_sandbox/requests', (request) => {
    const after = Number(request.query.after ?? 0);
    if (!Number.isInteger(after)) throw badRequest('the query parameter "after" must be the number of a request');
    return { data: requests.after(after) };
  });

  app.get('/_sandbox/faults', () => ({ data: faults.list() }));
  app.post('/_sandbox/faults', (request, reply) => reply.code(201).send({ data: faults.add(objectOf(request)) }));
  app.delete('/_sandbox/faults', (_request, reply) => {
    faults.clear();
    return reply.code(204).send();
  });

  app.get('/_sandbox/fault-plan', () => ({ data: plannedFaults.report() }));
  app.put('/_sandbox/fault-plan', async (request) => {
    await plannedFaults.set(readFaultPlan(objectOf(request), endpoints));
    return { data: plannedFaults.report() };
  });
  app.delete('/_sandbox/fault-plan', async (_request, reply) => {
    await plannedFaults.set(undefined);
    return reply.code(204).send();
  });

  app.get('/_sandbox/effects', () => ({
    data: bySequence(store.all('effect')).map(({ id: _id, of, ...effect }) => ({ ...effect, id: of })),
  }));
}

function bySequence<T extends { sequence: number }>(items: T[]): T[] {
  return items.toSorted((a, b) => a.sequence - b.sequence);
}

function objectOf({ body }: FastifyRequest): JsonObject {
  if (!isObject(body)) throw badRequest('the body must be a JSON object, sent with "Content-Type: application/json"');
  return body;
}

/** The whole state, less secrets, sign-in links and remembered answers. */
function stateOf({ store }: World): JsonObject {
  return {
    connections: bySequence(store.all('connection')).map(({ secrets, sign_in, ...connection }) => ({
      ...connection,
      secrets: Object.fromEntries(Object.keys(secrets).map((name) => [name, REDACTED])),
      awaits_sign_in: sign_in !== undefined,
    })),
    models: bySequence(store.all('model')),
    // A job keeps the call as it was sent.
    jobs: bySequence(store.all('job')).map(({ request, ...job }) => ({ ...job, request: redacted(request) })),
    syncs: bySequence(store.all('sync')).map(({ echoed: _echoed, ...sync }) => sync),
    executions: bySequence(store.all('execution')),
    audiences: bySequence(store.all('audience')).map((audience) => {
      const members = store.get('members', audience.id)?.members ?? [];
      return { ...audience, member_count: members.length, members };
    }),
    idempotency_keys: store.all('answer').length,
  };
}
