import { beforeAll, describe, expect, it } from '@jest/globals';
import { EXIT } from '../../src/cli/exit-codes.ts';
import type { ProvisioningReport } from '../../src/client.ts';
import { freePorts } from '../../src/processes/free-ports.ts';
import type { ProvisioningRequest } from '../../src/request/schema.ts';
import { WORKFLOW_TYPE, workflowIdOf } from '../../src/workflows/messages.ts';
import { errorOf } from '../support/directions.ts';
import { newName } from '../support/new-name.ts';
import { FAILS, ownWalkthrough, WRONG_QUERY } from '../support/own-walkthrough.ts';
import { people } from '../support/people.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { until } from '../support/until.ts';
import { AUDIENCE } from '../support/walkthrough.ts';
import { audience as anyAudience, begin as anyBegin, type Command, type Given } from './in-memory.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

/** The variables of a service that uses this file's task queue. */
const ownQueue = ({ env = {}, ...given }: Given): Given => ({
  ...given,
  env: { AUDIENCE_TASK_QUEUE: stage.worker.taskQueue, ...env },
});
const audience = (args: string[], given: Given = {}) => anyAudience(args, ownQueue(given));
const begin = (args: string[], given: Given = {}) => anyBegin(args, ownQueue(given));

const startOf = (request: ProvisioningRequest, ...options: string[]) =>
  audience(['start', '-', ...options], { input: JSON.stringify(request) });
const start = async (about: string, changes: Partial<ProvisioningRequest> = {}) =>
  (await stage.audiences.start(ownWalkthrough(about, changes))).name;

/** What every sequence that controls a terminal begins with. */
const ESCAPE = '\u001b';

/** Lines that break out of their terminal; an id, a link or a command to paste is one word, and never broken. */
const tooWide = (text: string, columns: number) =>
  text.split('\n').filter((line) => line.length > columns && line.trim().includes(' '));

