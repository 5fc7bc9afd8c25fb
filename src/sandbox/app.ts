/** Builds the HTTP application; `listen.ts` opens the port. */
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { ApiCalls, type Route } from './api-call.ts';
import { connectionRoutes } from './connections.ts';
import { consentRoutes } from './consent.ts';
import { executionRoutes } from './executions.ts';
import { badRequest, CallFailure, failureBody } from './failure.ts';
import { identityRoutes } from './identity.ts';
import { modelRoutes } from './models.ts';
import { sideApiRoutes } from './side-api.ts';
import { syncRoutes } from './syncs.ts';
import { targetRoutes } from './targets.ts';
import type { World } from './world.ts';

/** All calls of the API that the sandbox knows. */
export function apiRoutes(world: World): Route[] {
  return [
    ...identityRoutes(),
    ...connectionRoutes(world),
    ...modelRoutes(world),
    ...targetRoutes(world),
    ...syncRoutes(world),
    ...executionRoutes(world),
  ];
}

/** Calls of the real API that the sandbox has not, and whose last part would pass for an id. */
const NOT_IDS: readonly string[] = ['/api/connections/connect', '/api/connections/test', '/api/syncs/schedules'];

/** The application over `world`, which outlives it. */
export async function buildApp(world: World): Promise<FastifyInstance> {
  const app = fastify({
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 500, ignoreTrailingSlash: true },
    // No route is looked for where a path cannot be decoded.
    frameworkErrors: ({ message }, _request, reply) =>
      (reply as FastifyReply).code(400).send(failureBody(badRequest(message))),
  });

  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const status = error.statusCode ?? 500;
    const failure = error instanceof CallFailure ? error : new CallFailure(status, 'request_failed', error.message);
    if (failure.status >= 500) world.settings.log(`${request.method} ${request.url} failed: ${String(error)}`);
    return reply.code(failure.status).send(failureBody(failure));
  });
  app.setNotFoundHandler((request, reply) => {
    const failure = new CallFailure(404, 'not_found', `there is no ${request.method} ${request.url} here`);
    return reply.code(404).send(failureBody(failure));
  });

  const routes = apiRoutes(world);
  await app.register(async (api) => {
    const calls = new ApiCalls(world);
    // Bodies stay text until the call is identified, so that one that is no JSON is answered, and remembered, like any other.
    api.removeAllContentTypeParsers();
    api.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
    for (const { method, path, handle } of routes) {
      api.route({
        method,
        url: path,
        exposeHeadRoute: false,
        handler: (request, reply) => calls.answer(request, reply, handle, path),
      });
    }
    const unknown: Route['handle'] = (call) => {
      throw new CallFailure(
        404,
        'not_found',
        `the sandbox has no call ${call.name}: docs/sandbox.md lists those it has`,
      );
    };
    for (const path of ['/api/*', ...NOT_IDS]) api.all(path, (request, reply) => calls.answer(request, reply, unknown));
  });
  await app.register(async (side) => {
    sideApiRoutes(
      side,
      world,
      routes.map(({ method, path }) => `${method} ${path}`),
    );
    await consentRoutes(side, world);
  });
  return app;
}
