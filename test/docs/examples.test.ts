/** The TypeScript examples, checked as in a project that has installed this package. Uses what `npm run build` made. */
import { execFile } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { inTemporaryDirectory } from '../support/temporary-directory.ts';
import { blocksOf, PAGES, page } from './documents.ts';

const SETTINGS = {
  compilerOptions: {
    target: 'ES2023',
    module: 'NodeNext',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noPropertyAccessFromIndexSignature: true,
    skipLibCheck: true,
    noEmit: true,
  },
};

/** What the compiler says to these files, each by its name. */
async function faultsOf(files: Map<string, string>): Promise<string> {
  return inTemporaryDirectory(async (directory) => {
    const packages = join(directory, 'node_modules');
    await mkdir(packages);
    await symlink(resolve('.'), join(packages, 'audience-provisioning'));
    for (const name of ['@types', '@temporalio']) await symlink(resolve('node_modules', name), join(packages, name));
    await writeFile(join(directory, 'package.json'), JSON.stringify({ type: 'module' }));
    await writeFile(join(directory, 'tsconfig.json'), JSON.stringify(SETTINGS));
    for (const [name, source] of files) await writeFile(join(directory, name), source);
    const args = [resolve('node_modules/typescript/bin/tsc'), '-p', '.'];
    return new Promise((done) => {
      execFile(process.execPath, args, { cwd: directory }, (_, stdout, stderr) => done(stdout + stderr));
    });
  });
}

const examples = new Map<string, string>();
for (const path of PAGES) {
  const blocks = blocksOf(await page(path)).filter(({ language }) => language === 'ts');
  for (const [index, { text }] of blocks.entries()) {
    examples.set(`${path.replaceAll('/', '-').replace('.md', '')}-${index + 1}.ts`, text);
  }
}

describe('the TypeScript examples', () => {
  it('compile against the types of the package', async () => {
    await expect(faultsOf(examples)).resolves.toBe('');
  });

  it('are in the README and on the page of the client library', () => {
    expect([...examples.keys()]).toEqual(expect.arrayContaining(['README-1.ts', 'docs-client-1.ts']));
  });

  it('would not compile with a call that the library has not', async () => {
    const wrong =
      "import { connectAudienceClient } from 'audience-provisioning';\n(await connectAudienceClient()).begin();\n";
    await expect(faultsOf(new Map([['wrong.ts', wrong]]))).resolves.toMatch(/^wrong\.ts.*'begin' does not exist/);
  });
});
