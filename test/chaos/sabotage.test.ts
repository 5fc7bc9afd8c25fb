/** A chaos run can fail: it finds what goes wrong where the program lacks what keeps it from making things twice. */
import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import type { Report } from '../../chaos/report.ts';
import { inTemporaryDirectory } from '../support/temporary-directory.ts';

const ROOT = join(import.meta.dirname, '../..');

/** How long a run may take, in ms: half a minute on a machine that does nothing else. */
const PATIENCE_MS = 180_000;

/** Runs eight provisionings from whose workers this was taken, while the answers to their creates are lost; what it reports. */
async function chaosWithout(sabotage: string): Promise<{ code: number; report: Report }> {
  return inTemporaryDirectory(async (directory) => {
    const file = join(directory, 'report.json');
    const run = `--import tsx chaos/main.ts --runs 8 --seed 1 --share 0 --no-kills --sabotage ${sabotage} --report ${file}`;
    const code = await promisify(execFile)(process.execPath, run.split(' '), { cwd: ROOT }).then(
      () => 0,
      (error: { code: number }) => error.code,
    );
    const report = JSON.parse(await readFile(file, 'utf8')) as Report;
    if (report.directory !== undefined) await rm(report.directory, { recursive: true, force: true });
    return { code, report };
  });
}

describe('a chaos run in which answers to creates are lost', () => {
  it.each(['keys', 'look-up'])(
    'finds models and syncs that were made twice by workers without %s',
    async (sabotage) => {
      const { code, report } = await chaosWithout(sabotage);
      const twice = report.findings.filter(({ wrong }) => wrong === 'duplicate').map(({ what }) => what);
      expect(twice).toContainEqual(expect.stringMatching(/^model .* was made \d+ times$/));
      expect(twice).toContainEqual(expect.stringMatching(/^sync .* was made \d+ times$/));
      expect(report.wrongs.orphan).toBeGreaterThan(0);
      expect(code).toBe(1);
    },
    PATIENCE_MS,
  );

  it(
    'finds nothing where nothing was taken away',
    async () => {
      const { code, report } = await chaosWithout('nothing');
      expect(report.findings).toEqual([]);
      expect(report.ends.completed).toBeGreaterThan(0);
      expect(code).toBe(0);
    },
    PATIENCE_MS,
  );
});
