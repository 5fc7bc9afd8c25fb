/** What 1, 2 and 4 workers get through at a Polytomic that needs 150 ms a call, and what the server and the rest do meanwhile. */
import type { Bench, Site } from '../bench.ts';
import { type Measure, median, type Row, rounded, row } from '../measure.ts';
import { processorUseOf } from '../processor-use.ts';
import { givenMany } from '../requests.ts';
import { inSlots, type Run, startShared } from '../runs.ts';
import { type TimedOut, timedOut } from '../timed-out.ts';

const WORKERS = [1, 2, 4] as const;
const RUNS = 400;

/** As many as one worker keeps in its cache: with more it would replay those that do not fit, and two workers would not. */
const AT_ONCE = 100;
const CALL_MS = 150;

/** From which share on processors count as full. */
const FULL = 0.9;

/** What twice the workers must bring to count as growth. */
const GROWTH = 1.05;

export const scaleOut: Measure = {
  id: 'scale-out',
  run: (bench) => bench.on((site) => measured(bench, site)),
};

/** One batch of runs. Processors are in count: 1 is one that is busy all the time. */
interface Load {
  workers: number;
  runsPerSecond: number;
  serverProcessors?: number;
  sandboxProcessors: number;
  workerProcessors: number;
  machineProcessors: number;
  /** What Temporal handed out and nobody answered: each holds its run up, at the end that of all. */
  timedOut: TimedOut;
}

async function measured(bench: Bench, site: Site): Promise<Row[]> {
  const rounds: Load[][] = [];
  for (let round = 0; round < bench.rounds; round += 1) {
    const loads: Load[] = [];
    for (const workers of WORKERS) loads.push(await load(bench, site, workers));
    rounds.push(loads);
    bench.tell(`scale-out, round ${round + 1}: ${JSON.stringify(loads)}`);
  }
  const cores = bench.cores;
  // Of each doubling: does it bring more, or is there no processor left?
  const stalled = rounds.map(
    (loads) =>
      loads.slice(1).filter((one, index) => {
        const before = loads[index];
        const grows = before !== undefined && one.runsPerSecond >= GROWTH * before.runsPerSecond;
        return !grows && one.machineProcessors < FULL * cores && (one.serverProcessors ?? 0) < FULL;
      }).length,
  );
  return [
    row(
      'scale-out',
      { atMost: 0, of: 'doublings of workers without growth though processors are free', inEachRound: true },
      'count',
      stalled,
      {
        loads: WORKERS.map((workers) => averaged(rounds.flat().filter((one) => one.workers === workers))),
        rounds,
        cores,
        runs: bench.scaled(RUNS, 20),
      },
    ),
  ];
}

async function load(bench: Bench, site: Site, count: number): Promise<Load> {
  const { sandbox } = site;
  await sandbox.reset();
  const workers = await Promise.all(Array.from({ length: count }, () => site.startWorker()));
  const runs = bench.scaled(RUNS, 20);
  // Nobody asks meanwhile: queries are work for workers too, and not of the kind that is measured.
  const given = await givenMany(sandbox);
  await sandbox.delay(CALL_MS);
  const started: Run[] = [];
  const { seconds, use } = await processorUseOf(site, workers, () =>
    inSlots(runs, AT_ONCE, async (index) => {
      const run = await startShared(site, given, index);
      started.push(run);
      await run.done();
    }),
  );
  for (const worker of workers) await worker.stop();
  return {
    workers: count,
    runsPerSecond: runs / seconds,
    ...(use.server === undefined ? {} : { serverProcessors: use.server / seconds }),
    sandboxProcessors: use.sandbox / seconds,
    workerProcessors: use.workers / seconds,
    machineProcessors: use.machine / seconds,
    timedOut: await timedOut(site.client, started),
  };
}

/** The median of each figure. */
function averaged(loads: readonly Load[]): Record<string, number> {
  const keys = [
    'workers',
    'runsPerSecond',
    'serverProcessors',
    'sandboxProcessors',
    'workerProcessors',
    'machineProcessors',
  ] as const;
  return Object.fromEntries(keys.map((key) => [key, rounded(median(loads.map((one) => one[key] ?? 0)))]));
}
