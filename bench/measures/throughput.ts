/** How many runs one worker gets through, with a person in the middle of each: against bare activities with the same calls. */
import { setTimeout as pause } from 'node:timers/promises';
import { newName } from '../../test/support/new-name.ts';
import type { Bench, Site } from '../bench.ts';
import { countsOf, requireSame } from '../calls.ts';
import { type Measure, type Row, ratios, row, summary } from '../measure.ts';
import { msARun, processorUseOf } from '../processor-use.ts';
import { walkthrough } from '../requests.ts';
import { inSlots, ofBare, ofProgram, type Starter, timed } from '../runs.ts';

const RUNS = 500;
const AT_ONCE = 50;

/** How often a person looks whether there is a link, in ms: each look is a query, which a worker answers instead of going on. */
const LOOK_EVERY_MS = 1_000;

export const throughput: Measure = {
  id: 'throughput',
  run: (bench) => bench.on((site) => measured(bench, site)),
};

async function measured(bench: Bench, site: Site): Promise<Row[]> {
  const { sandbox } = site;
  const runs = bench.scaled(RUNS, 10);
  const driven = (start: Starter) => (name: string) =>
    timed(start, name, {
      worthAsking: () => pause(LOOK_EVERY_MS),
      everyMs: LOOK_EVERY_MS,
      signIn: (link) => sandbox.signIn(link),
    });
  const contenders = {
    program: { start: ofProgram(site, walkthrough), startWorker: () => site.startWorker() },
    bare: { start: ofBare(site, { kind: 'calls' }), startWorker: () => site.startBareWorker() },
  };
  const counts: Record<string, Record<string, number>> = {};
  const processorMs: Record<keyof typeof contenders, Array<Record<string, number>>> = { program: [], bare: [] };
  const batch = async (kind: keyof typeof contenders): Promise<number> => {
    await sandbox.reset();
    const worker = await contenders[kind].startWorker();
    const drive = driven(contenders[kind].start);
    await drive(newName('first'));
    counts[kind] = countsOf(await sandbox.requests());
    await sandbox.reset();
    const { seconds, use } = await processorUseOf(site, [worker], () =>
      inSlots(runs, AT_ONCE, (index) => drive(newName(`${kind}-${index}`))),
    );
    await worker.stop();
    processorMs[kind].push(msARun(use, runs));
    return runs / seconds;
  };

  const rounds: Record<keyof typeof contenders, number[]> = { program: [], bare: [] };
  for (let round = 0; round < bench.rounds; round += 1) {
    for (const kind of ['program', 'bare'] as const) rounds[kind].push(await batch(kind));
    requireSame(counts['program'], counts['bare']);
    bench.tell(`throughput, round ${round + 1}: ${JSON.stringify(rounds)}`);
  }
  return [
    row(
      'throughput',
      { atLeast: 0.9, of: 'of the same calls from bare activities' },
      'ratio',
      ratios(rounds.program, rounds.bare),
      {
        runs,
        atOnce: Math.min(AT_ONCE, runs),
        programRunsPerSecond: summary(rounds.program),
        bareRunsPerSecond: summary(rounds.bare),
        callsARun: counts['program'],
        processorMsARun: processorMs,
      },
    ),
  ];
}
