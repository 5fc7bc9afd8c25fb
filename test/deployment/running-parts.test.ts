/**
 * The services of docker-compose.yml that are ours, as processes: their commands, variables, scripts and health checks, with
 * only ports, folders and the server's address of this machine in the place of those that a container has.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePorts } from '../../src/processes/free-ports.ts';
import { type OwnedProcess, startOwnedProcess } from '../../src/processes/owned-process.ts';
import { newName } from '../support/new-name.ts';
import { newTaskQueue, temporalEnv } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { ROOT, serviceOf } from './compose-file.ts';
import { instructionsOf } from './image-file.ts';

let directory: string;
let sandboxPort: string;
let healthPort: string;
const taskQueue = newTaskQueue();
const started: OwnedProcess[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'audience-parts-'));
  const [first, second] = await freePorts(2);
  sandboxPort = String(first);
  healthPort = String(second);
  const programs = { audience: `exec "${process.execPath}" "${ROOT}dist/cli/main.js" "$@"`, getent: 'exit 0' };
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(directory, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(directory, name), 0o755);
  }
});

afterAll(async () => {
  for (const { kill, exited } of started.toReversed()) {
    kill('SIGTERM');
    await exited;
  }
  await rm(directory, { recursive: true, force: true });
});

/** What a service has in its environment; the worker also what its image says. */
function environmentOf(name: string): Record<string, string> {
  return {
    ...serviceOf(name).environment,
    PATH: `${directory}:${process.env['PATH']}`,
    HOME: directory,
    ...(name === 'sandbox' ? {} : temporalEnv),
    ...(name === 'worker'
      ? {
          SANDBOX_URL: `http://127.0.0.1:${sandboxPort}`,
          AUDIENCE_TASK_QUEUE: taskQueue,
          AUDIENCE_HEALTH_HOST: '127.0.0.1',
          AUDIENCE_HEALTH_PORT: healthPort,
        }
      : {}),
  };
}

async function start(name: string, words: string[]): Promise<OwnedProcess> {
  const [program = '', ...args] = words;
  const logFile = join(directory, `${name}.log`);
  const process_ = await startOwnedProcess({ program, args, env: environmentOf(name), logFile });
  started.push(process_);
  return process_;
}

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end as `docker compose exec` would. */
function run(name: string, [program = '', ...args]: string[]): Promise<Ended> {
  return promisify(execFile)(program, args, { env: environmentOf(name), cwd: ROOT }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: Ended) => ({ code, stdout, stderr }),
  );
}

/** The check of the worker's image. */
function workerCheck(): string[] {
  const check = instructionsOf().find(({ name }) => name === 'HEALTHCHECK')?.rest ?? '';
  return JSON.parse(/CMD (\[.*\])$/.exec(check)?.[1] ?? '[]');
}

/** The sandbox's check in docker-compose.yml, at the port that it has here. */
function sandboxCheck(): string[] {
  const { healthcheck } = serviceOf('sandbox');
  const words = healthcheck !== undefined && 'test' in healthcheck ? healthcheck.test.slice(1) : [];
  return words.map((word) => word.replace(':4000/', `:${sandboxPort}/`));
}

describe('the services that are ours, in the order in which they start', () => {
  it('setup registers the search attribute, and does no harm when it is done already', async () => {
    const { code, stdout } = await run('setup', serviceOf('setup').command ?? []);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('ProvisioningStage') });
  });

  it('the sandbox becomes healthy, and was not before', async () => {
    expect((await run('sandbox', sandboxCheck())).code).toBe(1);
    const here: Record<string, string> = {
      '--host': '127.0.0.1',
      '--port': sandboxPort,
      '--state': join(directory, 'state'),
    };
    const command = serviceOf('sandbox', { SANDBOX_PORT: sandboxPort }).command ?? [];
    await start(
      'sandbox',
      command.map((word) =>
        word.replace(/^(--\w+)=.*/, (as, option: string) => (here[option] ? `${option}=${here[option]}` : as)),
      ),
    );
    await until('the sandbox is healthy', async () => (await run('sandbox', sandboxCheck())).code === 0);
  });

  it('the worker becomes healthy with no variable set, and was not before', async () => {
    expect((await run('worker', workerCheck())).code).toBe(1);
    await start('worker', ['/bin/sh', `${ROOT}deployment/worker.sh`, ...(serviceOf('worker').command ?? [])]);
    await until('the worker is healthy', async () => (await run('worker', workerCheck())).code === 0);
  });

  it('a provisioning goes through, with a sign-in link that leads to the published port', async () => {
    const name = newName('compose');
    const request = await readFile(`${ROOT}examples/walkthrough.yaml`, 'utf8');
    const file = join(directory, 'request.yaml');
    await writeFile(file, request.replace(/^name: .*$/m, `name: ${name}`));
    expect(await run('worker', ['audience', 'start', file])).toMatchObject({ code: 0 });
    const link = await until('the run asks for the sign-in', async () => {
      const { stdout } = await run('worker', ['audience', 'status', name, '--json']);
      return JSON.parse(stdout).status?.signIn?.url as string | undefined;
    });
    expect(link).toMatch(new RegExp(`^http://localhost:${sandboxPort}/`));
    const allowed = await fetch(link, { method: 'POST', body: new URLSearchParams({ decision: 'allow' }) });
    expect(allowed.status).toBe(200);
    expect(await run('worker', ['audience', 'signed-in', name])).toMatchObject({ code: 0 });
    expect(await run('worker', ['audience', 'watch', name])).toMatchObject({ code: 0 });
  });

  it('the worker ends by itself when it is told to stop', async () => {
    const worker = started.at(-1);
    worker?.kill('SIGTERM');
    expect(await worker?.exited).toEqual({ code: 0, signal: null });
  });
});
