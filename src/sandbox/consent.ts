/** Where `auth_url` leads: a person, or a program that posts the same form, decides about the sign-in. */
import formbody from '@fastify/formbody';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { isObject } from './body.ts';
import { closingPage, consentPage } from './consent-page.ts';
import type { ConnectionDocument } from './documents.ts';
import { AD_ACCOUNTS, isLinkedInUser } from './linkedin.ts';
import type { Reader } from './store.ts';
import type { World } from './world.ts';

interface ConsentRequest {
  Params: { id: string };
  Querystring: { state?: string };
}

/** `GET` and `POST /_sandbox/consent/{connection}?state=…` */
export async function consentRoutes(app: FastifyInstance, world: World): Promise<void> {
  const { store } = world;
  await app.register(formbody);

  app.get<ConsentRequest>('/_sandbox/consent/:id', (request, reply) => {
    const connection = pending(store, request.params.id, request.query.state);
    if (connection === undefined) return spent(reply);
    return html(
      reply,
      200,
      consentPage(
        connection.name,
        AD_ACCOUNTS.map(({ label }) => label),
      ),
    );
  });

  app.post<ConsentRequest>('/_sandbox/consent/:id', async (request, reply) => {
    const { id } = request.params;
    const { state } = request.query;
    const { decision, user = 'usual' } = isObject(request.body) ? request.body : {};
    if ((decision !== 'allow' && decision !== 'deny') || !isLinkedInUser(user)) {
      return html(
        reply,
        400,
        closingPage(
          'That was no decision',
          'Post the form field “decision” with “allow” or “deny”, and “user” with “no-accounts” or “many-accounts” to sign in as somebody who has none, or a hundred.',
        ),
      );
    }
    const allowed = decision === 'allow';
    const decided = await store.transaction((transaction) => {
      const connection = pending(transaction, id, state);
      if (connection === undefined) return undefined;
      const { sign_in, ...rest } = connection;
      transaction.put('connection', {
        ...rest,
        signed_in: connection.signed_in || allowed,
        // Whoever signs in last is who is signed in.
        ...(allowed ? { user } : {}),
        updated_at: new Date().toISOString(),
      });
      return sign_in;
    });
    if (decided === undefined) return spent(reply);
    if (decided.redirect_url !== undefined) {
      const url = new URL(decided.redirect_url);
      url.searchParams.set('status', allowed ? 'success' : 'denied');
      // LinkedIn's own word for it. Nothing else ever tells: the API does not remember a denial.
      if (!allowed) url.searchParams.set('error', 'user_cancelled_login');
      return reply.redirect(url.href, 303);
    }
    return html(
      reply,
      200,
      allowed
        ? closingPage('You are signed in', 'You can close this window and go back to where you came from.')
        : closingPage('You did not sign in', 'Nothing was connected. To try again, ask for a new sign-in link.'),
    );
  });
}

/** The connection whose newest, unused sign-in link this is. */
function pending(reader: Reader, id: string, state: string | undefined): ConnectionDocument | undefined {
  const connection = reader.get('connection', id);
  return state !== undefined && connection?.sign_in?.state === state ? connection : undefined;
}

function spent(reply: FastifyReply): FastifyReply {
  return html(
    reply,
    404,
    closingPage(
      'This sign-in link does not work any more',
      'It was used already, or a newer one took its place. Ask for a new link.',
    ),
  );
}

function html(reply: FastifyReply, status: number, page: string): FastifyReply {
  return (
    reply
      .code(status)
      .type('text/html; charset=utf-8')
      .header('Cache-Control', 'no-store')
      .header('Referrer-Policy', 'no-referrer')
      .header('X-Content-Type-Options', 'nosniff')
      // No form-action: browsers hold it against the redirect after the form too, and redirect_url may lead anywhere.
      .header(
        'Content-Security-Policy',
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
      )
      .send(page)
  );
}
