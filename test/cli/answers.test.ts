import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { undoWorkflowIdOf, workflowIdOf } from '../../src/workflows/messages.ts';
import { asking, ownWalkthrough, WRONG_QUERY } from '../support/own-walkthrough.ts';
import { people } from '../support/people.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { newStandstill, OPEN_SYNC, untilStandstill } from '../support/standstill.ts';
import { inTemporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';
import { ACCOUNT, AUDIENCE, CONTOSO } from '../support/walkthrough.ts';
import type { audience as audienceInMemory, begin as beginInMemory } from './in-memory.ts';
import { commandsOf } from './on-stage.ts';

let stage: Stage;
let audience: typeof audienceInMemory;
let begin: typeof beginInMemory;
beforeAll(async () => {
  stage = await newStage();
  ({ audience, begin } = commandsOf(stage));
});

const SYNC = 'Existing audience';
const MODEL = 'model active-users';
const start = async (request = asking('cli-asks')) => (await stage.audiences.start(request)).name;
const startBlocked = async (about: string) => {
  const name = await start(ownWalkthrough(about, { models: WRONG_QUERY }));
  await people(stage, name).step(MODEL, 'blocked');
  return name;
};

describe('select-accounts', () => {
  it('lists what there is, searches it, and chooses by label or value', async () => {
    const name = await start();
    await stage.withWorker(async () => {
      await stage.signIn(name);
      await people(stage, name).asked('ad accounts');
      const listed = await audience(['select-accounts', name]);
      expect(listed.code).toBe(EXIT.ok);
      expect(listed.out).toContain(`${ACCOUNT.label}\n  ${ACCOUNT.value}\n`);
      const found = await audience(['select-accounts', name, '--search', 'contoso', '--json']);
      expect(found.json()).toEqual([{ choices: [CONTOSO], total: 1 }]);
      expect((await audience(['select-accounts', name, '--search', 'no such words'])).out).toBe('There are none.\n');

      const refused = await audience(['select-accounts', name, 'Nobody']);
      expect(refused).toMatchObject({ code: EXIT.refused, out: '' });
      expect(refused.err).toMatch(/^audience: there is no ad account “Nobody”; allowed are /);
      const { code, out } = await audience(['select-accounts', name, ACCOUNT.label, CONTOSO.value]);
      expect({ code, out }).toEqual({ code: EXIT.ok, out: `ad accounts: ${ACCOUNT.label}, ${CONTOSO.label}\n` });
    });
  });

  it('before the question is kept', async () => {
    const name = await start();
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      const all = await audience(['select-accounts', name, '--all', '--json']);
      expect(all.json()).toEqual([{ name, answer: 'kept until it is asked' }]);
      expect((await audience(['select-accounts', name])).code).toBe(EXIT.refused);
    });
  });
});

describe('choose-audience', () => {
  const untilAsked = async () => {
    const name = await start();
    await stage.audiences.selectAccounts(name, [ACCOUNT.value]);
    await stage.signIn(name);
    await people(stage, name).asked(`sync ${SYNC}`);
    return name;
  };

  it('lists what there is, and chooses one that exists', async () => {
    await stage.withWorker(async () => {
      const name = await untilAsked();
      const listed = await audience(['choose-audience', name, SYNC]);
      expect(listed.out).toContain(`${AUDIENCE.name}\n  ${AUDIENCE.id}\n`);
      const { json } = await audience(['choose-audience', name, SYNC, AUDIENCE.name, '--json']);
      expect(json()).toEqual([{ name, sync: SYNC, answer: AUDIENCE.id }]);
      await stage.audiences.result(name);
    });
  });

  it('makes a new one', async () => {
    await stage.withWorker(async () => {
      const name = await untilAsked();
      const create = ['--create', `New for ${name}`, '--type', 'user_audience', '--account', ACCOUNT.label];
      const { code, out } = await audience(['choose-audience', name, SYNC, ...create]);
      expect({ code, out }).toEqual({ code: EXIT.ok, out: `sync ${SYNC}: to be made: New for ${name}\n` });
      const { syncs } = await stage.audiences.result(name);
      expect(syncs.map((sync) => sync.audience)).toMatchObject([{ name: `New for ${name}`, made: true }]);
    });
  });
});

