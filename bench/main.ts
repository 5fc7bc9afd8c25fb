/**
 * `npm run bench`: measures the program beside what a user would do instead, prints a table, and writes results and plots.
 * docs/performance.md explains each row.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Bench } from './bench.ts';
import { describeMachine, EMBEDDED_SERVER, measuredCommit } from './machine.ts';
import type { Row } from './measure.ts';
import { MEASURES } from './measures.ts';
import { RESULTS, type Results, writeReport } from './report.ts';
import { table } from './table.ts';

const USAGE = `Usage: npm run bench -- [--only ID]… [--rounds N] [--scale X] [--address HOST:PORT] [--cpu-prof DIR] [--out DIR]
  --only ID            this measure alone; may be repeated: ${MEASURES.map(({ id }) => id).join(', ')}
  --rounds N           how often each is taken; default 3
  --scale X            factor on the sizes, such as 500 runs; default 1; with less the figures say little
  --address HOST:PORT  a Temporal server that runs already; default: an embedded one for each measure
  --cpu-prof DIR       each worker writes a profile of its processor time there, for Chrome's developer tools
  --out DIR            where results are written; default bench/results, from which docs/performance.md is filled`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      rounds: { type: 'string', default: '3' },
      scale: { type: 'string', default: '1' },
      address: { type: 'string' },
      'cpu-prof': { type: 'string' },
      out: { type: 'string', default: RESULTS },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const rounds = Number(values.rounds);
  const scale = Number(values.scale);
  const unknown = (values.only ?? []).filter((id) => !MEASURES.some((measure) => measure.id === id));
  if (!Number.isInteger(rounds) || rounds < 1 || !(scale > 0) || unknown.length > 0) throw new Error(USAGE);

  const machine = await describeMachine();
  const commit = await measuredCommit();
  const started = values.address === undefined ? EMBEDDED_SERVER : 'ran already';
  const bench = await Bench.prepare({
    rounds,
    scale,
    address: values.address,
    profiles: values['cpu-prof'],
    tell: (line) => console.error(line),
  });
  await mkdir(values.out, { recursive: true });
  console.log(`${machine.processor}, ${machine.cores} cores, ${machine.memoryGib} GiB, Node ${machine.node}`);
  console.log(`Temporal server: ${JSON.stringify(started)}\n`);
  const all: Row[] = [];
  for (const { id, run } of MEASURES.filter(({ id }) => values.only?.includes(id) ?? true)) {
    const takenAt = new Date().toISOString();
    const rows = await run(bench);
    all.push(...rows);
    const results: Results = {
      measure: id,
      commit,
      takenAt,
      machine,
      server: { ...bench.server, started },
      rounds,
      scale,
      rows,
    };
    await writeFile(join(values.out, `${id}.json`), `${JSON.stringify(results, null, 2)}\n`);
  }
  console.log(table(all));
  if (!relative(RESULTS, resolve(values.out)).startsWith('..')) await writeReport(MEASURES.map(({ id }) => id));
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
