/** How long a run takes at a Polytomic that needs 150 ms a call: against a script, and against a chain that only waits. */
import { setTimeout as pause } from 'node:timers/promises';
import { newName } from '../../test/support/new-name.ts';
import { SERIAL_CALLS } from '../bare/chain.ts';
import type { Bench, Site } from '../bench.ts';
import { callsOf, countsOf, requireSame } from '../calls.ts';
import { type Measure, median, type Row, ratios, row, summary } from '../measure.ts';
import { walkthrough } from '../requests.ts';
import { ofBare, ofProgram, type Starter, type Times, timed } from '../runs.ts';
import { runScript } from '../script.ts';

/** What Polytomic needs for a call, in ms. */
const CALL_MS = 150;

/** How often each contender runs in a round. */
const REPEATS = 10;

/** How often a run is asked for its link once it must have it, in ms. */
const ASK_EVERY_MS = 3;

export const latency: Measure = {
  id: 'latency',
  run: (bench) => bench.on((site) => measured(bench, site)),
};

async function measured(bench: Bench, site: Site): Promise<Row[]> {
  const { sandbox } = site;
  await site.startWorker();
  await site.startBareWorker();
  const signIn = (link: string) => sandbox.signIn(link);
  // No run can have its link before the calls that bring it, and asking is work for the worker.
  const worthAsking = () => pause(SERIAL_CALLS.provideLinkedInConnection * CALL_MS);
  const called = (start: Starter) => async (): Promise<Times> => {
    await sandbox.reset(CALL_MS);
    return timed(start, newName('run'), { worthAsking, everyMs: ASK_EVERY_MS, signIn });
  };
  const program = called(ofProgram(site, walkthrough));
  // The same calls and nothing besides.
  const calling = called(ofBare(site, { kind: 'calls' }));
  const waiting = (): Promise<Times> =>
    timed(ofBare(site, { kind: 'wait', serialCallMs: CALL_MS }), newName('run'), {
      worthAsking,
      everyMs: ASK_EVERY_MS,
      signIn: async () => undefined,
    });
  const script = async (): Promise<number> => {
    await sandbox.reset(CALL_MS);
    return runScript(sandbox.url, sandbox.apiKey, newName('script'), signIn);
  };

  // What is loaded and compiled on first use is no part of a run.
  await program();
  const ours = countsOf(await sandbox.requests());
  await calling();
  requireSame(ours, countsOf(await sandbox.requests()));
  await waiting();
  await script();

  const rounds = { program: [] as Times[], waiting: [] as Times[], calling: [] as Times[], script: [] as number[] };
  for (let round = 0; round < bench.rounds; round += 1) {
    const taken = { program: [] as Times[], waiting: [] as Times[], calling: [] as Times[], script: [] as number[] };
    for (let repeat = 0; repeat < bench.scaled(REPEATS, 2); repeat += 1) {
      taken.program.push(await program());
      taken.script.push(await script());
      taken.waiting.push(await waiting());
      taken.calling.push(await calling());
    }
    rounds.program.push(middle(taken.program));
    rounds.waiting.push(middle(taken.waiting));
    rounds.calling.push(middle(taken.calling));
    rounds.script.push(median(taken.script));
    bench.tell(
      `latency, round ${round + 1}: ${JSON.stringify(rounds.program.at(-1))}, script ${rounds.script.at(-1)} ms`,
    );
  }
  // One more, to be looked at.
  await program();
  const calls = callsOf(await sandbox.requests());

  const of = (times: Times[], part: keyof Times) => times.map((one) => one[part]);
  const sum = (times: Times[]) => times.map(({ toLink, toDone }) => toLink + toDone);
  const total = sum(rounds.program);
  const part = (name: string, key: keyof Times) =>
    row(
      name,
      { atMost: 1.3, of: 'of a chain of steps that only wait' },
      'ratio',
      ratios(of(rounds.program, key), of(rounds.waiting, key)),
      { programMs: summary(of(rounds.program, key)), waitingMs: summary(of(rounds.waiting, key)) },
    );
  return [
    row('total time', { atMost: 0.75, of: 'of a script' }, 'ratio', ratios(total, rounds.script), {
      programMs: summary(total),
      scriptMs: summary(rounds.script),
      bareWithTheCallsMs: summary(sum(rounds.calling)),
      bareWithTheCallsOfScript: summary(ratios(sum(rounds.calling), rounds.script)),
      callMs: CALL_MS,
      calls,
    }),
    part('start to sign-in link', 'toLink'),
    part('sign-in to done', 'toDone'),
  ];
}

function middle(times: Times[]): Times {
  return {
    toLink: median(times.map(({ toLink }) => toLink)),
    toDone: median(times.map(({ toDone }) => toDone)),
  };
}
