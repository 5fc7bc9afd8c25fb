/** What the figures were taken on. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { cpus, release, type as system, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { TUNING } from '../src/temporal/embedded-server.ts';

/** A machine, and the versions of what runs on it. */
export interface Machine {
  processor: string;
  cores: number;
  memoryGib: number;
  system: string;
  node: string;
  /** Of the packages that matter to the figures. */
  packages: Record<string, string>;
}

const PACKAGES = ['@temporalio/worker', '@temporalio/client', 'node-fetch', 'zod', '@duckdb/node-api', 'fastify'];

/** This machine. */
export async function describeMachine(): Promise<Machine> {
  const processors = cpus();
  const versions = await Promise.all(PACKAGES.map(async (name) => [name, await versionOf(name)] as const));
  return {
    processor: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGib: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    system: `${system()} ${release()}`,
    node: process.version,
    packages: Object.fromEntries(versions),
  };
}

/** The commit that is measured; results and the page that is filled from them do not make it another one. */
export async function measuredCommit(): Promise<string | undefined> {
  const run = promisify(execFile);
  const options = { cwd: fileURLToPath(new URL('..', import.meta.url)) };
  try {
    const { stdout: commit } = await run('git', ['rev-parse', '--short', 'HEAD'], options);
    const others = ['.', ':!bench/results', ':!docs'];
    const { stdout: changes } = await run('git', ['status', '--porcelain', '--', ...others], options);
    return changes === '' ? commit.trim() : `${commit.trim()}-dirty`;
  } catch {
    return undefined;
  }
}

/** How the embedded server is set, beyond the defaults of Temporal's development server. */
export const EMBEDDED_SERVER = { program: 'temporal server start-dev', database: 'SQLite file', settings: TUNING };

async function versionOf(name: string): Promise<string> {
  const text = await readFile(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
