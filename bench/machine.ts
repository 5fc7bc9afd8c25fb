/** What the figures were taken on. */
import { readFile } from 'node:fs/promises';
import { cpus, release, type as system, totalmem } from 'node:os';
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

/** How the embedded server is set, beyond the defaults of Temporal's development server. */
export const EMBEDDED_SERVER = { program: 'temporal server start-dev', database: 'SQLite file', settings: TUNING };

async function versionOf(name: string): Promise<string> {
  const text = await readFile(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
