import { describe, expect, it } from '@jest/globals';
import { startSandbox } from '../../src/sandbox/listen.ts';
import { createLinkedIn, createSignedIn, decide, runningSandbox } from './running-sandbox.ts';

const sandbox = runningSandbox();
const connection = async (id: string) => (await sandbox.call('GET', `/api/connections/${id}`)).body.data;

describe('the consent page', () => {
  it('asks with a form that posts to itself, and loads and runs nothing', async () => {
    const { authUrl } = await createLinkedIn(sandbox);
    const response = await fetch(authUrl);
    const page = await response.text();
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    expect(page).toMatch(/<form method="post">/);
    expect(page).toMatch(/<button[^>]*name="decision" value="allow">Allow/);
    expect(page).toMatch(/<button[^>]*name="decision" value="deny">Deny/);
    expect(page).toContain('<html lang="en">');
    expect(page).not.toMatch(/<script|src=|href=/);
  });

  it('escapes the name of the connection', async () => {
    const { authUrl } = await createLinkedIn(sandbox, { name: `<img src=x onerror="a('&')">` });
    const page = await (await fetch(authUrl)).text();
    expect(page).toContain('&lt;img src=x onerror=&quot;a(&#39;&amp;&#39;)&quot;&gt;');
    expect(page).not.toContain('<img');
  });

  it('may be looked at as often as one likes', async () => {
    const { authUrl } = await createLinkedIn(sandbox);
    for (let n = 0; n < 3; n += 1) expect((await fetch(authUrl)).status).toBe(200);
  });

  it('is a 404 with another state, without one, and for another connection', async () => {
    const { id, authUrl } = await createLinkedIn(sandbox);
    const other = await createLinkedIn(sandbox, { name: 'Other' });
    const state = new URL(authUrl).searchParams.get('state');
    for (const path of [`${id}?state=guess`, id, `${other.id}?state=${state}`, `nope?state=${state}`]) {
      const response = await fetch(`${sandbox.url}/_sandbox/consent/${path}`);
      expect(response.status).toBe(404);
      expect(await response.text()).toContain('does not work any more');
    }
    expect((await decide(`${sandbox.url}/_sandbox/consent/${other.id}?state=${state}`, 'allow')).status).toBe(404);
    expect((await connection(other.id)).status).toBe('unhealthy');
  });
});

describe('allowing', () => {
  it('makes the connection healthy, says who is signed in, and ends with a closing page', async () => {
    const { id, authUrl } = await createLinkedIn(sandbox);
    const response = await decide(authUrl, 'allow');
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('You are signed in');
    expect(await connection(id)).toMatchObject({
      status: 'healthy',
      configuration: { connected_user: expect.any(String) },
    });
  });

  it('goes on to redirect_url, with the outcome and what its query had', async () => {
    const { authUrl } = await createLinkedIn(sandbox, { redirect_url: 'https://example.com/done?a=1#top' });
    const response = await decide(authUrl, 'allow');
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe('https://example.com/done?a=1&status=success#top');
  });

  it('works once', async () => {
    const { authUrl } = await createLinkedIn(sandbox);
    const [first, second] = await Promise.all([decide(authUrl, 'allow'), decide(authUrl, 'allow')]);
    expect([first.status, second.status].toSorted()).toEqual([200, 404]);
    expect((await fetch(authUrl)).status).toBe(404);
  });
});

describe('allowing as a user with many ad accounts', () => {
  it('offers those of the usual user and a hundred more, two of them with the same label', async () => {
    const { id, authUrl } = await createLinkedIn(sandbox);
    const body = new URLSearchParams({ decision: 'allow', user: 'many-accounts' });
    expect((await fetch(authUrl, { method: 'POST', body })).status).toBe(200);
    const { values } = (await sandbox.call('GET', `/api/connections/${id}/parameter_values`)).body.data.accounts;
    expect(values).toHaveLength(103);
    expect(new Set(values.map(({ value }: { value: string }) => value)).size).toBe(103);
    expect(new Set(values.map(({ label }: { label: string }) => label)).size).toBe(102);
  });
});

