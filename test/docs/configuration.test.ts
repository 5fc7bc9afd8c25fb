import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { DEFAULT_TIMEOUT_MS } from '../../src/polytomic/client.ts';
import { temporalSettings } from '../../src/temporal/connection.ts';
import { workerSettings } from '../../src/worker-settings.ts';
import { codeSpans, page, section, tableRows } from './documents.ts';

const text = await page('docs/configuration.md');

/** Each variable of the page's tables. */
const documented = tableRows(text).map(([name = '']) => codeSpans(name)[0] ?? name);

/** The variables that the sources of this project read, each by its literal name. */
async function readBySources(): Promise<Set<string>> {
  const files = await readdir('src', { recursive: true });
  const found = new Set<string>();
  for (const file of files.filter((name) => name.endsWith('.ts'))) {
    const source = await readFile(join('src', file), 'utf8');
    for (const [, name = ''] of source.matchAll(/(?:\benv\[|\bgiven\(|\bwhole\()'(\w+)'/g)) found.add(name);
  }
  return found;
}

/** The variables that the SDK reads to find its server. */
async function readBySdk(): Promise<Set<string>> {
  const file = createRequire(import.meta.url).resolve('@temporalio/envconfig/lib/envconfig-toml.js');
  const source = await readFile(file, 'utf8');
  const names = [...source.matchAll(/envProvider\['(\w+)'\]/g)].map(([, name = '']) => name);
  const prefixes = [...source.matchAll(/PREFIX = '(\w+)'/g)].map(([, prefix]) => `${prefix}*`);
  return new Set([...names, ...prefixes]);
}

/** What the page gives as the default of a variable. */
function defaultOf(variable: string): string | undefined {
  const row = tableRows(text).find(([name = '']) => codeSpans(name)[0] === variable);
  return codeSpans(row?.[2] ?? '')[0];
}

describe('docs/configuration.md', () => {
  it('names exactly the variables that are read', async () => {
    const read = new Set([...(await readBySources()), ...(await readBySdk())]);
    expect([...documented].sort()).toEqual([...read].sort());
  });

  it('has the variables of the SDK under Temporal', async () => {
    const underTemporal = tableRows(section(text, '## Temporal')).map(([name = '']) => codeSpans(name)[0]);
    const read = await readBySdk();
    // The home directory belongs to other sections as well.
    read.delete('HOME');
    expect(underTemporal.sort()).toEqual([...read].sort());
  });

  it('gives the defaults that a worker has', () => {
    const { taskQueue, polytomic, secrets, shutdownGraceMs } = workerSettings({ POLYTOMIC_API_KEY: 'key' }, 'test');
    expect({
      AUDIENCE_TASK_QUEUE: taskQueue,
      POLYTOMIC_BASE_URL: polytomic.toJSON().baseUrl,
      POLYTOMIC_TIMEOUT_MS: String(DEFAULT_TIMEOUT_MS),
      AUDIENCE_SECRETS_ENV_PREFIXES: secrets.envPrefixes.join(','),
      AUDIENCE_SHUTDOWN_GRACE_MS: String(shutdownGraceMs),
    }).toEqual({
      AUDIENCE_TASK_QUEUE: defaultOf('AUDIENCE_TASK_QUEUE'),
      POLYTOMIC_BASE_URL: defaultOf('POLYTOMIC_BASE_URL'),
      POLYTOMIC_TIMEOUT_MS: defaultOf('POLYTOMIC_TIMEOUT_MS'),
      AUDIENCE_SECRETS_ENV_PREFIXES: defaultOf('AUDIENCE_SECRETS_ENV_PREFIXES'),
      AUDIENCE_SHUTDOWN_GRACE_MS: defaultOf('AUDIENCE_SHUTDOWN_GRACE_MS'),
    });
  });

  it('gives the health check the default address that it has', () => {
    const { health } = workerSettings({ POLYTOMIC_API_KEY: 'key', AUDIENCE_HEALTH_PORT: '0' }, 'test');
    expect(health?.host).toBe(defaultOf('AUDIENCE_HEALTH_HOST'));
  });

  it('gives the defaults that a connection to Temporal has', () => {
    const { address, namespace } = temporalSettings({});
    expect([address, namespace]).toEqual([defaultOf('TEMPORAL_ADDRESS'), defaultOf('TEMPORAL_NAMESPACE')]);
  });
});
