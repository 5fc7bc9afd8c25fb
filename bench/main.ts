/**
 * `npm run bench`: measures the program beside what a user would do instead, prints a table, and writes results and plots.
 * docs/performance.md explains each row.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Bench } from './bench.ts';
import { describeMachine, EMBEDDED_SERVER } from './machine.ts';
import type { Measure, Row } from './measure.ts';
import { cost } from './measures/cost.ts';
import { footprint } from './measures/footprint.ts';
import { large } from './measures/large.ts';
import { latency } from './measures/latency.ts';
import { overhead } from './measures/overhead.ts';
import { recovery } from './measures/recovery.ts';
import { scaleOut } from './measures/scale-out.ts';
import { throughput } from './measures/throughput.ts';
import { waiting } from './measures/waiting.ts';
import { table } from './table.ts';

/** In the order of the table. */
const MEASURES: readonly Measure[] = [
  latency,
  overhead,
  throughput,
  cost,
  waiting,
  recovery,
  scaleOut,
  footprint,
  large,
];

const USAGE = `Usage: npm run bench -- [--only ID]… [--rounds N] [--scale X] [--address HOST:PORT] [--out DIR]
  --only ID            this measure alone; may be repeated: ${MEASURES.map(({ id }) => id).join(', ')}
  --rounds N           how often each is taken; default 3
  --scale X            factor on the sizes, such as 500 runs; default 1; with less the figures say little
  --address HOST:PORT  a Temporal server that runs already; default: an embedded one for each measure
  --out DIR            where results are written; default bench/results`;

/** What a file of results holds. */
export interface Results {
  measure: string;
  takenAt: string;
  machine: Awaited<ReturnType<typeof describeMachine>>;
  server: unknown;
  rounds: number;
  scale: number;
  rows: Row[];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      rounds: { type: 'string', default: '3' },
      scale: { type: 'string', default: '1' },
      address: { type: 'string' },
      out: { type: 'string', default: fileURLToPath(new URL('results', import.meta.url)) },
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
  const server = values.address === undefined ? EMBEDDED_SERVER : { address: values.address };
  const bench = await Bench.prepare({
    rounds,
    scale,
    address: values.address,
    tell: (line) => console.error(line),
  });
  await mkdir(values.out, { recursive: true });
  console.log(`${machine.processor}, ${machine.cores} cores, ${machine.memoryGib} GiB, Node ${machine.node}`);
  console.log(`Temporal server: ${JSON.stringify(server)}\n`);
  const all: Row[] = [];
  for (const { id, run } of MEASURES.filter(({ id }) => values.only?.includes(id) ?? true)) {
    const takenAt = new Date().toISOString();
    const rows = await run(bench);
    all.push(...rows);
    const results: Results = { measure: id, takenAt, machine, server, rounds, scale, rows };
    await writeFile(join(values.out, `${id}.json`), `${JSON.stringify(results, null, 2)}\n`);
  }
  console.log(table(all));
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
