/** What a kill -9 of the only worker does to many runs in flight. */
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../test/support/until.ts';
import type { Bench, Site } from '../bench.ts';
import { byShare, type Measure, type Row, row, summary } from '../measure.ts';
import { givenMany } from '../requests.ts';
import { type Run, startShared } from '../runs.ts';
import type { Sandbox } from '../sandbox.ts';
import { type TimedOut, timedOut } from '../timed-out.ts';

const RUNS = 1_000;

/** What has to be done of all runs before the worker is killed. */
const DONE_SHARE = 0.05;

/** How long to wait for a first run to complete, and for a first call, in ms. */
const PROGRESS_TIMEOUT_MS = 120_000;

/** What has not completed so long after the new worker was ready counts as lost, in ms. */
const LOST_AFTER_MS = 600_000;

export const recovery: Measure = {
  id: 'recovery',
  run: async (bench) => {
    const rounds: Recovery[] = [];
    for (let round = 0; round < bench.rounds; round += 1) {
      const unharmedS = await bench.on((site) => unharmed(bench, site));
      rounds.push({ ...(await bench.on((site) => measured(bench, site))), unharmedS });
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
  completedByS: Record<'half' | 'ninety', number>;
  /** What was under way when the worker was killed: each is missed only when its time is up. */
  timedOut: TimedOut;
  /** As many runs with a worker that nobody kills: from the moment that it polls until all have completed, in s. */
  unharmedS: number;
}

/** Starts all runs: they are in flight before any of them can end, as there is no worker yet. */
async function startAll(bench: Bench, site: Site): Promise<Run[]> {
  await site.sandbox.reset(20);
  const given = await givenMany(site.sandbox);
  return Promise.all(Array.from({ length: bench.scaled(RUNS, 20) }, (_, index) => startShared(site, given, index)));
}

async function unharmed(bench: Bench, site: Site): Promise<number> {
  const started = await startAll(bench, site);
  await site.startWorker();
  const readyAt = performance.now();
  await Promise.all(started.map((run) => run.done()));
  return (performance.now() - readyAt) / 1000;
}

async function measured(bench: Bench, site: Site): Promise<Omit<Recovery, 'unharmedS'>> {
  const { sandbox, client } = site;
  const started = await startAll(bench, site);
  const doubledBefore = await doubles(sandbox);
  const runs = started.length;
  const worker = await site.startWorker();

  const completedAt: number[] = [];
  const ends = started.map((run) =>
    run.done().then(
      () => void completedAt.push(performance.now()),
      // One that fails is counted as lost.
      () => undefined,
    ),
  );
  await until('some runs to complete', () => completedAt.length >= Math.max(1, DONE_SHARE * runs), PROGRESS_TIMEOUT_MS);
  await worker.kill();
  // What was under way when it was killed is answered by then.
  await pause(500);
  const seen = await sandbox.count();

  await site.startWorker();
  const readyAt = performance.now();
  await until('a call of the new worker', async () => (await sandbox.requests(seen)).length > 0, PROGRESS_TIMEOUT_MS);
  const firstProgressS = (performance.now() - readyAt) / 1000;
  const tooLong = new AbortController();
  await Promise.race([Promise.all(ends), pause(LOST_AFTER_MS, undefined, { signal: tooLong.signal })]);
  tooLong.abort();

  const by = (share: number) => (byShare(completedAt, share) - readyAt) / 1000;
  return {
    firstProgressS,
    lost: runs - completedAt.length,
    doubled: (await doubles(sandbox)) - doubledBefore,
    finishS: by(1),
    completedByS: { half: by(0.5), ninety: by(0.9) },
    timedOut: await timedOut(client, started),
  };
}

function rowsOf(bench: Bench, rounds: readonly Recovery[]): Row[] {
  const details = {
    runs: bench.scaled(RUNS, 20),
    finishS: summary(rounds.map(({ finishS }) => finishS)),
    unharmedS: summary(rounds.map(({ unharmedS }) => unharmedS)),
    runsHeldUp: summary(rounds.map(({ timedOut: { runs } }) => runs)),
    rounds,
  };
  return [
    row(
      'recovery: first progress',
      { atMost: 2, of: 's after a new worker is ready', inEachRound: true },
      's',
      rounds.map(({ firstProgressS }) => firstProgressS),
      details,
    ),
    row(
      'recovery: lost or made twice',
      { atMost: 0, of: 'runs, syncs and audiences', inEachRound: true },
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
