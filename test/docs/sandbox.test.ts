import { describe, expect, it } from '@jest/globals';
import fetch from 'node-fetch';
import { apiRoutes } from '../../src/sandbox/app.ts';
import { COMPANY_COUNT, USER_COUNT } from '../../src/sandbox/demo-tables.ts';
import { PLANNED_FAULTS } from '../../src/sandbox/fault-plan.ts';
import { AD_ACCOUNTS, REFRESH_TOKEN } from '../../src/sandbox/linkedin.ts';
import { RequestLog } from '../../src/sandbox/request-log.ts';
import type { World } from '../../src/sandbox/world.ts';
import { newSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';
import { blocksOf, codeSpans, page, section, tableRows } from './documents.ts';

const text = await page('docs/sandbox.md');
const blocks = (heading: string, language: string) =>
  blocksOf(section(text, heading))
    .filter((block) => block.language === language)
    .map((block) => block.text);

/** The first code span of each row of a section's tables. */
const documented = (heading: string) =>
  tableRows(section(text, heading)).map(([cell = '']) => codeSpans(cell)[0] ?? cell);

describe('docs/sandbox.md', () => {
  it('lists exactly the calls of the API that there are', () => {
    // Routes are only listed here, and none of them is called.
    const routes = apiRoutes({} as World).map(({ method, path }) => `${method} ${path}`);
    expect(documented('## Calls').sort()).toEqual(routes.sort());
  });

  it('lists calls of the side API that are there', async () => {
    const { url } = await newSandbox();
    const calls = documented('## The side API').filter((call) => call.includes(' /'));
    const statuses = await Promise.all(
      calls.map(async (call) => {
        const [method = '', path = ''] = call.split(' ');
        return [call, (await fetch(url + path, { method })).status === 404];
      }),
    );
    expect(statuses).toEqual(calls.map((call) => [call, false]));
    expect(calls).toHaveLength(10);
  });

  it('gives examples of faults that the sandbox takes, each field in one of them', async () => {
    const sandbox = await newSandbox();
    const faults = blocks('## The side API', 'json')
      .flatMap((block) => block.trim().split('\n'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    for (const fault of faults) await sandbox.fault(fault);
    const used = faults.flatMap(({ match = {}, ...rest }) => [
      ...Object.keys(rest),
      ...Object.keys(match as object).map((key) => `match.${key}`),
    ]);
    const fields = documented('## The side API').filter((name) => !name.includes(' /'));
    expect([...new Set(used)].sort()).toEqual(fields.sort());
  });

  it('lists exactly the fields that a fault has', async () => {
    const { url } = await newSandbox();
    const all = { match: { method: 'GET', path: '/api/me' }, status: 429, retryAfter: 1, times: 1 };
    const answer = await fetch(`${url}/_sandbox/faults`, {
      method: 'POST',
      body: JSON.stringify(all),
      headers: { 'content-type': 'application/json' },
    });
    const { data } = (await answer.json()) as { data: Record<string, unknown> };
    const fields = documented('## The side API').filter((name) => !name.includes(' /'));
    const kept = Object.keys(data).filter((name) => name !== 'id');
    expect(fields.map((field) => field.replace('match.', '')).sort()).toEqual(kept.sort());
  });

  it('lists exactly the faults of a plan in their order, and the fields that it has, with an example and defaults', async () => {
    const { url } = await newSandbox();
    const set = async (body: string) => {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${url}/_sandbox/fault-plan`, { method: 'PUT', body, headers });
      return ((await answer.json()) as { data: Record<string, unknown> }).data;
    };
    const heading = '## A fault plan';
    const [example = ''] = blocks(heading, 'json');
    expect(await set(example)).toEqual({ ...JSON.parse(example), sites: [] });
    const defaults = await set('{ "seed": "7", "share": 0.05 }');
    const [fields, faults] = [documented(heading).slice(0, 6), documented(heading).slice(6)];
    expect([...fields, 'sites'].sort()).toEqual(Object.keys(defaults).sort());
    expect(faults).toEqual(PLANNED_FAULTS);
    const told = tableRows(section(text, heading)).map(([field = '', , value = '']) => [field, value]);
    for (const field of ['latencyMs', 'lateMs']) expect(told).toContainEqual([`\`${field}\``, String(defaults[field])]);
  });

  it('lists exactly the fields that an entry of the effects can have', async () => {
    const sandbox = await newSandbox();
    const { id } = await sandbox.polytomic.connections.create(
      { name: 'LinkedIn', type: 'linkedinads', configuration: {} },
      { idempotencyKey: 'effects-of-one-call' },
    );
    const { data } = (await (await fetch(`${sandbox.url}/_sandbox/effects`)).json()) as { data: object[] };
    expect(data).toMatchObject([{ id }]);
    expect([...Object.keys(data[0] ?? {}), 'parent', 'cause'].sort()).toEqual(
      documented('## What was made and deleted').sort(),
    );
  });

  it('names the rows, accounts, token and numbers that there are', () => {
    const here = section(text, '## What is there');
    expect(here).toContain(`table \`users\`, ${USER_COUNT} rows`);
    expect(here).toContain(`table \`companies\`, ${COMPANY_COUNT} rows`);
    for (const { label } of AD_ACCOUNTS) expect(here).toContain(`\`${label}\``);
    expect(here).toContain(`\`${REFRESH_TOKEN}\``);
    expect(section(text, '## The side API')).toContain(`the newest ${RequestLog.LIMIT},`);
  });

  it('names the columns that the tables have', async () => {
    const { polytomic } = await newSandbox();
    const snowflake = await polytomic.connections.create(
      {
        name: 'Snowflake',
        type: 'snowflake',
        configuration: { account: 'uc193736182', username: 'user', password: 'secret', dbname: 'database' },
      },
      { idempotencyKey: 'columns-of-the-tables' },
    );
    for (const table of ['users', 'companies']) {
      const model = await polytomic.models.create(
        { name: table, connection_id: snowflake.id, configuration: { query: `SELECT * FROM ${table}` } },
        { idempotencyKey: `columns-of-${table}` },
      );
      const [, columns = ''] =
        tableRows(section(text, '## What is there')).find(([what]) => what?.includes(`\`${table}\``)) ?? [];
      expect(codeSpans(columns)).toEqual(model.fields.map(({ name }) => name));
    }
  });

  it('has a walkthrough that goes through, from the first call to the members of the new audience', async () => {
    const sandbox = await newSandbox();
    const [walkthrough = ''] = blocks('## The walkthrough against it', 'sh');
    const variables = new Map<string, string>();
    const filled = (word: string) => word.replace(/\$([A-Z_]+)/g, (_, name: string) => variables.get(name) ?? '');
    let answered: { data?: Record<string, unknown> } = {};
    let calls = 0;
    for (const line of walkthrough.split('\n')) {
      const [, variable, field] = /^([A-Z_]+)=…\s*# data\.(\w+)/.exec(line) ?? [];
      const [, method, path = '', single, double] = /^api (\w+) "?([^" ]+)"?(?: (?:'(.*)'|"(.*)"))?$/.exec(line) ?? [];
      if (variable !== undefined && field !== undefined) {
        variables.set(variable, String(answered.data?.[field]));
      } else if (method !== undefined) {
        const body = single ?? (double === undefined ? undefined : filled(double).replaceAll('\\"', '"'));
        const answer = await fetch(sandbox.url + filled(path), {
          method,
          headers: { authorization: `Bearer ${sandbox.apiKey}`, 'content-type': 'application/json' },
          ...(body === undefined ? {} : { body }),
        });
        answered = (await answer.json()) as typeof answered;
        expect({ line, status: answer.status }).toEqual({ line, status: 200 });
        calls += 1;
      } else if (line.startsWith('curl ')) {
        const [, form = '', url = ''] = /--data (\S+) "([^"]+)"/.exec(line) ?? [];
        const answer = await fetch(filled(url), { method: 'POST', body: new URLSearchParams(form) });
        expect(answer.status).toBe(200);
      }
    }
    expect(calls).toBe(walkthrough.split('\n').filter((line) => line.startsWith('api ')).length);
    const audience = await until('the new audience has members', async () => {
      const { audiences } = await sandbox.state();
      return (audiences as Array<{ name: string; member_count: number }>).find(
        ({ name, member_count }) => name === 'New audience' && member_count > 0,
      );
    });
    expect(audience.member_count).toBe(USER_COUNT - USER_COUNT / 100);
  });
});
