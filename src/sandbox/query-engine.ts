/**
 * Runs model queries. The demo tables live in a DuckDB of their own, in memory: a query reaches neither the sandbox's state
 * nor a file nor the network, and changes nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type DuckDBConnection, DuckDBInstance, type DuckDBPreparedStatement, StatementType } from '@duckdb/node-api';
import { createDemoTables } from './demo-tables.ts';
import { messageOf } from './failure.ts';

/** A query that cannot be run. The message is the engine's own, or says which rule of the sandbox it breaks. */
export class QueryError extends Error {
  /** `time-out`: it did not end in time. `query`: there is something wrong with it. */
  readonly reason: 'time-out' | 'query';

  constructor(reason: 'time-out' | 'query', message: string) {
    super(message);
    this.name = 'QueryError';
    this.reason = reason;
  }
}

export interface QueryColumn {
  name: string;
  /** The type in Polytomic's words: string, number, boolean, date, datetime, array, object. */
  type: string;
  /** The type in the engine's words, e.g. `DECIMAL(10,2)`. */
  remote_type: string;
}

export interface QueryResult {
  columns: QueryColumn[];
  /** Rows by column name. Values are JSON: numbers too large for a number, dates and times are texts. */
  rows: Array<Record<string, unknown>>;
}

/** A query may hold back its result, to be slow on purpose: `/* sandbox: takes 3s *\/`. */
const TAKES = /\/\*\s*sandbox:\s*takes\s+(\d+(?:\.\d+)?)\s*(ms|s)\s*\*\//i;

export class QueryEngine {
  readonly #instance: DuckDBInstance;
  readonly #running = new Set<AbortController>();

  private constructor(instance: DuckDBInstance) {
    this.#instance = instance;
  }

  /** Makes the demo tables, then shuts the engine's doors: no files, no network, no change of settings. */
  static async start(): Promise<QueryEngine> {
    const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '512MB' });
    const connection = await instance.connect();
    await createDemoTables(connection);
    await connection.run('SET enable_external_access = false');
    await connection.run('SET lock_configuration = true');
    connection.closeSync();
    return new QueryEngine(instance);
  }

  /**
   * Runs one SELECT and returns its columns and at most `maxRows` rows; `more` says whether there would have been others.
   * Throws {@link QueryError}, after `timeoutMs` in any case.
   */
  async run(
    query: string,
    { maxRows, timeoutMs }: { maxRows: number; timeoutMs: number },
  ): Promise<QueryResult & { more: boolean }> {
    const connection = await this.#instance.connect();
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), timeoutMs);
    stop.signal.addEventListener('abort', () => connection.interrupt());
    this.#running.add(stop);
    try {
      const takes = TAKES.exec(query);
      if (takes !== null) {
        await sleep(Number(takes[1]) * (takes[2] === 's' ? 1_000 : 1), undefined, { signal: stop.signal });
      }
      await connection.run('BEGIN TRANSACTION READ ONLY');
      const statement = await prepareSelect(connection, query);
      // In a query around it, columns of one name would be given others.
      refuseDuplicates(columnNames(statement));
      // Not streamed: a stream that breaks half-way ends like one that is complete (seen with node-api 1.5.6). Limited,
      // since what is not streamed is held in memory whole, and counts towards no memory limit of the engine.
      const reader = await connection.runAndReadAll(
        `SELECT * FROM (\n${withoutSemicolon(query)}\n) LIMIT ${maxRows + 1}`,
      );
      const names = reader.columnNames();
      const types = reader.columnTypes();
      const columns = names.map((name, index) => {
        const remote_type = String(types[index]);
        return { name, type: polytomicType(remote_type), remote_type };
      });
      const rows = reader.getRowObjectsJson();
      return { columns, rows: rows.slice(0, maxRows), more: rows.length > maxRows };
    } catch (error) {
      if (stop.signal.aborted) throw new QueryError('time-out', `the query did not end within ${timeoutMs / 1_000} s`);
      if (error instanceof QueryError) throw error;
      throw new QueryError('query', messageOf(error));
    } finally {
      clearTimeout(timer);
      this.#running.delete(stop);
      connection.closeSync();
    }
  }

  /** Stops what runs and closes the engine. */
  close(): void {
    for (const stop of this.#running) stop.abort();
    this.#instance.closeSync();
  }
}

async function prepareSelect(connection: DuckDBConnection, query: string): Promise<DuckDBPreparedStatement> {
  // To nothing at all the engine says only "Error in native callback" (node-api 1.5.6).
  if (BLANK.test(query)) throw new QueryError('query', 'the query is empty');
  const statements = await connection.extractStatements(query);
  if (statements.count !== 1) {
    throw new QueryError('query', `the query must be one SELECT statement, and it has ${statements.count} statements`);
  }
  const statement = await statements.prepare(0);
  if (statement.statementType !== StatementType.SELECT) {
    throw new QueryError('query', `the query must be a SELECT, not ${StatementType[statement.statementType]}`);
  }
  if (statement.parameterCount > 0) throw new QueryError('query', 'the query must have no parameters');
  return statement;
}

function columnNames(statement: DuckDBPreparedStatement): string[] {
  return Array.from({ length: statement.columnCount }, (_, index) => statement.columnName(index));
}

/** A comment. It can be read in one way only: a choice of ends would take for ever on a query that begins with thirty of them. */
const COMMENT = String.raw`--[^\n]*(?:\n|$)|/\*(?:[^*]|\*(?!/))*\*/`;

/** White space and comments, or nothing. */
const BLANK = new RegExp(String.raw`^(?:\s|${COMMENT})*$`);

/** All before the first semicolon that is in no text, name or comment. A text such as `E'\''` ends at a quote without a backslash. */
const STATEMENT = new RegExp(String.raw`^(?:e'(?:[^'\\]|\\[\s\S])*'|'[^']*'|"[^"]*"|${COMMENT}|[^;'"])*`, 'i');

/** A single statement without the semicolon at its end, and what comes after it. */
function withoutSemicolon(query: string): string {
  const statement = STATEMENT.exec(query)?.[0] ?? '';
  return query[statement.length] === ';' ? statement : query;
}

function refuseDuplicates(names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new QueryError(
      'query',
      `the query returns two columns named "${twice}": give one of them another name with AS`,
    );
  }
}

function polytomicType(remote: string): string {
  if (remote.endsWith(']')) return 'array';
  if (/^(STRUCT|MAP|UNION)\b/.test(remote)) return 'object';
  if (remote === 'BOOLEAN') return 'boolean';
  if (remote === 'DATE') return 'date';
  if (remote.startsWith('TIMESTAMP')) return 'datetime';
  if (/^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\(.*\)|BIGNUM)$/.test(remote)) return 'number';
  return 'string';
}
