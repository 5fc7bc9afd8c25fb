/** What a worker takes: time until it polls, memory while it is idle, and with 50 runs at once. Against a bare worker. */
import { setTimeout as pause } from 'node:timers/promises';
import { newName } from '../../test/support/new-name.ts';
import type { Bench, Site } from '../bench.ts';
import { type Measure, median, type Row, ratios, row, summary } from '../measure.ts';
import { residentMib, watchMemory } from '../processes.ts';
import { walkthrough } from '../requests.ts';
import { inSlots, ofBare, ofProgram, timed } from '../runs.ts';

/** How often each worker is started in a round. */
const STARTS = 5;

/** What is at work at once while memory is looked at. */
const AT_ONCE = 50;
const RUNS = 200;

/** How long a worker is left alone before it counts as idle, in ms. */
const SETTLE_MS = 3_000;

export const footprint: Measure = {
  id: 'footprint',
  run: (bench) => bench.on((site) => measured(bench, site)),
};

interface Footprint {
  readyMs: number;
  idleMib: number;
  busyMib: number;
}

async function measured(bench: Bench, site: Site): Promise<Row[]> {
  const { sandbox } = site;
  const contenders = {
    program: { start: ofProgram(site, walkthrough), startWorker: () => site.startWorker() },
    bare: { start: ofBare(site, { kind: 'calls' }), startWorker: () => site.startBareWorker() },
  };
  const taken = async (kind: keyof typeof contenders, readyMs: number): Promise<Footprint> => {
    const { start, startWorker } = contenders[kind];
    await sandbox.reset();
    const worker = await startWorker();
    await pause(SETTLE_MS);
    const idleMib = await residentMib(worker.pid);
    const memory = watchMemory(worker.pid);
    await inSlots(bench.scaled(RUNS, AT_ONCE), AT_ONCE, (index) =>
      timed(start, newName(`${kind}-${index}`), { everyMs: 100, signIn: (link) => sandbox.signIn(link) }),
    );
    const busyMib = await memory.stop();
    await worker.stop();
    return { readyMs, idleMib, busyMib };
  };

  const rounds: Record<keyof typeof contenders, Footprint[]> = { program: [], bare: [] };
  for (let round = 0; round < bench.rounds; round += 1) {
    const ready: Record<keyof typeof contenders, number[]> = { program: [], bare: [] };
    for (let start = 0; start < bench.scaled(STARTS, 2); start += 1) {
      for (const kind of ['program', 'bare'] as const) {
        const worker = await contenders[kind].startWorker();
        ready[kind].push(worker.readyMs);
        await worker.stop();
      }
    }
    for (const kind of ['program', 'bare'] as const) rounds[kind].push(await taken(kind, median(ready[kind])));
    bench.tell(`footprint, round ${round + 1}: ${JSON.stringify(rounds)}`);
  }
  const compared = (name: string, key: keyof Footprint, atMost: number, details: Record<string, unknown> = {}) => {
    const ours = rounds.program.map((one) => one[key]);
    const theirs = rounds.bare.map((one) => one[key]);
    const mark = { atMost, of: 'of a bare worker' };
    return row(name, mark, 'ratio', ratios(ours, theirs), {
      program: summary(ours),
      bare: summary(theirs),
      ...details,
    });
  };
  return [
    compared('worker start', 'readyMs', 1.5, { unit: 'ms' }),
    compared('idle memory', 'idleMib', 1.15, { unit: 'MiB' }),
    compared('memory at 50 runs at once', 'busyMib', 1.15, { unit: 'MiB', runs: bench.scaled(RUNS, AT_ONCE) }),
  ];
}