describe('retry', () => {
  it('tells what is wrong with a change by file, line and column, then takes it mended', async () => {
    await stage.withWorker(() =>
      inTemporaryDirectory(async (directory) => {
        const name = await startBlocked('cli-mends');
        const file = join(directory, 'model.yaml');
        const retry = (...options: string[]) => audience(['retry', name, MODEL, '--change', file, ...options]);

        await writeFile(file, 'name: Active Users\nquery: [SELECT\n');
        expect(await retry()).toMatchObject({ code: EXIT.badRequest, out: '' });
        await writeFile(file, 'name: Active Users\nquerry: SELECT email FROM users\n');
        const wrong = await retry();
        expect(wrong.code).toBe(EXIT.badRequest);
        expect(wrong.err.split('\n')).toEqual([
          expect.stringMatching(new RegExp(`^${file}:1:1  models\\.active-users\\.query: is missing`)),
          `${file}:2:1  models.active-users.querry: unknown key \`querry\`; did you mean \`query\`?`,
          '',
        ]);
        expect((await retry('--json')).json()).toMatchObject([
          {
            valid: false,
            faults: [
              { file, line: 1, column: 1 },
              { line: 2, path: ['models', 'active-users', 'querry'] },
            ],
          },
        ]);
        await writeFile(file, '~\n');
        expect((await retry()).err).toBe(`${file}:1:1  holds nothing; without --change, nothing is changed\n`);

        await writeFile(file, 'name: Active Users\nquery: SELECT first_name, last_name, email FROM users\n');
        const { code, out } = await retry();
        expect({ code, out }).toEqual({
          code: EXIT.ok,
          out: `${MODEL} is tried again. See:  audience status ${name}\n`,
        });
        await people(stage, name).step(MODEL, 'done');
      }),
    );
  });

  it('takes a change from standard input, or none', async () => {
    await stage.withWorker(async () => {
      const name = await startBlocked('cli-retries');
      const again = await audience(['retry', name, MODEL, '--json']);
      expect(again.json()).toEqual([{ name, step: MODEL, generation: 2 }]);
      await people(stage, name).step(MODEL, 'blocked', 2);
      const input = '{"name": "Active Users", "query": "SELECT first_name, last_name, email FROM users"}';
      expect((await audience(['retry', name, MODEL, '--change', '-'], { input })).code).toBe(EXIT.ok);
      await people(stage, name).step(MODEL, 'done');
      const late = await audience(['retry', name, MODEL]);
      expect(late.code).toBe(EXIT.refused);
      expect(late.err).toContain(`Step ${MODEL} is not blocked`);
    });
  });
});

describe('give-up', () => {
  it('ends the run with the reason', async () => {
    await stage.withWorker(async () => {
      const name = await startBlocked('cli-gives-up');
      const { code, out } = await audience(['give-up', name, '--reason', 'the campaign is off']);
      expect({ code, out }).toEqual({
        code: EXIT.ok,
        out: `${name} is given up, and ends. See:  audience status ${name}\n`,
      });
      const { failures } = await stage.failureOf(name);
      expect(failures.map(({ message }) => message).join()).toContain('the campaign is off');
      expect((await audience(['give-up', name, '--json'])).code).toBe(EXIT.notFound);
    });
  });
});

describe('refresh-link', () => {
  it('prints a fresh link and nothing else, or with --if-old the one there is', async () => {
    const name = await start();
    await stage.withWorker(async () => {
      const { status } = await stage.untilAsked(name);
      const same = await audience(['refresh-link', name, '--if-old']);
      expect(same.lines).toEqual([status?.signIn?.url]);
      const [fresh, ...rest] = (await audience(['refresh-link', name])).lines;
      expect(rest).toEqual([]);
      expect(fresh).not.toBe(status?.signIn?.url);
      expect((await audience(['refresh-link', name, '--if-old', '--json'])).json()).toEqual([
        { name, url: fresh, since: expect.any(String) },
      ]);
      await stage.sandbox.signIn(fresh ?? '');
    });
  });
});