describe('start', () => {
  it('starts what the file asks for, and says how to go on', async () => {
    const request = ownWalkthrough('cli-start');
    const { code, lines, err } = await startOf(request);
    expect(code).toBe(EXIT.ok);
    expect(err).toBe('');
    expect(lines).toEqual([
      `${request.name}: started`,
      `  workflow audience-provisioning/${request.name}`,
      expect.stringMatching(/^ {2}run {6}\S+$/),
      `See how it goes:  audience watch ${request.name}`,
    ]);
    expect((await startOf(request)).lines[0]).toBe(`${request.name}: joined`);
  });

  it('prints one JSON object for programs', async () => {
    const request = ownWalkthrough('cli-json');
    const { code, json } = await startOf(request, '--json');
    expect(code).toBe(EXIT.ok);
    expect(json()).toEqual([
      { outcome: 'started', name: request.name, workflowId: workflowIdOf(request.name), runId: expect.any(String) },
    ]);
  });

  it('of a bad request lists its faults, and starts nothing', async () => {
    const request = { ...ownWalkthrough('cli-bad'), syncs: [] };
    const { code, err } = await startOf(request);
    expect(code).toBe(EXIT.badRequest);
    expect(err).toMatch(/^\(standard input\):1:\d+ {2}syncs: /);
    expect((await audience(['status', request.name])).code).toBe(EXIT.notFound);
  });

  it('of another request under the same name is a conflict that tells what differs', async () => {
    const request = ownWalkthrough('cli-conflict');
    await startOf(request);
    const { code, err } = await startOf({ ...request, requester: 'Ada' });
    expect(code).toBe(EXIT.conflict);
    expect(err).toContain('requester: (nothing) → Ada');
  });

  it('of one that ended before is refused, unless told --again', async () => {
    const request = ownWalkthrough('cli-again');
    await startOf(request);
    await stage.temporal.workflow.getHandle(workflowIdOf(request.name)).terminate();
    const { code, err } = await startOf(request);
    expect(code).toBe(EXIT.failed);
    expect(err).toContain('audience start --again');
    expect((await startOf(request, '--again')).lines[0]).toBe(`${request.name}: started`);
  });

  it('with --wait shows each step on a line of its own and ends with what was made', async () => {
    const request = ownWalkthrough('cli-wait');
    await stage.withWorker(async () => {
      const command = begin(['start', '-', '--wait'], { input: JSON.stringify(request) });
      await until('the link is shown', () => command.out().includes(`sign in at ${stage.sandbox.url}`));
      await stage.signIn(request.name);
      expect(await command.code).toBe(EXIT.ok);
      const out = command.out();
      const steps = [...out.matchAll(/^\d{4}-\S+Z \S+ (.+?): done/gm)].map(([, step]) => step);
      expect(steps).toEqual(
        expect.arrayContaining(['snowflake connection', 'sign-in', 'model active-users', 'sync New audience']),
      );
      expect(out).toMatch(/ awaiting_sign_in\n/);
      expect(out).toMatch(/ completed\n/);
      expect(out).toMatch(/^made {2}model +Active Users\n {6}\S+$/m);
      expect(out).toContain(`used  audience    ${AUDIENCE.name}\n      ${AUDIENCE.id}\n`);
    });
  });

  it('with --wait --json prints nothing but JSON, down to the last report', async () => {
    const request = ownWalkthrough('cli-wait-json');
    await stage.withWorker(async () => {
      const command = begin(['start', '-', '--wait', '--json'], { input: JSON.stringify(request) });
      await until('it is started', () => command.out().includes('started'));
      await stage.untilAsked(request.name);
      await stage.signIn(request.name);
      expect(await command.code).toBe(EXIT.ok);
      const objects = command
        .out()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(objects[0]).toMatchObject({ outcome: 'started' });
      expect(objects.at(-1)).toMatchObject({ name: request.name, state: 'completed' });
    });
  });

  it('with --wait of a run that fails says why and what it left', async () => {
    const request = ownWalkthrough('cli-fails', { ...FAILS, models: WRONG_QUERY });
    const { code, err } = await stage.withWorker(() => startOf(request, '--wait'));
    expect(code).toBe(EXIT.failed);
    expect(err).toContain('nowhere');
    expect(err).toContain(`connection Snowflake ${request.name}`);
  });
});

