import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { EXIT } from '../../src/cli/exit-codes.ts';
import type { ProvisioningRequest } from '../../src/request/schema.ts';
import { asking, ownWalkthrough, WRONG_QUERY } from '../support/own-walkthrough.ts';
import { people } from '../support/people.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { inTemporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';
import { ACCOUNT, AUDIENCE, CONTOSO } from '../support/walkthrough.ts';
import { commandsOf } from './on-stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

const SYNC = 'Existing audience';
const MODEL = 'model active-users';
const ENTER = '\r';
const CTRL_C = '\u0003';
const CTRL_D = '\u0004';

/** A person who watches a run in a terminal. */
interface Watcher {
  name: string;
  /** Presses keys. */
  type(keys: string): void;
  /** What the terminal shows now, without what was printed before. */
  frame(): string;
  /** Waits until it shows this. */
  sees(text: string | RegExp): Promise<string>;
  err(): string;
  out(): string;
  code: Promise<number>;
}

/** Where the next character of a line goes that can be typed. */
const PROMPT = /^> .*▏/m;

async function watch(request: ProvisioningRequest, columns = 100): Promise<Watcher> {
  const { name } = await stage.audiences.start(request);
  const keyboard = Object.assign(new PassThrough(), { isTTY: true });
  const { out, err, code } = commandsOf(stage).begin(['watch', name], { input: keyboard, tty: { columns } });
  // Each drawing is one block between these two.
  const frame = () => {
    const drawings = out()
      .split('\u001b[?2026h')
      .map((drawing) => stripVTControlCharacters(drawing));
    return drawings.findLast((drawing) => drawing.trim() !== '') ?? '';
  };
  const sees = (text: string | RegExp) =>
    until(`the terminal shows ${text}`, () => {
      const now = frame();
      return (typeof text === 'string' ? now.includes(text) : text.test(now)) && now;
    }).catch((error: Error) => {
      throw new Error(`${error.message}; it shows:\n${frame()}`);
    });
  return { name, type: (keys) => void keyboard.write(keys), frame, sees, err, out, code };
}

/** Signs in at the link of the run, without a word to it. */
async function signInQuietly(name: string): Promise<void> {
  const { status } = await stage.untilAsked(name);
  await stage.sandbox.signIn(status?.signIn?.url ?? '');
}

