/** What the program adds to a step: at a Polytomic without delay, against a bare workflow whose activities do nothing. */

import { newName } from '../../test/support/new-name.ts';
import { SERIAL_CALLS } from '../bare/chain.ts';
import type { Given } from '../bare/workflows.ts';
import type { Bench, Site } from '../bench.ts';
import { countsOf, requireSame } from '../calls.ts';
import { type Measure, median, type Row, row, summary } from '../measure.ts';
import { givenAll, onGiven } from '../requests.ts';
import { ofBare, ofProgram, type Starter } from '../runs.ts';

/** How often each contender runs in a round. */
const REPEATS = 40;

/** Steps of a run that uses connections which are there, each an activity: all that there are but the one that does two at once. */
const STEPS = Object.keys(SERIAL_CALLS).filter((step) => step !== 'verifySignInAndEnable').length;

export const overhead: Measure = {
  id: 'overhead',
  run: (bench) => bench.on((site) => measured(bench, site)),
};

async function measured(bench: Bench, site: Site): Promise<Row[]> {
  const { sandbox } = site;
  await site.startWorker();
  await site.startBareWorker();
  // All is there and signed in: no person, and no job that is looked at every 200 ms, so that nothing but steps is measured.
  const fresh = async () => {
    await sandbox.reset();
    return givenAll(sandbox);
  };
  const contenders: Record<'program' | 'calls' | 'nothing', (given: Given) => Starter> = {
    program: (given) => ofProgram(site, (name) => onGiven(name, given)),
    calls: (given) => ofBare(site, { kind: 'calls' }, given),
    nothing: (given) => ofBare(site, { kind: 'nothing' }, given),
  };
  const once = async (kind: keyof typeof contenders): Promise<number> => {
    const start = contenders[kind](await fresh());
    const startedAt = performance.now();
    await (await start(newName(kind))).done();
    return performance.now() - startedAt;
  };
  const callsOfOne = async (kind: keyof typeof contenders) => {
    const start = contenders[kind](await fresh());
    const seen = await sandbox.count();
    await (await start(newName(kind))).done();
    return countsOf(await sandbox.requests(seen));
  };

  // Warmed up, and the same calls on both sides, else the one could not be taken off the other.
  const counts: Record<string, Record<string, number>> = {};
  for (const kind of ['program', 'calls', 'nothing'] as const) {
    for (let repeat = 0; repeat < 5; repeat += 1) await once(kind);
    counts[kind] = await callsOfOne(kind);
  }
  requireSame(counts['program'], counts['calls']);

  const rounds: Record<keyof typeof contenders, number[]> = { program: [], calls: [], nothing: [] };
  for (let round = 0; round < bench.rounds; round += 1) {
    const taken: typeof rounds = { program: [], calls: [], nothing: [] };
    for (let repeat = 0; repeat < bench.scaled(REPEATS, 5); repeat += 1) {
      for (const kind of ['program', 'calls', 'nothing'] as const) taken[kind].push(await once(kind));
    }
    for (const kind of ['program', 'calls', 'nothing'] as const) rounds[kind].push(median(taken[kind]));
    bench.tell(`overhead, round ${round + 1}: ${JSON.stringify(rounds)}`);
  }
  const net = rounds.program.map(
    (ms, round) => ms - (rounds.calls[round] ?? Number.NaN) + (rounds.nothing[round] ?? Number.NaN),
  );
  return [
    row(
      'overhead a step',
      { atMost: 1.3, of: 'of a step that does nothing' },
      'ratio',
      net.map((ms, round) => ms / (rounds.nothing[round] ?? Number.NaN)),
      {
        steps: STEPS,
        programMs: summary(rounds.program),
        callsFromBareStepsMs: summary(rounds.calls),
        stepsThatDoNothingMs: summary(rounds.nothing),
        programLessCallsMs: summary(net),
        withCalls: summary(rounds.program.map((ms, round) => ms / (rounds.nothing[round] ?? Number.NaN))),
        calls: counts['program'],
      },
    ),
  ];
}
