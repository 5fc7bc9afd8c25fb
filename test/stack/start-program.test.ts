import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fetch from 'node-fetch';
import { type Program, startProgram } from '../../src/stack/start-program.ts';
import { inTemporaryDirectory } from '../support/temporary-directory.ts';

/** Serves the port of its first argument, but says at its first start that somebody else does. */
const UNLUCKY = `
  import { existsSync, writeFileSync } from 'node:fs';
  import { createServer } from 'node:http';
  const mark = new URL('tried', import.meta.url);
  if (!existsSync(mark)) {
    writeFileSync(mark, process.argv[2]);
    throw new Error('listen EADDRINUSE: address already in use');
  }
  createServer((_, response) => response.end('here')).listen(Number(process.argv[2]), '127.0.0.1');`;

async function unlucky(directory: string): Promise<Program> {
  const script = join(directory, 'unlucky.mjs');
  await writeFile(script, UNLUCKY);
  const { PATH } = process.env;
  return {
    name: 'unlucky',
    directory,
    script,
    env: { PATH },
    serving: (port) => ({ args: [String(port)] }),
    ready: '/',
  };
}

describe('a program whose port somebody took in the meantime', () => {
  it('is started again with another port', async () => {
    await inTemporaryDirectory(async (directory) => {
      const { process: started, port } = await startProgram(await unlucky(directory));
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('here');
      started.kill('SIGKILL');
      await started.exited;
    });
  });

  it('is an error that names its log where the port was asked for', async () => {
    await inTemporaryDirectory(async (directory) => {
      const start = startProgram({ ...(await unlucky(directory)), port: 1 });
      await expect(start).rejects.toThrow(
        /^Starting the unlucky: it ended at once, with code 1\. Its log: .*unlucky\.log$/,
      );
    });
  });
});