describe('a watch in a terminal', () => {
  it('asks for sign-in, accounts and audience one after the other, and shows the result', async () => {
    await stage.withWorker(async () => {
      const { name, type, sees, code, out } = await watch(asking('cli-in-place'));
      await sees('Enter: I have signed in · r: a fresh link · l: leave it to others');
      await signInQuietly(name);
      type(ENTER);
      await sees(`Choose for ad accounts\n  1  ${ACCOUNT.label}\n`);
      type(`contoso${ENTER}`);
      await sees(`Choose for ad accounts\n  1  ${CONTOSO.label}\n1, 2`);
      type(ENTER);
      await sees(`  1  ${ACCOUNT.label}\n`);
      type(`9${ENTER}`);
      await sees('! There is no such number.');
      type(`1, 3${ENTER}`);
      await sees(`Choose for sync ${SYNC}\n  1  ${AUDIENCE.name}\n`);
      type(`nothing like it${ENTER}`);
      await sees('! Nothing has the words “nothing like it”.');
      type(`${AUDIENCE.name}${ENTER}`);
      expect(await code).toBe(EXIT.ok);
      expect(out()).toMatch(/made {2}sync/);
      const { adAccounts, syncs } = await stage.audiences.result(name);
      expect(adAccounts).toEqual([ACCOUNT, CONTOSO]);
      expect(syncs.map(({ audience }) => audience.id)).toEqual([AUDIENCE.id]);
    });
  });

  it('gets a fresh link, and shows a claim that was not believed', async () => {
    await stage.withWorker(async () => {
      const { name, type, sees, code } = await watch(ownWalkthrough('cli-fresh-link'));
      const before = (await stage.untilAsked(name)).status?.signIn?.url;
      await sees(PROMPT);
      type(`x${ENTER}`);
      await sees('! Enter, or r.');
      type(`r${ENTER}`);
      await sees('There is a fresh link; older ones stop working.');
      expect((await stage.untilAsked(name)).status?.signIn?.url).not.toBe(before);
      type(ENTER);
      await sees(/^Not signed in yet \(/m);
      await sees(PROMPT);
      type(CTRL_C);
      expect(await code).toBe(EXIT.interrupted);
    });
  });

  it('asks for what mends a blocked step: again, typed with its faults, or in a file', async () => {
    await stage.withWorker(() =>
      inTemporaryDirectory(async (directory) => {
        const file = join(directory, 'model.yaml');
        await writeFile(file, 'name: Active Users\nquery: SELECT first_name, last_name, email FROM users\n');
        const { name, type, sees, code } = await watch(ownWalkthrough('cli-mends-here', { models: WRONG_QUERY }), 200);
        await signInQuietly(name);
        await stage.audiences.completeSignIn(name);
        await sees(`Mend ${MODEL}, which is blocked.`);
        await sees('another models.active-users');
        type(`{name: Active Users, querry: 7}${ENTER}`);
        await sees('! (typed):1:22  models.active-users.querry: unknown key `querry`; did you mean `query`?');
        type(`no-such-file.yaml${ENTER}`);
        await sees('! no-such-file.yaml  is not there');
        type(ENTER);
        await people(stage, name).step(MODEL, 'blocked', 2);
        await sees(PROMPT);
        type(`${file}${ENTER}`);
        expect(await code).toBe(EXIT.ok);
      }),
    );
  });

  it('gives up in so many words', async () => {
    await stage.withWorker(async () => {
      const { name, type, sees, code, err } = await watch(ownWalkthrough('cli-gives-up-here', { models: WRONG_QUERY }));
      await people(stage, name).step(MODEL, 'blocked');
      await sees('(1 more to come)');
      type(`l${ENTER}`);
      await sees(`Mend ${MODEL}, which is blocked.`);
      type(`give up${ENTER}`);
      expect(await code).toBe(EXIT.failed);
      expect(err()).toContain('Given up');
      expect((await stage.audiences.status(name)).state).toBe('failed');
    });
  });

  it('shows the line as it is typed, and takes the question away when somebody else answers', async () => {
    await stage.withWorker(async () => {
      const { name, type, sees, frame } = await watch(asking('cli-answered'));
      await signInQuietly(name);
      await stage.audiences.completeSignIn(name);
      await sees('Choose for ad accounts');
      type('Poly');
      await sees('> Poly▏');
      await stage.audiences.selectAccounts(name, [ACCOUNT.value]);
      await sees(`Choose for sync ${SYNC}`);
      expect(frame()).not.toContain('Choose for ad accounts');
      await stage.audiences.chooseAudience(name, { sync: SYNC, audience: { existing: AUDIENCE.id } });
      await sees('completed');
      expect(frame()).not.toMatch(PROMPT);
    });
  });

  it('leaves a question to others, and then says which command answers it', async () => {
    await stage.withWorker(async () => {
      const { name, type, sees, frame } = await watch(asking('cli-leaves'));
      await sees(PROMPT);
      expect(frame()).not.toContain('audience signed-in');
      type(`l${ENTER}`);
      await sees(`Then say so:\n  audience signed-in ${name}\n`);
      expect(frame()).not.toMatch(PROMPT);
      await stage.signIn(name);
      await sees('Choose for ad accounts');
      type(CTRL_D);
      await sees(`Answer with:\n  audience select-accounts ${name} ACCOUNT…\n`);
      expect(frame()).not.toMatch(PROMPT);
      await stage.audiences.cancel(name);
      await sees('cancelled');
    });
  });

  it('stops at Ctrl-C while a line is typed, and says that the run goes on', async () => {
    await stage.withWorker(async () => {
      const { name, type, sees, frame, code, err } = await watch(asking('cli-ctrl-c'));
      await sees(PROMPT);
      type(`half a li${CTRL_C}`);
      expect(await code).toBe(EXIT.interrupted);
      expect(err()).toBe(`Stopped watching; ${name} goes on. See:  audience status ${name}\n`);
      expect(frame()).not.toMatch(PROMPT);
      expect((await stage.audiences.status(name)).state).toBe('running');
    });
  });

  it('cannot be controlled by what is pasted', async () => {
    await stage.withWorker(async () => {
      const { type, sees, out, code } = await watch(asking('cli-pasted'));
      await sees(PROMPT);
      type('a\u202eb\u0085');
      await sees(/> a b/);
      expect(out()).not.toContain('\u202e');
      type(CTRL_C);
      await code;
    });
  });
});

describe('a watch that nobody can type into', () => {
  it.each([
    ['its input is no terminal', { tty: { columns: 100 } }, []],
    ['it prints JSON', { tty: { columns: 100 }, input: Object.assign(new PassThrough(), { isTTY: true }) }, ['--json']],
  ])('asks nothing where %s', async (_, given, options) => {
    const { name } = await stage.audiences.start(asking('cli-silent'));
    const interruption = new AbortController();
    const command = commandsOf(stage).begin(['watch', name, ...options], {
      ...given,
      interrupted: interruption.signal,
    });
    await stage.withWorker(() => until('it shows the wait', () => command.out().includes('awaiting_sign_in')));
    interruption.abort();
    await command.code;
    expect(command.out()).not.toMatch(PROMPT);
  });

  it('tells in a pipe what is asked, and by which command it is answered', async () => {
    const request = { ...asking('cli-piped'), models: WRONG_QUERY };
    await stage.withWorker(async () => {
      const { name } = await stage.audiences.start(request);
      const interruption = new AbortController();
      const command = commandsOf(stage).begin(['watch', name], { interrupted: interruption.signal });
      const told = (text: string) => until(`it tells ${text}`, () => command.out().includes(` ${name} ${text}`));
      await told(`then say so: audience signed-in ${name}\n`);
      await told(`mend it, then: audience retry ${name} '${MODEL}' [--change FILE with another models.active-users]\n`);
      await stage.signIn(name);
      await told(`choose for ad accounts: ${ACCOUNT.label}; `);
      expect(command.out()).toContain(`answer: audience select-accounts ${name} …\n`);
      interruption.abort();
      await command.code;
    });
  });
});
