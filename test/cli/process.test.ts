import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fetch from 'node-fetch';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { workflowIdOf } from '../../src/workflows/messages.ts';
import { isAlive } from '../support/is-alive.ts';
import { ownWalkthrough } from '../support/own-walkthrough.ts';
import { descendantsOf, startProgram } from '../support/program.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { newTaskQueue } from '../support/temporal.ts';
import { inTemporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';
import { SECRETS } from '../support/walkthrough.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

const audience = (args: string[], env: Record<string, string> = {}) =>
  startProgram('cli/main.js', args, { AUDIENCE_TASK_QUEUE: stage.worker.taskQueue, ...env });

describe('audience watch', () => {
  it('ends at Ctrl-C with 130 and says that the run goes on', async () => {
    const { name } = await stage.audiences.start(ownWalkthrough('process-watch'));
    await stage.withWorker(async () => {
      const program = audience(['watch', name]);
      await until('the watch shows the link', () => program.out().includes('sign in at'));
      program.child.kill('SIGINT');
      expect(await program.ended).toEqual({ code: EXIT.interrupted, signal: null });
      expect(program.err()).toBe(`Stopped watching; ${name} goes on. See:  audience status ${name}\n`);
    });
  });

  it('ends without a word when nobody reads it any more', async () => {
    const { name } = await stage.audiences.start(ownWalkthrough('process-pipe'));
    await stage.withWorker(async () => {
      const program = audience(['watch', name]);
      await until('the watch shows the link', () => program.out().includes('sign in at'));
      program.child.stdout?.destroy();
      await stage.signIn(name);
      expect(await program.ended).toEqual({ code: EXIT.ok, signal: null });
      expect(program.err()).toBe('');
    });
  });
});

describe('audience schema', () => {
  it('may be piped into head', async () => {
    const main = join(import.meta.dirname, '../../dist/cli/main.js');
    const { stdout, stderr } = await promisify(execFile)('bash', [
      '-c',
      'set -o pipefail; "$0" "$1" schema | head -1',
      process.execPath,
      main,
    ]);
    expect({ stdout, stderr }).toEqual({ stdout: '{\n', stderr: '' });
  });
});

describe('audience worker', () => {
  it('at SIGTERM lets its activity finish, then ends', async () => {
    const query = 'SELECT first_name, last_name, email FROM users /* sandbox: takes 2s */';
    const { name } = await stage.audiences.start(
      ownWalkthrough('process-drain', { models: { 'active-users': { name: 'Slow', query } } }),
    );
    const program = audience(['worker'], {
      POLYTOMIC_API_KEY: stage.sandbox.apiKey,
      POLYTOMIC_BASE_URL: stage.sandbox.url,
      ...SECRETS,
    });
    await until('Polytomic makes the model', async () =>
      (await stage.sandbox.state()).jobs.some(({ status }: { status: string }) => status === 'running'),
    );
    program.child.kill('SIGTERM');
    expect(await program.ended).toEqual({ code: EXIT.ok, signal: null });
    const { events = [] } = await stage.temporal.workflow.getHandle(workflowIdOf(name)).fetchHistory();
    const model = events?.find(
      (one) => one.activityTaskScheduledEventAttributes?.activityType?.name === 'provideModel',
    );
    const ends = events?.filter(
      (one) => String(one.activityTaskCompletedEventAttributes?.scheduledEventId) === String(model?.eventId),
    );
    expect(ends).toHaveLength(1);
    expect(program.err()).not.toContain(stage.sandbox.apiKey);
  });

  it('without its settings lists what is missing', async () => {
    const program = audience(['worker']);
    expect(await program.ended).toEqual({ code: EXIT.badRequest, signal: null });
    expect(program.err()).toContain('- POLYTOMIC_API_KEY is not set');
  });
});

describe('audience sandbox', () => {
  it('answers until Ctrl-C', async () => {
    await inTemporaryDirectory(async (directory) => {
      const program = audience(['sandbox', '--state', directory, '--verbose', '--json'], { SANDBOX_API_KEY: 'a-key' });
      const { url } = JSON.parse(await until('its address', () => program.out().includes('\n') && program.out())) as {
        url: string;
      };
      const headers = { authorization: 'Bearer a-key' };
      expect((await fetch(`${url}/api/me`, { headers })).status).toBe(200);
      expect(program.err()).toContain('/api/me');
      program.child.kill('SIGINT');
      expect(await program.ended).toEqual({ code: EXIT.ok, signal: null });
    });
  });
});

describe('audience dev', () => {
  const anyPorts = ['--port', '0', '--ui-port', '0', '--sandbox-port', '0'];

  it('leaves no process behind at Ctrl-C, and says what becomes of the runs', async () => {
    await inTemporaryDirectory(async (directory) => {
      const program = audience(['dev', ...anyPorts, '--state', directory]);
      await until('it is up', () => program.out().includes('Ctrl-C stops all of it.'));
      const processes = await descendantsOf(program.pid);
      for (const part of ['start-dev', 'sandbox/main.js', 'dist/worker.js']) {
        expect(processes.filter(({ command }) => command.includes(part))).toHaveLength(1);
      }
      program.child.kill('SIGINT');
      expect(await program.ended).toEqual({ code: EXIT.interrupted, signal: null });
      expect(program.err()).toContain('Runs that wait go on where they are at the next start.');
      await until('the end of all of them', () => processes.every(({ pid }) => !isAlive(pid)));
    });
  });

  it('leaves no process behind when it is killed', async () => {
    await inTemporaryDirectory(async (directory) => {
      const program = audience(['dev', ...anyPorts, '--state', directory]);
      await until('it is up', () => program.out().includes('Ctrl-C stops all of it.'));
      const processes = await descendantsOf(program.pid);
      program.child.kill('SIGKILL');
      await program.ended;
      await until('the end of all of them', () => processes.every(({ pid }) => !isAlive(pid)));
    });
  });

  it('ends with an error when a part of it does, and names the part', async () => {
    await inTemporaryDirectory(async (directory) => {
      const program = audience(['dev', ...anyPorts, '--state', directory]);
      await until('it is up', () => program.out().includes('Ctrl-C stops all of it.'));
      const processes = await descendantsOf(program.pid);
      const sandbox = processes.find(({ command }) => command.includes('sandbox/main.js'));
      process.kill(sandbox?.pid ?? Number.NaN, 'SIGKILL');
      expect(await program.ended).toEqual({ code: EXIT.error, signal: null });
      expect(program.err()).toContain(`The sandbox has ended unexpectedly. Logs: ${directory}`);
      await until('the end of all of them', () => processes.every(({ pid }) => !isAlive(pid)));
    });
  });

  it('says which port is taken, and starts nothing', async () => {
    await inTemporaryDirectory(async (directory) => {
      const port = new URL(stage.sandbox.url).port;
      const args = ['dev', '--port', '0', '--ui-port', '0', '--sandbox-port', port, '--state', directory];
      const program = audience(args, { AUDIENCE_TASK_QUEUE: newTaskQueue() });
      expect(await program.ended).toEqual({ code: EXIT.error, signal: null });
      expect(program.err()).toContain(`port ${port} is taken`);
    });
  });
});
