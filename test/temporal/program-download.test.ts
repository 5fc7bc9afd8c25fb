import { chmod, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { PROGRAM_VERSION } from '../../src/temporal/program-cache.ts';
import { downloadProgram } from '../../src/temporal/program-download.ts';
import { findServerProgram } from '../../src/temporal/server-program.ts';
import { reasonAgainst } from '../../src/temporal/server-version.ts';
import { inTemporaryDirectory } from '../support/temporary-directory.ts';

describe('a download', () => {
  let program: string;
  beforeAll(async () => {
    program = await findServerProgram();
  }, 30 * 60_000);

  it('leaves the program that the test environment of Temporal downloads', async () => {
    await inTemporaryDirectory(async (directory) => {
      // The name under which it keeps a download of this version: it takes the file for its own, and needs no network.
      const downloaded = join(directory, `temporal-${PROGRAM_VERSION}`);
      await copyFile(program, downloaded);
      await chmod(downloaded, 0o755);
      const gotten = await downloadProgram(directory, process.env);
      expect(gotten).toEqual({ program: downloaded });
      expect(await reasonAgainst(downloaded, process.env)).toBeUndefined();
    });
  }, 60_000);

  it('that the network refuses is a reason and not an error', async () => {
    await inTemporaryDirectory(async (directory) => {
      // Port 9 discards; nobody listens there.
      const env = { ...process.env, HTTPS_PROXY: 'http://127.0.0.1:9' };
      expect(await downloadProgram(directory, env)).toEqual({
        reason: expect.stringContaining('https://temporal.download/cli/v1.5.1'),
      });
    });
  }, 60_000);
});