describe('recover', () => {
  it('tells from where the run goes on and what no worker could read, and is refused once it does', async () => {
    const name = await newStandstill(stage, 'cli-recovered');
    await stage.withWorker(async () => {
      await untilStandstill(stage, name);
      const status = await audience(['status', name]);
      expect(status.out.replace(/\s+/g, ' ')).toContain(`\`audience recover ${name}\``);

      const { code, lines } = await audience(['recover', name]);
      expect(code).toBe(EXIT.ok);
      expect(lines).toEqual([
        expect.stringMatching(new RegExp(`^${name} goes on from event \\d+, 2.*Z\\. See:  audience status ${name}$`)),
        expect.stringContaining('What no worker could read: [TMPRL1100] '),
      ]);
      await people(stage, name).asked(`sync ${OPEN_SYNC}`);
      const again = await audience(['recover', name, '--json']);
      expect(again).toMatchObject({ code: EXIT.refused, out: '' });
      expect(again.err).toContain('does not stand still');
    });
  });
});

describe('undo', () => {
  it('lists what was undone and, as a failure, what is left', async () => {
    await stage.withWorker(async () => {
      const own = ownWalkthrough('cli-undone');
      const name = await start({
        ...own,
        syncs: own.syncs.map((sync, i) => (i === 0 ? { ...sync, audience: 'ask' } : sync)),
      });
      await stage.signIn(name);
      await people(stage, name).asked(`sync ${SYNC}`);
      await people(stage, name).step('sync New audience', 'done');
      expect(await audience(['undo', name])).toMatchObject({ code: EXIT.refused, out: '' });

      await stage.temporal.workflow.getHandle(workflowIdOf(name)).terminate();
      const { code, out, lines } = await audience(['undo', name], { tty: { columns: 80 } });
      expect(code).toBe(EXIT.failed);
      expect(lines[0]).toBe('undone  sync        New audience');
      expect(out).toContain(`undone  connection  LinkedIn ${name}\n        `);
      expect(out.replace(/\s+/g, ' ')).toContain(`left Audience “${name}” (`);
      const again = await audience(['undo', name, '--json']);
      expect(again.json()).toMatchObject([{ name, undone: expect.any(Array), left: [expect.any(String)] }]);
    });
  });

  it('ends well where nothing is left', async () => {
    await stage.withWorker(async () => {
      const name = await start(ownWalkthrough('cli-clean'));
      await stage.untilAsked(name);
      await people(stage, name).step(MODEL, 'done');
      await stage.temporal.workflow.getHandle(workflowIdOf(name)).terminate();
      expect((await audience(['undo', name])).code).toBe(EXIT.ok);
    });
  });
});

describe('an answer', () => {
  it('to a run that is not there is not found', async () => {
    for (const args of [
      ['select-accounts', 'nobody', '--all'],
      ['choose-audience', 'nobody', SYNC, 'Some'],
      ['retry', 'nobody', MODEL],
      ['give-up', 'nobody'],
      ['refresh-link', 'nobody'],
      ['recover', 'nobody'],
      ['undo', 'nobody'],
    ]) {
      expect(await audience(args)).toMatchObject({ code: EXIT.notFound, out: '' });
    }
  });

  it('that no worker takes ends with a code of its own', async () => {
    const { code, err } = await audience(['give-up', await start()]);
    expect(code).toBe(EXIT.noAnswer);
    expect(err).toContain('`audience worker`');
  });

  it('is not waited for after Ctrl-C', async () => {
    const name = await start();
    await stage.temporal.workflow.getHandle(workflowIdOf(name)).terminate();
    const interruption = new AbortController();
    const command = begin(['undo', name], { interrupted: interruption.signal });
    await until('the undo is there', () =>
      stage.temporal.workflow
        .getHandle(undoWorkflowIdOf(name))
        .describe()
        .catch(() => undefined),
    );
    interruption.abort();
    expect(await command.code).toBe(EXIT.interrupted);
    expect(command.err()).toBe(
      `Stopped waiting; the undo of ${name} goes on. See how it ends:  audience undo ${name}\n`,
    );
  });
});