describe('status', () => {
  it('shows steps, link and what to do, in the columns of the terminal', async () => {
    const name = await start('cli-status');
    await stage.withWorker(async () => {
      const { status } = await until('only the person is missing', async () => {
        const report = await stage.untilAsked(name);
        return report.status?.steps.some(({ id, state }) => id.startsWith('model') && state === 'done') && report;
      });
      for (const columns of [80, 50]) {
        const { code, out } = await audience(['status', name], { tty: { columns } });
        expect(code).toBe(EXIT.ok);
        expect(tooWide(out, columns)).toEqual([]);
        expect(out).toContain('● snowflake connection');
        expect(out).toContain('‖ sign-in');
        expect(out).toContain(`Sign in to LinkedIn here:\n  ${status?.signIn?.url}\n`);
        expect(out).toContain(`Then say so:\n  audience signed-in ${name}\n`);
      }
      const [report] = (await audience(['status', name, '--json'])).json() as [ProvisioningReport];
      expect(report).toMatchObject({ name, state: 'running', stage: 'awaiting_sign_in', status: { name } });
    });
  });

  it('shows a false claim, and an outage with the next attempt', async () => {
    const other = await newStage();
    const { name } = await other.audiences.start(ownWalkthrough('cli-outage'));
    const status = () => audience(['status', name], { env: { AUDIENCE_TASK_QUEUE: other.worker.taskQueue } });
    await other.withWorker(async () => {
      await other.untilAsked(name);
      await other.audiences.completeSignIn(name);
      await until('the claim is refused', async () => (await status()).out.includes('Not signed in yet ('));
      await other.sandbox.fault({ match: { path: '/api/connections/*/parameter_values' }, status: 503 });
      await other.audiences.completeSignIn(name);
      const shown = await until('the outage is shown', async () => {
        const { out } = await status();
        return /^! verifySignIn: attempt \d+ at /m.test(out) && out;
      });
      expect(shown).toMatch(/Last: /);
      expect(tooWide(shown, 80)).toEqual([]);
    });
  });

  it('says that no worker answers', async () => {
    const name = await start('cli-no-worker');
    const { code, out } = await audience(['status', name]);
    expect(code).toBe(EXIT.ok);
    expect(out).toMatch(/^! No worker answers on task queue/m);
    expect(tooWide(out, 80)).toEqual([]);
  });

  it('of an unknown name is not found', async () => {
    const { code, out, err } = await audience(['status', 'nobody']);
    expect({ code, out }).toEqual({ code: EXIT.notFound, out: '' });
    expect(err).toBe(
      'audience: There is no provisioning “nobody” in namespace default. `audience list` shows those there are.\n',
    );
  });

  it('says within seconds that Temporal is not there', async () => {
    const [port] = await freePorts(1);
    const { code, err } = await audience(['status', 'any'], { env: { TEMPORAL_ADDRESS: `127.0.0.1:${port}` } });
    expect(code).toBe(EXIT.unreachable);
    expect(err).toContain(`Connecting to Temporal at 127.0.0.1:${port}`);
  });

  it('with a profile that does not exist is a bad setting', async () => {
    const { code, err } = await audience(['status', 'any'], { env: { TEMPORAL_PROFILE: 'no-such-profile' } });
    expect(code).toBe(EXIT.badRequest);
    expect(err).toContain('TEMPORAL_PROFILE');
  });

  it('of a server that fails in an unforeseen way is an unexpected error', async () => {
    const { code, err } = await audience(['list'], { env: { TEMPORAL_NAMESPACE: 'no-such-namespace' } });
    expect(code).toBe(EXIT.error);
    expect(err).toContain('no-such-namespace');
  });
});

