/** What the modules of this project import. */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** What a module imports before it runs, by the specifiers as they are written. An import of types is none: it is gone by then. */
export async function importsAtOnce(file: string): Promise<string[]> {
  const statements = (await codeOf(file)).matchAll(/^(?:import|export) (?!type )(?:[^;'"]*? from )?'([^']+)'/gm);
  return [...statements].map(([, specifier = '']) => specifier);
}

/** What a module imports at any time, also later, by `import('…')`. */
export async function imports(file: string): Promise<string[]> {
  const later = (await codeOf(file)).matchAll(/(?<!typeof )\bimport\('([^']+)'\)/g);
  return [...(await importsAtOnce(file)), ...[...later].map(([, specifier = '']) => specifier)];
}

async function codeOf(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).replace(/\/\*[\s\S]*?\*\//g, '');
}

/** Everything that a module of ours needs, directly or not: packages and built-ins by name. */
export async function neededBy(file: string, importsOf = imports, seen = new Set<string>()): Promise<Set<string>> {
  if (seen.has(file)) return new Set();
  seen.add(file);
  const needed = new Set<string>();
  for (const specifier of await importsOf(file)) {
    if (!specifier.startsWith('.')) needed.add(specifier);
    else for (const one of await neededBy(join(dirname(file), specifier), importsOf, seen)) needed.add(one);
  }
  return needed;
}

/** All source files. */
export async function sourceFiles(): Promise<string[]> {
  const names = await readdir('src', { recursive: true });
  return names.filter((name) => name.endsWith('.ts')).map((name) => join('src', name));
}
