/**
 * The walkthrough as a script: its ten calls, one after the other. What a user would write instead of running the program.
 * Alone: `node --import tsx bench/script.ts http://127.0.0.1:4000 KEY NAME`.
 */
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fetch from 'node-fetch';

/** Makes the ten calls; `signIn` is the person in the middle. Returns how long the calls took, without the person, in ms. */
export async function runScript(
  baseUrl: string,
  apiKey: string,
  name: string,
  signIn: (link: string) => Promise<void>,
): Promise<number> {
  // biome-ignore lint/suspicious/noExplicitAny: a script looks into answers as they come
  const call = async (method: string, path: string, body?: unknown): Promise<any> => {
    const answer = await fetch(`${baseUrl}/api/${path}`, {
      method,
      headers: {
        accept: 'application/json',
        'content-type': 'application/json',
        'X-Polytomic-Version': '2024-02-08',
        Authorization: `Bearer ${apiKey}`,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${await answer.text()}`);
    return answer.json();
  };

  const startedAt = performance.now();
  const { data: snowflake } = await call('POST', 'connections', {
    name: `Snowflake ${name}`,
    type: 'snowflake',
    configuration: { account: 'uc193736182', username: 'user', password: 'secret', dbname: 'database' },
  });
  const { data: linkedin } = await call('POST', 'connections', {
    name: `LinkedIn ${name}`,
    type: 'linkedinads',
    configuration: {},
  });

  const askedAt = performance.now();
  await signIn(linkedin.auth_url);
  const signedInAt = performance.now();

  const parameters = await call('GET', `connections/${linkedin.id}/parameter_values`);
  const [account] = parameters.data.accounts.values;
  await call('POST', `connections/${linkedin.id}`, {
    type: 'linkedinads',
    name: `LinkedIn ${name}`,
    configuration: { accounts: [account] },
  });
  const { data: model } = await call('POST', 'models', {
    name: `Users ${name}`,
    connection_id: snowflake.id,
    configuration: { query: 'SELECT first_name, last_name, email FROM users' },
  });
  const targets = `connections/${linkedin.id}/modelsync/targetobjects`;
  const { data: audiences } = await call('GET', targets);
  const audience = audiences.find((one: { name: string }) => one.name.endsWith('Polytomic-Created Company List'));
  const { data: accounts } = await call('GET', `${targets}/properties/account`);
  const { data: types } = await call('GET', `${targets}/properties/type`);
  const mapping = {
    mode: 'create',
    identity: { source: { field: 'email', model_id: model.id }, target: 'Email', function: 'equality' },
    fields: [
      { source: { field: 'first_name', model_id: model.id }, target: 'FirstName' },
      { source: { field: 'last_name', model_id: model.id }, target: 'LastName' },
    ],
    schedule: { frequency: 'manual' },
  };
  await call('POST', 'syncs', {
    ...mapping,
    name: `Existing ${name}`,
    target: { connection_id: linkedin.id, object: audience.id },
  });
  const type = types.values.find((one: { value: string }) => one.value === 'user_audience').value;
  await call('POST', 'syncs', {
    ...mapping,
    name: `New ${name}`,
    target: { connection_id: linkedin.id, create: { name, type, account: accounts.values[0].value } },
  });
  return performance.now() - startedAt - (signedInAt - askedAt);
}

const program = process.argv[1];
if (program !== undefined && realpathSync(program) === fileURLToPath(import.meta.url)) {
  const [baseUrl = '', apiKey = '', name = ''] = process.argv.slice(2);
  const ms = await runScript(baseUrl, apiKey, name, async (link) => {
    const body = new URLSearchParams({ decision: 'allow' });
    const answer = await fetch(link, { method: 'POST', body, redirect: 'manual' });
    if (answer.status >= 400) throw new Error(`the consent page answered ${answer.status}`);
  });
  console.log(JSON.stringify({ ms }));
}