describe('watch', () => {
  const watched = async (command: Command, name: string) => {
    await until('the watch shows that the run waits', () => command.out().includes('awaiting_sign_in'));
    return name;
  };

  it('in a pipe prints a line for each change, without anything for a terminal', async () => {
    const name = await start('cli-pipe');
    await stage.withWorker(async () => {
      const command = begin(['watch', name]);
      await stage.signIn(await watched(command, name));
      expect(await command.code).toBe(EXIT.ok);
      const lines = command.out().split('\n\n')[0]?.split('\n') ?? [];
      for (const line of lines) expect(line).toMatch(new RegExp(`^\\d{4}-\\S+Z ${name} .+`));
      expect(new Set(lines.map((line) => line.replace(/^\S+ /, ''))).size).toBe(lines.length);
      expect(command.out()).not.toContain(ESCAPE);
    });
  });

  it('in a terminal draws the report anew', async () => {
    const name = await start('cli-redraw');
    await stage.withWorker(async () => {
      const command = begin(['watch', name], { tty: { columns: 80 } });
      await stage.signIn(await watched(command, name));
      expect(await command.code).toBe(EXIT.ok);
      // Erases lines, or moves up to the one that changed.
      expect(command.out()).toMatch(new RegExp(`${ESCAPE}\\[\\d*[AK]`));
      expect(command.out()).toContain('Sign in to LinkedIn here:');
      expect(command.out()).toMatch(/made {2}model/);
    });
  });

  it('in a narrow terminal leaves a long link whole, above what is drawn anew', async () => {
    const name = await start('cli-long-link');
    await stage.withWorker(async () => {
      const url = (await stage.untilAsked(name)).status?.signIn?.url ?? '';
      const interruption = new AbortController();
      const command = begin(['watch', name], { tty: { columns: url.length }, interrupted: interruption.signal });
      await until('the link is shown', () => command.out().includes(`\n${url}\n`));
      await until('the report is shown', () => command.out().includes('Sign in to LinkedIn with the link above.'));
      interruption.abort();
      await command.code;
    });
  });

  it('tells an attempt that failed once, not again when the next one begins', async () => {
    const other = await newStage();
    await other.sandbox.fault({ match: { path: '/api/connections' }, status: 503, message: 'maintenance' });
    const { name } = await other.audiences.start(ownWalkthrough('cli-retries'));
    await other.withWorker(async () => {
      const interruption = new AbortController();
      const env = { AUDIENCE_TASK_QUEUE: other.worker.taskQueue };
      const command = begin(['watch', name], { env, interrupted: interruption.signal });
      await until('two attempts are told', () => /attempt \d+.*\n.*attempt \d+/s.test(command.out()));
      interruption.abort();
      await command.code;
      const told = command
        .out()
        .split('\n')
        .filter((line) => line.includes('maintenance'));
      const news = told.map((line) => line.replace(/^\S+ /, ''));
      expect(news).toEqual([...new Set(news)]);
    });
  });

  it('ends at Ctrl-C, and says that the run goes on', async () => {
    const name = await start('cli-interrupted');
    await stage.withWorker(async () => {
      const interruption = new AbortController();
      const command = begin(['watch', name], { interrupted: interruption.signal });
      await watched(command, name);
      interruption.abort();
      expect(await command.code).toBe(EXIT.interrupted);
      expect(command.err()).toBe(`Stopped watching; ${name} goes on. See:  audience status ${name}\n`);
      expect((await stage.audiences.status(name)).state).toBe('running');
    });
  });

  it('of a run that was cancelled ends as a failure', async () => {
    const name = await start('cli-watch-cancelled');
    await stage.withWorker(async () => {
      const command = begin(['watch', name, '--json']);
      await stage.audiences.cancel(await watched(command, name));
      expect(await command.code).toBe(EXIT.failed);
      expect(command.err()).toContain(`“${name}” was cancelled`);
    });
  });
});

describe('signed-in', () => {
  it('has the run ask Polytomic', async () => {
    const name = await start('cli-signed-in');
    await stage.withWorker(async () => {
      const { status } = await stage.untilAsked(name);
      const early = await audience(['signed-in', name, '--json']);
      expect(early.json()).toEqual([{ name, signal: 'sent' }]);
      await stage.sandbox.signIn(status?.signIn?.url ?? '');
      const { code, lines } = await audience(['signed-in', name]);
      expect(code).toBe(EXIT.ok);
      expect(lines).toEqual([`${name} asks Polytomic now. See:  audience status ${name}`]);
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
    });
  });

  it('of a run that is not there, or has ended, is not found', async () => {
    const name = await start('cli-too-late');
    await stage.temporal.workflow.getHandle(workflowIdOf(name)).terminate();
    expect((await audience(['signed-in', name])).code).toBe(EXIT.notFound);
    expect((await audience(['signed-in', 'nobody'])).code).toBe(EXIT.notFound);
  });
});

describe('result', () => {
  it('shows every id, and is not there yet while the run waits', async () => {
    const name = await start('cli-result');
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      const early = await audience(['result', name]);
      expect(early).toMatchObject({ code: EXIT.notYet, out: '' });
      expect(early.err).toContain(`audience watch ${name}`);
      await stage.signIn(name);
      const result = await stage.audiences.result(name);
      const { code, out } = await audience(['result', name]);
      expect(code).toBe(EXIT.ok);
      for (const { id } of [result.snowflakeConnection, result.linkedinConnection, ...result.syncs]) {
        expect(out).toContain(`      ${id}\n`);
      }
      expect(tooWide(out, 80)).toEqual([]);
      expect((await audience(['result', name, '--json'])).json()).toEqual([result]);
    });
  });
});