describe('allowing as a user without ad accounts', () => {
  const asNobody = (authUrl: string) =>
    fetch(authUrl, { method: 'POST', body: new URLSearchParams({ decision: 'allow', user: 'no-accounts' }) });

  it('is a button of its own on the page', async () => {
    const { authUrl } = await createLinkedIn(sandbox);
    const page = await (await fetch(authUrl)).text();
    expect(page).toMatch(/<button[^>]*name="user" value="no-accounts">Allow as a user without ad accounts/);
  });

  it('signs in somebody else, who can choose no account', async () => {
    const { id, authUrl } = await createLinkedIn(sandbox);
    expect((await asNobody(authUrl)).status).toBe(200);
    expect(await connection(id)).toMatchObject({
      status: 'healthy',
      configuration: { connected_user: 'Robin Sandbox' },
    });
    const { body } = await sandbox.call('GET', `/api/connections/${id}/parameter_values`);
    expect(body.data.accounts.values).toEqual([]);
  });

  it('takes the accounts from a connection that had some, until the usual user is back', async () => {
    const id = await createSignedIn(sandbox);
    const reconnected = async () => {
      const { configuration } = await connection(id);
      const change = { name: 'L', configuration, reconnect: true };
      return (await sandbox.call('PUT', `/api/connections/${id}`, { ...change, validate: false })).body.data.auth_url;
    };
    await asNobody(await reconnected());
    expect((await connection(id)).status_error).toMatch('has no LinkedIn ad account');
    await decide(await reconnected(), 'allow');
    expect((await connection(id)).status).toBe('healthy');
  });
});

describe('denying', () => {
  it('leaves the connection unsigned, and uses the link up', async () => {
    const { id, authUrl } = await createLinkedIn(sandbox, { redirect_url: 'https://example.com/done' });
    const response = await decide(authUrl, 'deny');
    expect(response.headers.get('location')).toBe('https://example.com/done?status=denied&error=user_cancelled_login');
    expect((await connection(id)).status).toBe('unhealthy');
    expect((await decide(authUrl, 'allow')).status).toBe(404);
  });

  it('ends with a closing page where there is nowhere to go', async () => {
    const { authUrl } = await createLinkedIn(sandbox);
    expect(await (await decide(authUrl, 'deny')).text()).toContain('You did not sign in');
  });

  it('does not sign out somebody who was signed in', async () => {
    const id = await createSignedIn(sandbox);
    const { body } = await sandbox.call('PUT', `/api/connections/${id}`, {
      name: 'L',
      configuration: {},
      reconnect: true,
    });
    await decide(body.data.auth_url, 'deny');
    expect((await connection(id)).status).toBe('healthy');
  });
});

describe('a newer link', () => {
  it('makes the older one useless', async () => {
    const { id, authUrl } = await createLinkedIn(sandbox);
    const { body } = await sandbox.call('PUT', `/api/connections/${id}`, {
      name: 'L',
      configuration: {},
      reconnect: true,
    });
    expect((await decide(authUrl, 'allow')).status).toBe(404);
    expect((await connection(id)).status).toBe('unhealthy');
    expect((await decide(body.data.auth_url, 'allow')).status).toBe(200);
    expect((await connection(id)).status).toBe('healthy');
  });
});

describe('a post that is no decision', () => {
  it('is a 400, and the link can still be used', async () => {
    const { authUrl } = await createLinkedIn(sandbox);
    expect((await decide(authUrl, 'maybe')).status).toBe(400);
    expect((await fetch(authUrl, { method: 'POST' })).status).toBe(400);
    expect((await decide(authUrl, 'allow')).status).toBe(200);
  });
});

describe('a sandbox that browsers reach elsewhere than its callers do', () => {
  const published = runningSandbox({ publicUrl: 'http://localhost:4000/' });

  it('gives sign-in links that lead to the public URL, and serves them', async () => {
    const { id, authUrl } = await createLinkedIn(published);
    expect(authUrl).toMatch(new RegExp(`^http://localhost:4000/_sandbox/consent/${id}\\?state=`));
    const { pathname, search } = new URL(authUrl);
    expect((await fetch(`${published.url}${pathname}${search}`)).status).toBe(200);
  });

  it.each(['localhost:4000', 'javascript:alert(1)', 'http://'])('refuses the public URL %s', async (publicUrl) => {
    await expect(startSandbox({ stateDir: 'never-made', apiKey: 'key', publicUrl })).rejects.toThrow(
      'must begin with http:// or https://',
    );
  });
});
