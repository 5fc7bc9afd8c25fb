import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { imports, importsAtOnce, neededBy, sourceFiles } from '../support/imports.ts';
import { inTemporaryDirectory } from '../support/temporary-directory.ts';
import { codeSpans, page, section, tableRows } from './documents.ts';

/** The part of `src` that a file belongs to: its folder, or itself. */
function partOf(file: string): string {
  return file.split('/')[1] ?? '';
}

/** The package of a specifier; `Node` for all that comes with Node. */
function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return 'Node';
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

interface Arrows {
  ours: Set<string>;
  packages: Set<string>;
}

/** What each part of `src` really imports at run time. */
async function realArrows(): Promise<Map<string, Arrows>> {
  const parts = new Map<string, Arrows>();
  for (const file of await sourceFiles()) {
    const part = partOf(file);
    const arrows = parts.get(part) ?? { ours: new Set(), packages: new Set() };
    parts.set(part, arrows);
    for (const specifier of await imports(file)) {
      if (!specifier.startsWith('.')) arrows.packages.add(packageOf(specifier));
      else if (partOf(join(dirname(file), specifier)) !== part) arrows.ours.add(partOf(join(dirname(file), specifier)));
    }
  }
  return parts;
}

const text = await page('docs/architecture.md');
const rows = tableRows(section(text, '## Folders and their arrows')).map(([part = '', , ours = '', packages = '']) => ({
  part: codeSpans(part)[0] ?? part,
  ours: codeSpans(ours),
  packages: [...codeSpans(packages), ...(/\bNode$/.test(packages) ? ['Node'] : [])],
}));
const arrows = await realArrows();

describe('docs/architecture.md', () => {
  it('has a row for each part of src', () => {
    expect(rows.map(({ part }) => part).sort()).toEqual([...arrows.keys()].sort());
  });

  it.each(rows)('has the arrows that $part really has to other parts', ({ part, ours }) => {
    expect(ours.sort()).toEqual([...(arrows.get(part)?.ours ?? [])].sort());
  });

  it.each(rows)('has the packages that $part really imports', ({ part, packages }) => {
    expect(packages.sort()).toEqual([...(arrows.get(part)?.packages ?? [])].sort());
  });
});

describe('a part of src', () => {
  it.each(['polytomic', 'request', 'sandbox', 'processes'])('called %s imports no other', (part) => {
    expect(arrows.get(part)?.ours).toEqual(new Set());
  });

  it.each(['polytomic', 'request', 'sandbox', 'processes'])('called %s knows nothing of Temporal', (part) => {
    const packages = [...(arrows.get(part)?.packages ?? [])];
    expect(packages.filter((name) => name.startsWith('@temporalio/'))).toEqual([]);
  });
});

describe('a worker', () => {
  it('has no zod on its main thread, which takes a tenth of its memory and of its start', async () => {
    const needed = await neededBy('src/worker.ts', importsAtOnce);
    expect(needed).toContain('@temporalio/worker');
    expect(needed).not.toContain('zod');
  });
});

describe('what runs in the workflow sandbox', () => {
  it('needs no Node, directly or not', async () => {
    await expect(neededBy('src/workflows/audience-provisioning.ts')).resolves.toEqual(
      new Set(['zod', '@temporalio/common', '@temporalio/workflow']),
    );
  });

  it('takes of other folders two modules', async () => {
    const files = (await sourceFiles()).filter((file) => partOf(file) === 'workflows');
    const imported = await Promise.all(
      files.map(async (file) => (await imports(file)).map((specifier) => join(dirname(file), specifier))),
    );
    const others = imported.flat().filter((file) => file.startsWith('src/') && partOf(file) !== 'workflows');
    expect(new Set(others)).toEqual(new Set(['src/request/schema.ts', 'src/temporal/search-attributes.ts']));
  });

  it('has a schema that needs zod alone', async () => {
    await expect(neededBy('src/request/schema.ts')).resolves.toEqual(new Set(['zod']));
  });
});

describe('the client library', () => {
  it('loads neither the worker with its native part, nor the sandbox, nor the command line', async () => {
    const needed = [...(await neededBy('src/client.ts', importsAtOnce))];
    expect(needed).toContain('@temporalio/client');
    expect(needed.filter((name) => /worker|testing|duckdb|fastify|commander|log-update/.test(name))).toEqual([]);
  });
});

describe('what these tests take for an import', () => {
  it('is one of values, at once or later, and none of types', async () => {
    await inTemporaryDirectory(async (directory) => {
      const file = join(directory, 'src', 'module.ts');
      await mkdir(dirname(file));
      await writeFile(
        file,
        [
          "import type { A } from './type-of-a.ts';",
          "export type { B } from './type-of-b.ts';",
          "import { type C, d } from './with-a-type.ts';",
          "import {\n  e,\n  f,\n} from './several-lines.ts';",
          "export * from './all.ts';",
          "import './effect.ts';",
          "const late = () => import('./late.ts');",
          "type Late = typeof import('./type-of-late.ts');",
          "/** import('./comment.ts') */",
        ].join('\n'),
      );
      const atOnce = ['./with-a-type.ts', './several-lines.ts', './all.ts', './effect.ts'];
      await expect(importsAtOnce(file)).resolves.toEqual(atOnce);
      await expect(imports(file)).resolves.toEqual([...atOnce, './late.ts']);
    });
  });

  it('is found in modules that need Node', async () => {
    await expect(neededBy('src/request/load.ts')).resolves.toContain('node:fs/promises');
  });
});
