import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { PolytomicClient } from '../../src/polytomic/client.ts';
import { API_KEY, always, withApi } from './api-server.ts';

describe('the client', () => {
  it('says whose its key is', () => {
    const me = {
      id: 'u1',
      email: 'a@example.com',
      role: 'admin',
      organization_id: 'o1',
      organization_name: 'Acme',
      is_user: true,
    };
    return withApi(always({ data: me }), async ({ client }) => expect(await client.me()).toEqual(me));
  });

  it('says so too of a key that is no user’s and has no id', () =>
    withApi(always({ data: { organization_name: 'Acme', id: null } }), async ({ client }) => {
      expect(await client.me()).toEqual({ organization_name: 'Acme' });
    }));

  it('shows where it calls, and never its key: in JSON, in logs, in its parts', () => {
    const client = new PolytomicClient({ apiKey: API_KEY });
    expect(JSON.stringify(client)).toBe('{"baseUrl":"https://app.polytomic.com"}');
    expect(inspect(client)).toBe('PolytomicClient(https://app.polytomic.com)');
    const deep = { depth: 10, showHidden: true, getters: true, customInspect: false };
    for (const shown of [
      inspect(client, deep),
      inspect(client.models, deep),
      JSON.stringify(client.models),
      `${client}`,
    ]) {
      expect(shown).not.toContain(API_KEY);
    }
  });
});
