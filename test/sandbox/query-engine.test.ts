import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { QueryEngine } from '../../src/sandbox/query-engine.ts';

let engine: QueryEngine;
const directory = mkdtempSync(join(tmpdir(), 'query-test-'));
beforeAll(async () => {
  engine = await QueryEngine.start();
});
afterAll(() => {
  engine.close();
  rmSync(directory, { recursive: true });
});

const run = (query: string, { maxRows = 100_000, timeoutMs = 10_000 } = {}) =>
  engine.run(query, { maxRows, timeoutMs });

describe('the demo tables', () => {
  it('have the same rows in every sandbox', async () => {
    const query =
      'SELECT count(*) AS n, sum(hash(u)) AS h FROM users u UNION ALL SELECT count(*), sum(hash(c)) FROM companies c';
    const other = await QueryEngine.start();
    const second = await other.run(query, { maxRows: 10, timeoutMs: 10_000 });
    other.close();
    const first = await run(query);
    expect(first.rows).toEqual(second.rows);
    expect(first.rows.map(({ n }) => Number(n))).toEqual([4_000, 250]);
  });

  it('have what the walkthrough asks for, and rows that a sync counts as errors', async () => {
    const { columns } = await run('SELECT * FROM users');
    expect(columns.map(({ name, type }) => [name, type])).toEqual([
      ['user_id', 'number'],
      ['first_name', 'string'],
      ['last_name', 'string'],
      ['email', 'string'],
      ['company_id', 'number'],
      ['company', 'string'],
      ['job_title', 'string'],
      ['country', 'string'],
      ['active', 'boolean'],
      ['score', 'number'],
      ['created_at', 'datetime'],
    ]);
    const { rows } = await run(
      'SELECT count(*) - count(email) AS holes, count(email) - count(DISTINCT email) AS doubles, count(*) FILTER (active)::INTEGER AS active FROM users',
    );
    expect(Number(rows[0]?.['holes'])).toBe(40);
    expect(Number(rows[0]?.['doubles'])).toBe(0);
    expect(Number(rows[0]?.['active'])).toBeGreaterThan(300);
    expect(
      (await run('SELECT 1 AS one FROM users u JOIN companies c USING (company_id) WHERE c.name <> u.company')).rows,
    ).toEqual([]);
  });
});

