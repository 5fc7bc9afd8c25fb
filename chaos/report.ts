/** The report of a chaos run, for people and for programs. Pure. */
import { type Evidence, type Finding, type Verdict, WRONGS, type Wrong } from './judge.ts';
import type { Options } from './options.ts';

/** A fault that was to strike at an endpoint, and how often it did. */
export interface FaultSite {
  endpoint: string;
  fault: string;
  calls: number;
  hits: number;
}

/** All that is told of a chaos run. */
export interface Report {
  seed: string;
  runs: number;
  /** The command that does the same again. */
  again: string;
  seconds: number;
  ends: Verdict['ends'];
  wrongs: Record<Wrong, number>;
  findings: Array<Finding & { history?: string }>;
  /** Steps that were blocked since an answer was lost for good, or otherwise as nobody had planned, and that a person mended. */
  mendings: Array<{ run: string; step: string; code: string; how: string; message: string }>;
  /** Runs that stood still since no worker could read their history, and that a person recovered. */
  recovered: Array<{ run: string; runId: string; why: string }>;
  /** How often each was killed. */
  kills: Record<string, number>;
  /** How many things were made, by kind. */
  made: Record<string, number>;
  sites: FaultSite[];
  /** Why nothing follows from it: it was no chaos. */
  broken?: string;
  /** Where histories and logs lie; absent if they were removed. */
  directory?: string;
}

/** Puts the report together. */
export function reportOf(
  { runs, seed, ...options }: Options,
  {
    evidence,
    verdict,
    ...rest
  }: Pick<Report, 'seconds' | 'kills' | 'sites'> & { evidence: Evidence; verdict: Verdict },
  historyOf: (run: string) => string,
): Report {
  const made = evidence.effects.filter(({ effect }) => effect === 'created');
  return {
    seed,
    runs,
    again: `npm run chaos -- --runs ${runs} --seed ${quoted(seed)}${againOf(options)}`,
    ends: verdict.ends,
    wrongs: Object.fromEntries(
      WRONGS.map((wrong) => [wrong, verdict.findings.filter((finding) => finding.wrong === wrong).length]),
    ) as Report['wrongs'],
    findings: verdict.findings.map((finding) =>
      finding.run === undefined ? finding : { ...finding, history: historyOf(finding.run) },
    ),
    mendings: evidence.runs.flatMap(({ script, deeds }) => deeds.mendings.map((one) => ({ run: script.name, ...one }))),
    recovered: evidence.runs.flatMap(({ script, deeds }) =>
      deeds.recovered.map((one) => ({ run: script.name, ...one })),
    ),
    made: countedBy(made, ({ kind }) => kind),
    ...(options.share > 0 && struckOf(rest.sites) === 0
      ? { broken: 'No fault has struck, although faults were asked for: nothing was tried.' }
      : {}),
    ...rest,
  };
}

function againOf({ atOnce, share, patience, sabotage, kills }: Omit<Options, 'runs' | 'seed'>): string {
  return [
    ` --at-once ${atOnce} --share ${share} --patience ${patience}`,
    ...(sabotage === undefined ? [] : [`--sabotage ${sabotage}`]),
    ...(kills ? [] : ['--no-kills']),
  ].join(' ');
}

/** As a shell takes it for one word. */
function quoted(word: string): string {
  return /^[\w.:-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** How many findings are told one by one. */
const SHOWN = 50;

/** The report for people, lines of at most 80 characters but for the findings. */
export function reportText(report: Report): string {
  const { ends, wrongs, findings, mendings, recovered, kills, made, sites, seconds } = report;
  const ended = Object.values(ends).reduce((sum, count) => sum + count, 0);
  return [
    '',
    `Chaos run of ${report.runs} with seed ${report.seed}, ${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`,
    '',
    ...table([
      ['ended as they should', ended],
      ['  completed', ends.completed],
      ['  cancelled', ends.cancelled],
      ['  failed by design', ends.failed],
      ['  blocked by design', ends.blocked],
      [
        'made',
        Object.entries(made)
          .map(([kind, count]) => `${count} ${kind}s`)
          .join(', '),
      ],
      [
        'killed',
        Object.entries(kills)
          .map(([victim, count]) => `${victim} ${count}`)
          .join(', '),
      ],
      [
        'calls struck by a fault',
        `${struckOf(sites)} at ${sites.filter(({ hits }) => hits > 0).length} of ${sites.length} sites`,
      ],
      ['blocked by an open outcome, mended', mendings.length],
      ...Object.entries(countedBy(mendings, ({ code, step }) => `${code}, ${step.split(' ')[0]}`)).map(
        ([what, count]): Row => [`  ${what}`, count],
      ),
      ['recovered after TMPRL1100', recovered.length],
    ]),
    '',
    ...table(WRONGS.map((wrong): Row => [wrong, wrongs[wrong]])),
    ...(sites.length === 0 ? [] : ['', ...faultTables(sites)]),
    ...(findings.length === 0 ? [] : ['', 'What is wrong', ...findings.slice(0, SHOWN).flatMap(findingLines)]),
    ...(findings.length > SHOWN ? [`and ${findings.length - SHOWN} more`] : []),
    '',
    ...(report.directory === undefined ? [] : [`Histories, logs and states: ${report.directory}`]),
    `The same again: ${report.again}`,
    report.broken ?? (findings.length === 0 ? 'All is well.' : `${findings.length} findings.`),
  ].join('\n');
}

function struckOf(sites: readonly FaultSite[]): number {
  return sites.reduce((sum, { hits }) => sum + hits, 0);
}

type Row = [string, string | number];

function table(rows: Row[]): string[] {
  return rows.map(
    ([what, value]) => `${what.padEnd(38)} ${typeof value === 'number' ? String(value).padStart(6) : value}`,
  );
}

function faultTables(sites: FaultSite[]): string[] {
  const summed = (keyOf: (site: FaultSite) => string) => {
    const sums = new Map<string, { calls: number; hits: number }>();
    for (const site of sites) {
      const { calls, hits } = sums.get(keyOf(site)) ?? { calls: 0, hits: 0 };
      sums.set(keyOf(site), { calls: calls + site.calls, hits: hits + site.hits });
    }
    return [...sums].map(
      ([key, { calls, hits }]) =>
        `${key.padEnd(62).slice(0, 62)} ${String(calls).padStart(8)} ${String(hits).padStart(8)}`,
    );
  };
  return [
    `${'Fault'.padEnd(62)} ${'calls'.padStart(8)} ${'hits'.padStart(8)}`,
    ...summed(({ fault }) => fault),
    '',
    `${'Endpoint'.padEnd(62)} ${'draws'.padStart(8)} ${'hits'.padStart(8)}`,
    ...summed(({ endpoint }) => endpoint),
  ];
}

function findingLines({ wrong, run, what, ids, history }: Report['findings'][number]): string[] {
  return [
    `- ${wrong}${run === undefined ? '' : ` (${run})`}: ${what}`,
    ...(ids.length === 0 ? [] : [`  ids: ${ids.join(', ')}`]),
    ...(history === undefined ? [] : [`  history: ${history}`]),
  ];
}

function countedBy<T>(items: readonly T[], keyOf: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[keyOf(item)] = (counts[keyOf(item)] ?? 0) + 1;
  return counts;
}
