/** What a kill -9 of the only worker does to many runs in flight. */
import { setTimeout as pause } from 'node:timers/promises';
import { newName } from '../../test/support/new-name.ts';
import type { Bench, Site } from '../bench.ts';
import { type Measure, type Row, row, summary } from '../measure.ts';
import { givenAll, onGiven } from '../requests.ts';
import { ofProgram, type Run } from '../runs.ts';
import type { Sandbox } from '../sandbox.ts';
import { type TimedOut, timedOut } from '../timed-out.ts';

const RUNS = 1_000;

/** What has to be done of all runs before the worker is killed. */
const DONE_SHARE = 0.05;

export const recovery: Measure = {
  id: 'recovery',
  run: async (bench) => {
    const rounds: Recovery[] = [];
    for (let round = 0; round < bench.rounds; round += 1) {
      rounds.push(await bench.on((site) => measured(bench, site)));
      bench.tell(`recovery, round ${round + 1}: ${JSON.stringify(rounds.at(-1))}`);
    }
    return rowsOf(bench, rounds);
  },
};

interface Recovery {
  /** From the moment the new worker polls until it makes its first call, in s. */
  firstProgressS: number;
  /** Runs that did not complete. */
  lost: number;
  /** Things that were made twice. */
  doubled: number;
  /** From the moment the new worker polls until all have completed, in s. */
  finishS: number;
  /** When the shares of all runs had completed, in s. */
  completedByS: Record<'half' | 'ninety' | 'all', number>;
  /** What was under way when the worker was killed: each is missed only when its time is up. */
  timedOut: TimedOut;
}

async function measured(bench: Bench, site: Site): Promise<Recovery> {
  const { sandbox, client } = site;
  const runs = bench.scaled(RUNS, 20);
  await sandbox.reset(20);
  const given = await givenAll(sandbox);
  const doubledBefore = await doubles(sandbox);
  const start = ofProgram(site, (name) => onGiven(name, given));
  const started: Run[] = await Promise.all(Array.from({ length: runs }, (_, index) => start(newName(`run-${index}`))));
  // All are in flight before any of them can end.
  const worker = await site.startWorker();

  const completedAt: number[] = [];
  let lost = 0;
  const ends = started.map((run) =>
    run.done().then(
      () => void completedAt.push(performance.now()),
      () => {
        lost += 1;
      },
    ),
  );
  while (completedAt.length < Math.max(1, DONE_SHARE * runs)) await pause(10);
  await worker.kill();
  // What was under way when it was killed is answered by then.
  await pause(500);
  const seen = await sandbox.count();

  await site.startWorker();
  const readyAt = performance.now();
  while ((await sandbox.requests(seen)).length === 0) await pause(5);
  const firstProgressS = (performance.now() - readyAt) / 1000;
  await Promise.all(ends);

  const sorted = completedAt.toSorted((a, b) => a - b);
  const by = (share: number) => ((sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN) - readyAt) / 1000;
  return {
    firstProgressS,
    lost,
    doubled: (await doubles(sandbox)) - doubledBefore,
    finishS: by(1),
    completedByS: { half: by(0.5), ninety: by(0.9), all: by(1) },
    timedOut: await timedOut(client, started),
  };
}

function rowsOf(bench: Bench, rounds: readonly Recovery[]): Row[] {
  const details = {
    runs: bench.scaled(RUNS, 20),
    finishS: summary(rounds.map(({ finishS }) => finishS)),
    runsHeldUp: summary(rounds.map(({ timedOut: { runs } }) => runs)),
    rounds,
  };
  return [
    row(
      'recovery: first progress',
      { atMost: 2, of: 's after a new worker is ready' },
      's',
      rounds.map(({ firstProgressS }) => firstProgressS),
      details,
    ),
    row(
      'recovery: lost or made twice',
      { atMost: 0, of: 'runs, syncs and audiences' },
      'count',
      rounds.map(({ lost, doubled }) => lost + doubled),
      {},
    ),
  ];
}

/** How many syncs and audiences have the name of another one. */
async function doubles(sandbox: Sandbox): Promise<number> {
  const { syncs, audiences } = (await sandbox.state()) as Record<'syncs' | 'audiences', Array<{ name: string }>>;
  return [syncs, audiences].reduce((sum, all) => sum + all.length - new Set(all.map(({ name }) => name)).size, 0);
}
