import { readdir, rm } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import fetch from 'node-fetch';
import { AudienceClient } from '../../src/client.ts';
import { demo } from '../../src/demo/demo.ts';
import { connectClient, temporalSettings } from '../../src/temporal/connection.ts';
import { isAlive } from '../support/is-alive.ts';
import { descendantsOf, startProgram } from '../support/program.ts';
import { inTemporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';
import { ACCOUNT, AUDIENCE } from '../support/walkthrough.ts';

const TABLE = [
  /^made {2}connection {2}Snowflake Connection\n {6}\S+$/m,
  /^made {2}connection {2}LinkedIn Ads\n {6}\S+$/m,
  new RegExp(`^used {2}ad account {2}${ACCOUNT.label.replace(/[.()]/g, '\\$&')}\n {6}${ACCOUNT.value}$`, 'm'),
  /^made {2}model {7}Active Users\n {6}\S+$/m,
  new RegExp(`^used {2}audience {4}${AUDIENCE.name} +[1-9]\\d* members\n {6}${AUDIENCE.id}$`, 'm'),
  /^made {2}audience {4}New audience +[1-9]\d* members\n {6}\S+~user_audience\.\d+$/m,
];

/** The demo in this process, on a screen in memory. */
function begin(interactive: boolean): { out: () => string; interrupt: () => void; ended: Promise<void> } {
  const interruption = new AbortController();
  let text = '';
  const out = new Writable({
    write(chunk: Buffer, _, done) {
      text += chunk.toString();
      done();
    },
  });
  const ended = demo({ interactive, out, interrupted: interruption.signal });
  return { out: () => text, interrupt: () => interruption.abort(), ended };
}

describe('the demo', () => {
  it('kills a worker while a person signs in, and ends with a table of what was made', async () => {
    const { out, ended } = begin(false);
    await ended;
    const story = [
      'worker started',
      'provisioning “active-users” started',
      '● model active-users',
      'the run waits for a person to sign in',
      'worker killed (SIGKILL',
      'clicked Allow',
      'signal oauthCompleted sent',
      'another worker started',
      '● sign-in: signed in',
      '● sync New audience',
      'completed\n',
    ].map((event) => out().indexOf(event));
    expect(story).not.toContain(-1);
    expect(story).toEqual([...story].sort((a, b) => a - b));
    for (const row of TABLE) expect(out()).toMatch(row);
  });

  it('waits for a real person if it is interactive, then stays up until Ctrl-C', async () => {
    const { out, interrupt, ended } = begin(true);
    await until('it asks', () => out().includes('Waiting for you.'));
    const link = /1\. Sign in here: +(\S+)/.exec(out())?.[1] ?? '';
    const address = /TEMPORAL_ADDRESS=(\S+)/.exec(out())?.[1] ?? '';
    expect(out()).toMatch(
      /http:\/\/127\.0\.0\.1:\d+\/namespaces\/default\/workflows\/audience-provisioning%2Factive-users\//,
    );
    await fetch(link, { method: 'POST', body: new URLSearchParams({ decision: 'allow' }) });
    const { client } = await connectClient(temporalSettings({ TEMPORAL_ADDRESS: address }));
    const audiences = new AudienceClient({ temporal: client, taskQueue: 'any' });
    await audiences.completeSignIn('active-users');
    await audiences.close();
    await until('all is done and stays up', () => out().includes('All of it stays up until Ctrl-C.'));
    for (const row of TABLE) expect(out()).toMatch(row);
    const state = /The sandbox's state: (\S+)/.exec(out())?.[1] ?? '';
    expect((await fetch(state)).status).toBe(200);
    interrupt();
    await ended;
    await expect(fetch(state)).rejects.toMatchObject({ name: 'FetchError' });
  });
});

describe('a demo that fails', () => {
  it('says why and where the logs are, and leaves no process', async () => {
    const { out, ended } = begin(true);
    const failed = expect(ended).rejects.toThrow('“active-users” was terminated');
    await until('it asks', () => out().includes('Waiting for you.'));
    const processes = await descendantsOf(process.pid);
    const address = /TEMPORAL_ADDRESS=(\S+)/.exec(out())?.[1] ?? '';
    const { client, connection } = await connectClient(temporalSettings({ TEMPORAL_ADDRESS: address }));
    await client.workflow.getHandle('audience-provisioning/active-users').terminate();
    await connection.close();
    await failed;
    const directory = /Logs are kept in (\S+)/.exec(out())?.[1] ?? '';
    expect(await readdir(directory)).toEqual(expect.arrayContaining(['sandbox.log', 'worker.log']));
    await rm(directory, { recursive: true });
    const servers = processes.filter(({ command }) => command.includes(directory));
    expect(servers).not.toEqual([]);
    await until('the end of all of them', () => servers.every(({ pid }) => !isAlive(pid)));
  });
});

describe('the demo as a process', () => {
  it('ends with 0', async () => {
    const program = startProgram('demo/main.js', []);
    expect(await program.ended).toEqual({ code: 0, signal: null });
    expect(program.err()).toBe('');
    for (const row of TABLE) expect(program.out()).toMatch(row);
  });

  it.each([
    ['while the run waits for a person', ['--interactive'], 'Waiting for you.'],
    ['at its very beginning', [], 'Temporal server at'],
  ])('leaves no process and no file behind when it is interrupted %s', async (_, args, when) => {
    await inTemporaryDirectory(async (directory) => {
      const program = startProgram('demo/main.js', args, { TMPDIR: directory });
      await until('it has come so far', () => program.out().includes(when));
      const processes = await descendantsOf(program.pid);
      expect(processes.length).toBeGreaterThan(1);
      program.child.kill('SIGINT');
      expect(await program.ended).toEqual({ code: 130, signal: null });
      expect(program.out()).toContain('Interrupted.');
      expect(program.err()).toBe('');
      await until('the end of all of them', () => processes.every(({ pid }) => !isAlive(pid)));
      expect((await readdir(directory)).filter((name) => name.startsWith('audience-'))).toEqual([]);
    });
  });

  it('says how it is used, and refuses what it does not know', async () => {
    const help = startProgram('demo/main.js', ['--help']);
    expect(await help.ended).toMatchObject({ code: 0 });
    expect(help.out()).toContain('npm run demo -- --interactive');
    const wrong = startProgram('demo/main.js', ['--interactiv']);
    expect(await wrong.ended).toMatchObject({ code: 1 });
    expect(wrong.err()).toContain("Unknown option '--interactiv'");
  });
});
