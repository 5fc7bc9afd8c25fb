/** The scripts in deployment/, run as the containers run them, with stand-ins for what only a container has. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findServerProgram } from '../../src/temporal/server-program.ts';
import { newClient, newTaskQueue, temporalEnv } from '../support/temporal.ts';
import { ROOT, serviceOf } from './compose-file.ts';

let programs: string;
beforeEach(async () => {
  programs = await mkdtemp(join(tmpdir(), 'audience-scripts-'));
});
afterEach(() => rm(programs, { recursive: true, force: true }));

/** Puts a program of this name before all others on PATH. */
async function standIn(name: string, script: string): Promise<void> {
  await writeFile(join(programs, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(programs, name), 0o755);
}

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs what the service runs first, with its environment changed by `env`. */
async function run(service: string, args: string[], env: Record<string, string>): Promise<Ended> {
  const { entrypoint = [], environment, volumes } = serviceOf(service);
  const [shell = '', path] = entrypoint;
  const source = volumes.find((volume) => volume.split(':')[1] === path)?.split(':')[0] ?? '';
  const options = {
    env: { ...environment, PATH: `${programs}:${process.env['PATH']}`, ...env },
    timeout: 60_000,
  };
  return promisify(execFile)(shell, [join(ROOT, source), ...args], options).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: Ended) => ({ code, stdout, stderr }),
  );
}

describe('the start of a worker', () => {
  const SHOW = ['sh', '-c', 'echo "$POLYTOMIC_API_KEY $POLYTOMIC_BASE_URL $SNOWFLAKE_PASSWORD"'];
  /** Only a name without a search domain is looked up: what the network calls `sandbox` is somebody else's. */
  const sandboxIsUp = () => standIn('getent', 'test "$*" = "hosts sandbox." && echo "10.0.0.2 sandbox"');
  const sandboxIsNotThere = () => standIn('getent', 'exit 2');

  it('is with Polytomic where there is a key', async () => {
    await sandboxIsNotThere();
    const ended = await run('worker', SHOW, {
      POLYTOMIC_API_KEY: 'key',
      POLYTOMIC_BASE_URL: 'https://eu.example.com',
      SNOWFLAKE_PASSWORD: 'real',
    });
    expect(ended).toEqual({ code: 0, stdout: 'key https://eu.example.com real\n', stderr: '' });
  });

  it('is with the sandbox where there is no key, and a real password stays out of it', async () => {
    await sandboxIsUp();
    const ended = await run('worker', SHOW, { SNOWFLAKE_PASSWORD: 'real' });
    expect(ended).toEqual({ code: 0, stdout: 'sandbox http://sandbox:4000 secret\n', stderr: '' });
  });

  it('says what is missing where there is neither, and runs nothing', async () => {
    await sandboxIsNotThere();
    const { code, stdout, stderr } = await run('worker', SHOW, {});
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('POLYTOMIC_API_KEY is not set');
    expect(stderr).toContain('docker compose --profile sandbox up');
  });

  it('refuses to choose where there are both', async () => {
    await sandboxIsUp();
    const { code, stdout, stderr } = await run('worker', SHOW, { POLYTOMIC_API_KEY: 'key' });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('POLYTOMIC_API_KEY is set and the sandbox is up');
  });

  it('becomes the program that it runs, so that signals reach it', async () => {
    await sandboxIsUp();
    // Else the parent of the program would be the script.
    const { stdout } = await run('worker', ['sh', '-c', 'cat /proc/$PPID/cmdline; true'], {});
    expect(stdout).not.toBe('');
    expect(stdout).not.toContain('worker.sh');
  });
});

describe('the schema of the database', () => {
  it('is made for both databases, versioned, to the newest version', async () => {
    await standIn('temporal-sql-tool', `echo "$*" >> ${programs}/calls`);
    expect(await run('temporal-schema', [], {})).toMatchObject({ code: 0 });
    expect((await readFile(join(programs, 'calls'), 'utf8')).trimEnd().split('\n')).toEqual([
      '--db temporal create-database',
      '--db temporal setup-schema --version 0.0',
      '--db temporal update-schema --schema-name postgresql/v12/temporal',
      '--db temporal_visibility create-database',
      '--db temporal_visibility setup-schema --version 0.0',
      '--db temporal_visibility update-schema --schema-name postgresql/v12/visibility',
    ]);
  });

  it('is not taken for made when a step fails', async () => {
    await standIn('temporal-sql-tool', `echo "$*" >> ${programs}/calls; case "$*" in *setup-schema*) exit 1; esac`);
    expect(await run('temporal-schema', [], {})).toMatchObject({ code: 1 });
    expect(await readFile(join(programs, 'calls'), 'utf8')).not.toContain('update-schema');
  });
});

describe('the namespace', () => {
  it('is made once, and can be worked with afterwards', async () => {
    await symlink(await findServerProgram(), join(programs, 'temporal'));
    const namespace = `test-${randomUUID()}`;
    const env = { ...temporalEnv, TEMPORAL_NAMESPACE: namespace, HOME: programs };
    expect(await run('temporal-namespace', [], env)).toMatchObject({ code: 0 });
    const { temporal } = await newClient(newTaskQueue());
    const described = await temporal.workflowService.describeNamespace({ namespace });
    expect(described.config?.workflowExecutionRetentionTtl?.seconds?.toString()).toBe(String(90 * 24 * 60 * 60));

    expect(await run('temporal-namespace', [], env)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`Namespace ${namespace} is there.`),
    });
  });
});
