import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

/** Everything that a module of ours needs when it runs, directly or not: packages and built-ins by name. */
async function neededBy(file: string, seen = new Set<string>()): Promise<Set<string>> {
  if (seen.has(file)) return new Set();
  seen.add(file);
  const source = await readFile(file, 'utf8');
  const needed = new Set<string>();
  for (const [, specifier = ''] of source.matchAll(/^(?:import|export) (?!type )[^;]*?from '([^']+)';/gm)) {
    if (!specifier.startsWith('.')) needed.add(specifier);
    else for (const one of await neededBy(join(dirname(file), specifier), seen)) needed.add(one);
  }
  return needed;
}

describe('src/request/schema.ts', () => {
  it('needs zod alone, since it is bundled into the workflow sandbox', async () => {
    await expect(neededBy('src/request/schema.ts')).resolves.toEqual(new Set(['zod']));
  });

  it('is told apart from what needs Node', async () => {
    await expect(neededBy('src/request/load.ts')).resolves.toContain('node:fs/promises');
  });
});
