/** What the linter promises about this code, held to the linter with the project's own settings: one of its rules is young. */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { inTemporaryDirectory } from '../support/temporary-directory.ts';

const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome');

/** What the linter reports as an error about these files: rule and file. */
async function errorsIn(files: Record<string, string>): Promise<string[]> {
  return inTemporaryDirectory(async (directory) => {
    await copyFile('biome.json', join(directory, 'biome.json'));
    for (const [path, source] of Object.entries(files)) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), source);
    }
    const args = [biome, 'lint', '--vcs-enabled=false', '--reporter=json', '.'];
    const report = await new Promise<string>((done) => {
      execFile(process.execPath, args, { cwd: resolve(directory) }, (_, stdout) => done(stdout));
    });
    const { diagnostics } = JSON.parse(report) as {
      diagnostics: Array<{ severity: string; category: string; location: { path: string } }>;
    };
    return diagnostics
      .filter(({ severity }) => severity === 'error')
      .map(({ category, location }) => `${category} ${location.path}`);
  });
}

const WORK = 'export async function work(): Promise<void> {}\n';

describe('the linter', () => {
  it('refuses a floating promise', async () => {
    const source = `${WORK}\nexport function start(): void {\n  work();\n}\n`;
    await expect(errorsIn({ 'src/start.ts': source })).resolves.toEqual([
      'lint/nursery/noFloatingPromises src/start.ts',
    ]);
  });

  it('refuses a floating promise of a function from another file', async () => {
    const source = "import { work } from './work.ts';\n\nexport function start(): void {\n  work();\n}\n";
    await expect(errorsIn({ 'src/work.ts': WORK, 'src/start.ts': source })).resolves.toEqual([
      'lint/nursery/noFloatingPromises src/start.ts',
    ]);
  });

  it('is content with a promise that is awaited, or is told to be of no interest', async () => {
    const source = `${WORK}\nexport async function start(): Promise<void> {\n  await work();\n  void work();\n}\n`;
    await expect(errorsIn({ 'src/start.ts': source })).resolves.toEqual([]);
  });

  it('refuses what comes with Node in workflow code, and only there', async () => {
    const source = "import { readFile } from 'node:fs/promises';\n\nexport const read = readFile;\n";
    await expect(errorsIn({ 'src/workflows/a.ts': source, 'src/activities/a.ts': source })).resolves.toEqual([
      'lint/correctness/noNodejsModules src/workflows/a.ts',
    ]);
  });
});