describe('a query', () => {
  it('gives types in Polytomic’s words and values that are JSON', async () => {
    const { columns, rows } = await run(
      `SELECT 1::DECIMAL(10, 2) AS price, DATE '2024-02-08' AS day, [1, 2] AS list, {'a': 1} AS struct, true AS yes,
       TIMESTAMPTZ '2024-02-08 00:00:00+00' AS moment, 9007199254740993 AS big, NULL AS nothing, uuid() AS id`,
    );
    expect(columns.map(({ type }) => type)).toEqual([
      'number',
      'date',
      'array',
      'object',
      'boolean',
      'datetime',
      'number',
      'number',
      'string',
    ]);
    expect(JSON.parse(JSON.stringify(rows))).toEqual(rows);
    expect(rows[0]).toMatchObject({ price: '1.00', big: '9007199254740993', nothing: null, yes: true });
  });

  it('may end in a semicolon, begin with a comment, or be WITH or FROM', async () => {
    for (const query of [
      'SELECT 1 AS a;',
      'SELECT 1 AS a; -- x',
      'SELECT 1 AS a /* ; */ ; /* x */ ',
      '-- x\nSELECT 1 AS a',
      'WITH t AS (SELECT 1 AS a) SELECT a FROM t',
      'FROM (SELECT 1 AS a)',
    ]) {
      expect((await run(query)).rows).toEqual([{ a: 1 }]);
    }
  });

  it('keeps a semicolon in a text or a name, whatever follows it', async () => {
    const columns = `';--' AS a, 'it''s; --' AS "b;--", E'\\';' AS c, $$it's$$ AS d -- ; 'x`;
    const row = { a: ';--', 'b;--': "it's; --", c: "';", d: "it's" };
    expect((await run(`SELECT ${columns}`)).rows).toEqual([row]);
    expect((await run("SELECT E'\\';' AS c; -- 'y'")).rows).toEqual([{ c: "';" }]);
    expect((await run("SELECT ';--' AS a /* it's ; */; -- y")).rows).toEqual([{ a: ';--' }]);
  });

  it('may begin or end with more comments than anybody writes', async () => {
    const comments = '/* x */ -- y; -- z\n'.repeat(1_000);
    expect((await run(`${comments}SELECT 1 AS a;${comments}`)).rows).toEqual([{ a: 1 }]);
    await expect(run(comments)).rejects.toMatchObject({ message: 'the query is empty' });
  });

  it('returns as many rows as were asked for, and tells whether there are more', async () => {
    expect(await run('SELECT i FROM range(10) t(i)', { maxRows: 3 })).toMatchObject({ rows: [{}, {}, {}], more: true });
    const all = await run('SELECT i FROM range(5000) t(i)', { maxRows: 5_000 });
    expect([all.rows.length, all.more]).toEqual([5_000, false]);
  });

  it.each([
    ['SELECT nope FROM users', 'nope'],
    ['SELEC 1', 'syntax error'],
    ['', 'is empty'],
    ['-- nothing', 'is empty'],
    ['SELECT 1; SELECT 2', '2 statements'],
    ['SELECT 1 AS a, 2 AS a', 'two columns named "a"'],
    ['SELECT $1 AS a', 'no parameters'],
    ['DELETE FROM users', 'must be a SELECT, not DELETE'],
    ['DROP TABLE users', 'must be a SELECT, not DROP'],
    ['INSERT INTO users (user_id) VALUES (1)', 'must be a SELECT, not INSERT'],
    ['EXPLAIN SELECT 1', 'must be a SELECT, not EXPLAIN'],
    ['SET threads = 4', 'must be a SELECT, not'],
    ["ATTACH '/tmp/x.duckdb'", 'must be a SELECT, not ATTACH'],
    ['CREATE TABLE t AS SELECT 1', 'must be a SELECT, not CREATE'],
    ["SELECT CAST('x' AS INTEGER) AS a", 'Could not convert'],
    [
      "SELECT CAST(CASE WHEN i = 99000 THEN 'x' ELSE '1' END AS INTEGER) AS a FROM range(99999) t(i)",
      'Could not convert',
    ],
  ])('is an error in the engine’s words, or by a rule of the sandbox: %s', async (query, message) => {
    await expect(run(query)).rejects.toMatchObject({
      name: 'QueryError',
      reason: 'query',
      message: expect.stringContaining(message),
    });
  });

  it('reaches no file, reading or writing, and no setting', async () => {
    const file = join(directory, 'secret.csv');
    writeFileSync(file, 'a\n1\n');
    for (const query of [
      `SELECT * FROM read_csv('${file}')`,
      `SELECT * FROM '${file}'`,
      `SELECT content FROM read_text('${file}')`,
      `SELECT * FROM glob('${directory}/*')`,
      `COPY users TO '${join(directory, 'out.csv')}'`,
      'PRAGMA enable_external_access = true',
    ]) {
      await expect(run(query)).rejects.toMatchObject({ name: 'QueryError' });
    }
    expect(existsSync(join(directory, 'out.csv'))).toBe(false);
  });

  it('is stopped when its time is up, and the engine goes on', async () => {
    const endless = 'SELECT count(*) AS n FROM range(1000000000) a, range(1000000000) b';
    await expect(run(endless, { timeoutMs: 100 })).rejects.toMatchObject({ reason: 'time-out' });
    await expect(run('/* sandbox: takes 60s */ SELECT 1 AS a', { timeoutMs: 50 })).rejects.toMatchObject({
      reason: 'time-out',
    });
    expect((await run('SELECT 1 AS a')).rows).toEqual([{ a: 1 }]);
  });

  it('takes no more memory than for the rows that were asked for', async () => {
    const query = "SELECT repeat('x', 100000) || i AS a FROM range(100000000) t(i)";
    expect(await run(query, { maxRows: 10 })).toMatchObject({ rows: { length: 10 }, more: true });
  });

  it('is stopped when it needs more than the engine’s memory', async () => {
    const query = "SELECT length(string_agg(repeat('x', 100000), '')) AS a FROM range(100000)";
    await expect(run(query)).rejects.toMatchObject({ reason: 'query', message: expect.stringContaining('memory') });
  });
});