describe('list', () => {
  it('has a line for each, of those at the stage that is asked for', async () => {
    const name = await start('cli-list-with-a-name-that-is-rather-long-for-a-list');
    await stage.withWorker(() => stage.untilAsked(name));
    const args = ['list', '--stage', 'awaiting_sign_in', '--limit', '1000'];
    const shown = await until('it is listed', async () => {
      const { out } = await audience(args);
      return out.includes(name) && out;
    });
    expect(shown).toMatch(new RegExp(`^${name}\\s+awaiting_sign_in +\\d{4}-\\S+Z$`, 'm'));
    expect(tooWide(shown, 80)).toEqual([]);
    const { json } = await audience([...args, '--json']);
    expect(json()).toContainEqual({
      name,
      runId: expect.any(String),
      state: 'running',
      stage: 'awaiting_sign_in',
      blockedSteps: [],
      startedAt: expect.any(String),
    });
    const { lines } = await audience(['list', '--limit', '1', '--json']);
    expect(lines).toHaveLength(1);
  });

  it('has those of one requester, and those that are blocked with their steps', async () => {
    const requester = `Ada O'Brien ${newName('of')}`;
    const name = await start('cli-list-blocked', { requester, models: WRONG_QUERY });
    await stage.withWorker(async () => {
      await people(stage, name).step('model active-users', 'blocked');
      const ofAda = await until('it is listed', async () => {
        const { lines } = await audience(['list', '--requester', requester, '--blocked']);
        return lines.includes('  blocked: model active-users') && lines;
      });
      expect(ofAda).toEqual([
        expect.stringMatching(new RegExp(`^${name}  awaiting_sign_in +\\d{4}-\\S+Z$`)),
        `  for ${requester}`,
        '  blocked: model active-users',
      ]);
      const { out } = await audience(['list', '--requester', `${requester} the second`]);
      expect(out).toBe('There are none such. All:  audience list\n');
    });
  });
});

describe('cancel', () => {
  it('stops the run, and says where to see it', async () => {
    const [name, another] = [await start('cli-cancel'), await start('cli-cancel-json')];
    await stage.withWorker(async () => {
      const { code, lines } = await audience(['cancel', name]);
      expect(code).toBe(EXIT.ok);
      expect(lines).toEqual([
        `${name} is asked to stop. What it made is kept or undone, as its request says.`,
        `See:  audience status ${name}`,
      ]);
      expect((await audience(['cancel', another, '--json'])).json()).toEqual([
        { name: another, cancellation: 'requested' },
      ]);
      expect(await errorOf(stage.audiences.result(name))).toMatchObject({ state: 'cancelled' });
      const { code: late } = await audience(['cancel', name]);
      expect(late).toBe(EXIT.notFound);
    });
  });
});

describe('text from outside', () => {
  const EVIL = '\u001b]0;owned\u0007\u009b2J\u202e';

  it('that Polytomic sends cannot control the terminal', async () => {
    const other = await newStage();
    const { name } = await other.audiences.start(ownWalkthrough('cli-evil', FAILS));
    const env = { AUDIENCE_TASK_QUEUE: other.worker.taskQueue };
    await other.sandbox.fault({ match: { path: '/api/connections' }, status: 403, message: `no ${EVIL} way` });
    await other.withWorker(async () => {
      await errorOf(other.audiences.result(name));
      for (const command of ['status', 'watch', 'result']) {
        for (const options of [[], ['--json']]) {
          const { out, err } = await audience([command, name, ...options], { env });
          expect(out + err).toContain('owned');
          expect((out + err).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
        }
      }
    });
  });

  it('that is the name of a run cannot control the terminal', async () => {
    const id = `evil${EVIL}${newName('id')}`;
    await stage.temporal.workflow.start(WORKFLOW_TYPE, {
      workflowId: workflowIdOf(id),
      taskQueue: 'nobody-polls-this',
      args: [],
    });
    const shown = await until('it is listed', async () => {
      const { out } = await audience(['list', '--limit', '1000']);
      return out.includes('owned') && out;
    });
    expect(shown.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});
