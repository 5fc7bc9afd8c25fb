/** How many runs one worker gets through, with a person in the middle of each: against bare activities with the same calls. */
import { setTimeout as pause } from 'node:timers/promises';
import { newName } from '../../test/support/new-name.ts';
import type { Bench, Site } from '../bench.ts';
import { countsOf, requireSame } from '../calls.ts';
import { type Measure, type Row, ratios, row, summary } from '../measure.ts';
import { msARun, processorUseOf } from '../processor-use.ts';
import { walkthrough } from '../requests.ts';
import { inSlots, ofBare, ofProgram, timed } from '../runs.ts';

const RUNS = 500;
const AT_ONCE = 50;

/** How often a person looks whether there is a link, in ms: each look is a query, which a worker answers instead of going on. */
const LOOK_EVERY_MS = 1_000;

type Kind = 'program' | 'bare';

export const throughput: Measure = {
  id: 'throughput',
  run: async (bench) => {
    const rounds: Record<Kind, Batch[]> = { program: [], bare: [] };
    for (let round = 0; round < bench.rounds; round += 1) {
      // On a server of its own each, and each first in its turn: a server slows down as its database grows.
      const kinds: Kind[] = round % 2 === 0 ? ['program', 'bare'] : ['bare', 'program'];
      for (const kind of kinds) rounds[kind].push(await bench.on((site) => measured(bench, site, kind)));
      requireSame(rounds.program.at(-1)?.calls, rounds.bare.at(-1)?.calls);
      const [ours, theirs] = [rounds.program, rounds.bare].map((batches) => batches.at(-1)?.runsPerSecond);
      bench.tell(`throughput, round ${round + 1}: program ${ours}, bare ${theirs} runs/s`);
    }
    return rowsOf(bench, rounds);
  },
};

interface Batch {
  runsPerSecond: number;
  processorMsARun: Record<string, number>;
  /** Of one run. */
  calls: Record<string, number>;
}

async function measured(bench: Bench, site: Site, kind: Kind): Promise<Batch> {
  const { sandbox } = site;
  const runs = bench.scaled(RUNS, 10);
  const start = kind === 'program' ? ofProgram(site, walkthrough) : ofBare(site, { kind: 'calls' });
  const drive = (name: string) =>
    timed(start, name, {
      worthAsking: () => pause(LOOK_EVERY_MS),
      everyMs: LOOK_EVERY_MS,
      signIn: (link) => sandbox.signIn(link),
    });
  const worker = await (kind === 'program' ? site.startWorker() : site.startBareWorker());
  await drive(newName('first'));
  const calls = countsOf(await sandbox.requests());
  await sandbox.reset();
  const { seconds, use } = await processorUseOf(site, [worker], () =>
    inSlots(runs, AT_ONCE, (index) => drive(newName(`${kind}-${index}`))),
  );
  return { runsPerSecond: runs / seconds, processorMsARun: msARun(use, runs), calls };
}

function rowsOf(bench: Bench, { program, bare }: Record<Kind, Batch[]>): Row[] {
  const runs = bench.scaled(RUNS, 10);
  const ours = program.map(({ runsPerSecond }) => runsPerSecond);
  const theirs = bare.map(({ runsPerSecond }) => runsPerSecond);
  const processors = (batches: Batch[]) => batches.map(({ processorMsARun }) => processorMsARun);
  return [
    row('throughput', { atLeast: 0.9, of: 'of the same calls from bare activities' }, 'ratio', ratios(ours, theirs), {
      runs,
      atOnce: Math.min(AT_ONCE, runs),
      programRunsPerSecond: summary(ours),
      bareRunsPerSecond: summary(theirs),
      callsARun: program.at(-1)?.calls,
      processorMsARun: { program: processors(program), bare: processors(bare) },
    }),
  ];
}
