/**
 * Writes what was measured into the documentation: the tables of docs/performance.md, and its plots. Part of `npm run bench`;
 * alone, from the results that are there: `node --import tsx bench/report.ts`.
 */
import { realpathSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Machine } from './machine.ts';
import type { Row } from './measure.ts';
import { barOf, barPlot, COLOURS, detail, linePlot } from './plots.ts';
import { shown } from './table.ts';

/** What a file of results holds. */
export interface Results {
  measure: string;
  /** Of the code that was measured, with `-dirty` where it had changes; absent outside of a repository. */
  commit?: string | undefined;
  takenAt: string;
  machine: Machine;
  server: { version?: string; persistence?: string; started: unknown };
  rounds: number;
  scale: number;
  rows: Row[];
}

/** Where results are kept, and by which folder within of those on a server that is not embedded. */
export const RESULTS = fileURLToPath(new URL('results/', import.meta.url));
const SERVERS = [
  { folder: '', marker: 'embedded' },
  { folder: 'postgresql', marker: 'postgresql' },
] as const;

const PAGE = fileURLToPath(new URL('../docs/performance.md', import.meta.url));
const IMAGES = fileURLToPath(new URL('../docs/images/', import.meta.url));

/** Fills the page from all results there are, in the order of `measures`. */
export async function writeReport(measures: readonly string[]): Promise<void> {
  let page = await readFile(PAGE, 'utf8');
  for (const { folder, marker } of SERVERS) {
    const results = await resultsIn(join(RESULTS, folder), measures);
    if (results.length === 0) continue;
    page = filled(page, marker, tableOf(results));
    if (folder === '') {
      for (const [name, image] of plotsOf(results)) await writeFile(join(IMAGES, `performance-${name}.svg`), image);
    }
  }
  await writeFile(PAGE, page);
}

async function resultsIn(directory: string, measures: readonly string[]): Promise<Results[]> {
  const files = await readdir(directory).catch((): string[] => []);
  const there = measures.filter((id) => files.includes(`${id}.json`));
  return Promise.all(there.map(async (id) => JSON.parse(await readFile(join(directory, `${id}.json`), 'utf8'))));
}

/** The part of the page between `<!-- marker -->` and `<!-- /marker -->` is replaced. */
function filled(page: string, marker: string, text: string): string {
  const [begin, end] = [`<!-- ${marker} -->`, `<!-- /${marker} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from === -1 || to < from)
    throw new Error(`docs/performance.md has no place for results between ${begin} and ${end}`);
  return `${page.slice(0, from + begin.length)}\n${text}\n${page.slice(to)}`;
}

function tableOf(results: readonly Results[]): string {
  const [first] = results;
  if (first === undefined) throw new Error('there are no results');
  const { processor, cores, memoryGib, node, packages } = first.machine;
  const { version, persistence } = first.server;
  const scales = [...new Set(results.map(({ scale }) => scale))];
  const sizes = scales.length === 1 && scales[0] === 1 ? '' : ` **A trial at scale ${scales.join(', ')}: no figures.**`;
  const days = [...new Set(results.map(({ takenAt }) => takenAt.slice(0, 10)))].join(', ');
  const lines = results.flatMap(({ rows }) =>
    rows.map(({ name, median, values, unit, mark, met }) => {
      const rounds = values.map((value) => shown(value, unit)).join(', ');
      return `| ${name} | ${shown(median, unit)} | ${rounds} | ${mark} | ${met ? 'met' : '**missed**'} |`;
    }),
  );
  return [
    `${processor}, ${cores} cores, ${memoryGib} GiB; Node ${node}, Temporal SDK ${packages['@temporalio/worker']}, server ${version} on ${persistence}; ${days}.${sizes}`,
    '',
    '| measure | median | each round | mark | |',
    '| --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n');
}

function plotsOf(results: readonly Results[]): Array<[name: string, svg: string]> {
  const rows = new Map(results.flatMap(({ rows }) => rows.map((row) => [row.name, row] as const)));
  const plots: Array<[string, string]> = [];
  const trial = results.some(({ scale }) => scale !== 1) ? ' (a trial: no figures)' : '';
  const plot = (name: string, needs: readonly string[], draw: (...found: Row[]) => string) => {
    const found = needs.flatMap((need) => rows.get(need) ?? []);
    if (found.length === needs.length) plots.push([name, draw(...found)]);
  };
  plot('time', ['total time', 'start to sign-in link', 'sign-in to done'], (...three) => {
    const [total, link, done] = three as [Row, Row, Row];
    return barPlot(`How long a run takes, 150 ms a call${trial}`, 'ms', [
      barOf('a script, ten calls', false, detail(total, 'scriptMs')),
      barOf('the program, in all', true, detail(total, 'programMs')),
      barOf('to the link: steps that wait', false, detail(link, 'waitingMs')),
      barOf('to the link: the program', true, detail(link, 'programMs')),
      barOf('to the end: steps that wait', false, detail(done, 'waitingMs')),
      barOf('to the end: the program', true, detail(done, 'programMs')),
    ]);
  });
  plot('throughput', ['throughput'], (...[row]) =>
    barPlot(`Runs a second, one worker, 50 at a time${trial}`, 'runs/s', [
      barOf('bare activities, same calls', false, detail(row as Row, 'bareRunsPerSecond')),
      barOf('the program', true, detail(row as Row, 'programRunsPerSecond')),
    ]),
  );
  plot('scale-out', ['scale-out'], (...[row]) => {
    const loads = detail(row as Row, 'loads') as Array<Record<string, number>>;
    const values = (key: string) => loads.map((load) => load[key] ?? 0);
    const places = loads.map(({ workers }) => (workers === 1 ? '1 worker' : `${workers} workers`));
    return linePlot(`Workers, 150 ms a call${trial}`, 'runs/s, and processors in use', places, [
      { label: 'runs a second', values: values('runsPerSecond'), colour: COLOURS.ours },
      { label: 'processors: server', values: values('serverProcessors'), colour: COLOURS.other },
      { label: 'processors: workers', values: values('workerProcessors'), colour: COLOURS.fourth },
      { label: 'processors: machine', values: values('machineProcessors'), colour: COLOURS.theirs },
    ]);
  });
  plot('memory', ['idle memory', 'memory at 50 runs at once'], (...two) => {
    const [idle, busy] = two as [Row, Row];
    return barPlot(`Memory of a worker${trial}`, 'MiB', [
      barOf('idle: bare', false, detail(idle, 'bare')),
      barOf('idle: the program', true, detail(idle, 'program')),
      barOf('50 runs at once: bare', false, detail(busy, 'bare')),
      barOf('50 runs at once: the program', true, detail(busy, 'program')),
    ]);
  });
  return plots;
}

const program = process.argv[1];
if (program !== undefined && realpathSync(program) === fileURLToPath(import.meta.url)) {
  const { MEASURES } = await import('./measures.ts');
  await writeReport(MEASURES.map(({ id }) => id));
}
