import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { transform } from '@swc/core';
import { startOwnedProcess } from '../../src/processes/owned-process.ts';
import { isAlive } from '../support/is-alive.ts';
import { inTemporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';

/** A process of its own that starts `sleep` as its server and prints the id; Node 20 runs no TypeScript by itself. */
async function startParent(directory: string): Promise<{ parent: ReturnType<typeof spawn>; serverPid: number }> {
  const source = await readFile(join(import.meta.dirname, '../../src/processes/owned-process.ts'), 'utf8');
  const { code } = await transform(source, {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'es6' },
  });
  await writeFile(join(directory, 'server-process.mjs'), code);
  const logFile = JSON.stringify(join(directory, 'log'));
  await writeFile(
    join(directory, 'parent.mjs'),
    `import { startOwnedProcess } from './server-process.mjs';
     const { pid } = await startOwnedProcess({ program: 'sleep', args: ['1000'], env: process.env, logFile: ${logFile} });
     console.log(pid);
     process.stdin.on('data', () => process.exit(0));`,
  );
  const parent = spawn(process.execPath, [join(directory, 'parent.mjs')], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const [printed] = (await once(parent.stdout, 'data')) as [Buffer];
  return { parent, serverPid: Number(printed.toString()) };
}

describe('a server process', () => {
  it('is killed when its parent is, even by SIGKILL', async () => {
    await inTemporaryDirectory(async (directory) => {
      const { parent, serverPid } = await startParent(directory);
      expect(isAlive(serverPid)).toBe(true);
      parent.kill('SIGKILL');
      await until('the end of the server', () => !isAlive(serverPid));
    });
  });

  it('is killed when its parent ends without stopping it', async () => {
    await inTemporaryDirectory(async (directory) => {
      const { parent, serverPid } = await startParent(directory);
      parent.stdin?.write('end');
      await until('the end of the server', () => !isAlive(serverPid));
    });
  });

  it('leads a process group of its own, so that the Ctrl-C of a terminal reaches only its parent', async () => {
    await inTemporaryDirectory(async (directory) => {
      const logFile = join(directory, 'log');
      const server = await startOwnedProcess({ program: 'sleep', args: ['1000'], env: process.env, logFile });
      // A negative id means the group of that id: signal 0 asks whether there is one.
      expect(process.kill(-server.pid, 0)).toBe(true);
      server.kill('SIGKILL');
      expect(await server.exited).toEqual({ code: null, signal: 'SIGKILL' });
    });
  });

  it('can be killed again when it is gone', async () => {
    await inTemporaryDirectory(async (directory) => {
      const server = await startOwnedProcess({
        program: 'true',
        args: [],
        env: process.env,
        logFile: join(directory, 'log'),
      });
      expect(await server.exited).toEqual({ code: 0, signal: null });
      server.kill('SIGKILL');
    });
  });
});

describe('the last words of a process', () => {
  async function said(directory: string, script: string): Promise<string> {
    const { exited, lastWords } = await startOwnedProcess({
      program: 'sh',
      args: ['-c', script],
      env: process.env,
      logFile: join(directory, 'log'),
    });
    await exited;
    return lastWords();
  }

  it('are its own, not those of an earlier process with the same log, and at most 20 lines', async () => {
    await inTemporaryDirectory(async (directory) => {
      expect(await said(directory, 'seq 1 30')).toBe(
        Array.from({ length: 20 }, (_, line) => String(line + 11)).join('\n'),
      );
      expect(await said(directory, 'echo mine >&2')).toBe('mine');
      expect(await said(directory, 'true')).toBe('');
    });
  });
});
