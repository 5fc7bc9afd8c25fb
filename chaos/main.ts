/** `npm run chaos`: many runs at once while everything is killed and fails, then a count of what is there. */
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { REFRESH_TOKEN } from '../src/sandbox/linkedin.ts';
import { type Machine, startMachine } from '../test/support/machine.ts';
import { newSecret } from '../test/support/secret-search.ts';
import { Board } from './board.ts';
import { SECRET, scriptOf } from './cast.ts';
import { noDeeds } from './deeds.ts';
import { Disasters } from './disasters.ts';
import { Draws } from './draws.ts';
import { eachOf } from './each-of.ts';
import { gather, historyFile, type Played, searchDatabase } from './evidence.ts';
import { judge } from './judge.ts';
import { tellLive } from './live.ts';
import { type Options, readOptions, USAGE, UsageError } from './options.ts';
import { play } from './play.ts';
import { reportOf, reportText } from './report.ts';
import type { Script } from './script.ts';
import { surely } from './surely.ts';

/** Exit codes. */
const EXIT = { well: 0, findings: 1, broken: 2 } as const;

/** How many workers there are. */
const WORKERS = 3;

/** How late an answer is that comes after the caller has given up, in ms. */
const LATE_MS = { short: 2_500, shipped: 16_000 };

/** How long a run may take before it counts as lost, in ms. */
const RUN_PATIENCE_MS = { short: 15 * 60_000, shipped: 25 * 60_000 };

/** All things of a kind on one page of a list: with as many failing calls, a list of thirty pages is never read to its end. */
const PAGE_SIZE = 100_000;

/** How long a call of a worker may take, in ms; the worker's own default where it is as patient as it ships. */
const CALL_TIMEOUT_MS = 2_000;

async function chaos(options: Options, interrupted: AbortSignal): Promise<number> {
  const begun = Date.now();
  const secrets = newSecrets();
  const machine = await startMachine({
    snowflakePassword: secrets.get(SECRET.password) ?? '',
    sandboxArgs: ['--page-size', String(PAGE_SIZE)],
  });
  const ending = new AbortController();
  const signal = AbortSignal.any([interrupted, ending.signal]);
  // Everybody who waits for something waits for this too.
  setMaxListeners(0, signal);
  const farewell = () => process.stderr.write(`Interrupted: ending what was started in ${machine.directory}\n`);
  interrupted.addEventListener('abort', farewell, { once: true });
  const script = fileURLToPath(new URL('workers/worker.js', import.meta.url));
  const env = {
    ...Object.fromEntries(secrets),
    CHAOS_PATIENCE: options.patience,
    CHAOS_SABOTAGE: options.sabotage ?? '',
    ...(options.patience === 'short' ? { POLYTOMIC_TIMEOUT_MS: String(CALL_TIMEOUT_MS) } : {}),
  };
  const disasters = new Disasters(machine, new Draws(options.seed, 'kills'), () =>
    machine.startWorker({ env, script }),
  );
  let keep = true;
  try {
    const scripts = Array.from({ length: options.runs }, (_, index) => scriptOf(options.seed, index + 1));
    const strangers = await makeStrangers(machine, scripts, secrets);
    await planFaults(machine, options);
    await strikeCreates(machine, options);
    await disasters.begin(WORKERS);
    const played = await playAll(machine, options, scripts, disasters, signal);
    if (interrupted.aborted) return EXIT.broken;
    const sites = await surely(() => machine.sandbox.faultSites());
    await planFaults(machine, { ...options, share: 0 });
    const evidence = await gather(machine, played, strangers, secrets);
    const kills = { ...disasters.kills };
    await machine.stop();
    evidence.secrets.push(...(options.runs <= 200 ? await searchDatabase(machine.directory, secrets) : []));
    const verdict = judge(evidence);
    const seconds = (Date.now() - begun) / 1000;
    const report = reportOf(options, { evidence, verdict, kills, sites, seconds }, (run) =>
      historyFile(machine.directory, run),
    );
    keep = options.keep || report.findings.length > 0 || report.broken !== undefined;
    const told = keep ? { ...report, directory: machine.directory } : report;
    if (options.report !== undefined) await writeFile(options.report, `${JSON.stringify(told, null, 2)}\n`);
    if (keep) await writeFile(`${machine.directory}/report.json`, `${JSON.stringify(told, null, 2)}\n`);
    process.stdout.write(`${reportText(told)}\n`);
    if (report.broken !== undefined) return EXIT.broken;
    return report.findings.length === 0 ? EXIT.well : EXIT.findings;
  } finally {
    ending.abort();
    await disasters.stop();
    await machine.stop();
    if (keep && (options.keep || !interrupted.aborted)) process.stderr.write(`Kept: ${machine.directory}\n`);
    else await rm(machine.directory, { recursive: true, force: true });
  }
}

/** Plays all scripts, so many at once, while things are killed. */
async function playAll(
  machine: Machine,
  { atOnce, patience, kills }: Options,
  scripts: readonly Script[],
  disasters: Disasters,
  signal: AbortSignal,
): Promise<Played[]> {
  const beganAt = Date.now();
  const over = new AbortController();
  const watching = AbortSignal.any([signal, over.signal]);
  setMaxListeners(0, watching);
  const board = new Board(machine.temporal, watching);
  const { audiences, temporal, sandbox } = machine;
  const scene = {
    audiences,
    temporal,
    polytomic: sandbox.polytomic,
    board,
    signal,
    patienceMs: RUN_PATIENCE_MS[patience],
  };
  const played: Played[] = [];
  let begun = 0;
  const endedAs = (status: string) => played.filter(({ deeds }) => deeds.ended === status).length;
  const tellNoMore = tellLive(
    () => ({
      seconds: (Date.now() - beganAt) / 1000,
      begun,
      completed: endedAs('COMPLETED'),
      cancelled: endedAs('CANCELLED'),
      failed: endedAs('FAILED'),
      waiting: board.running.filter(({ stage = '' }) => stage.startsWith('awaiting_')).length,
      blocked: board.running.filter(({ blockedSteps }) => blockedSteps.length > 0).length,
      killed: Object.values(disasters.kills).reduce((sum, count) => sum + count, 0),
    }),
    process.stderr,
  );
  try {
    const playing = eachOf(scripts, Math.min(atOnce, scripts.length), async (script) => {
      if (signal.aborted) return;
      begun += 1;
      const deeds = await play(scene, script);
      played.push({ script, deeds: signal.aborted ? noDeeds() : deeds });
    }).finally(() => disasters.stop());
    const striking = kills ? disasters.strike() : new Promise<void>(() => undefined);
    await Promise.race([playing, endless(striking), endless(ignoringAbort(board.watch(), watching))]);
    await playing;
    return played;
  } finally {
    over.abort();
    tellNoMore();
  }
}

/** Rejects as `work` does, and never resolves. */
function endless(work: Promise<void>): Promise<void> {
  return work.then(() => new Promise<void>(() => undefined));
}

async function ignoringAbort(work: Promise<void>, signal: AbortSignal): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** The secrets of all runs, by the variable that holds them. */
function newSecrets(): Map<string, string> {
  return new Map([
    [SECRET.password, newSecret()],
    [SECRET.wrongPassword, newSecret()],
    [SECRET.clientSecret, newSecret()],
    [SECRET.refreshToken, REFRESH_TOKEN],
  ]);
}

/** Connections that strangers have made before; their ids. */
async function makeStrangers(
  { sandbox }: Machine,
  scripts: readonly Script[],
  secrets: ReadonlyMap<string, string>,
): Promise<string[]> {
  const ids: string[] = [];
  for (const { name, type } of scripts.flatMap(({ strangers }) => strangers)) {
    const configuration =
      type === 'linkedinads'
        ? {}
        : { account: 'uc193736182', username: 'user', dbname: 'database', password: secrets.get(SECRET.password) };
    const idempotencyKey = randomBytes(16).toString('hex');
    const { id } = await sandbox.polytomic.connections.create({ name, type, configuration }, { idempotencyKey });
    ids.push(id);
  }
  return ids;
}

async function planFaults({ sandbox }: Machine, { seed, share, patience }: Options): Promise<void> {
  await surely(() => sandbox.planFaults({ seed, share, lateMs: LATE_MS[patience] }));
}

/** With something taken away, what it is there for happens for sure: the first creates of each kind are struck by what it mends. */
async function strikeCreates({ sandbox }: Machine, { sabotage, runs }: Options): Promise<void> {
  if (sabotage === undefined) return;
  const faults = [
    ...(sabotage === 'look-up' ? [] : [{ drop: true }]),
    ...(sabotage === 'keys' ? [] : [{ status: 500 }]),
  ];
  for (const path of ['/api/models', '/api/syncs']) {
    for (const fault of faults) {
      await sandbox.fault({ match: { method: 'POST', path }, when: 'after', times: runs, ...fault });
    }
  }
}

/** How long an interrupted run may take to end all that it has started, in ms. Whatever is left then ends with this process. */
const FAREWELL_MS = 15_000;

async function main(): Promise<number> {
  const interruption = new AbortController();
  const interrupt = () => {
    interruption.abort();
    setTimeout(() => process.exit(EXIT.broken), FAREWELL_MS);
  };
  // Not `once`: what else listens in this process, to put the cursor back, ends it when nobody else listens any more.
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  try {
    const options = readOptions(process.argv.slice(2));
    if (!options.help) return await chaos(options, interruption.signal);
    process.stdout.write(`${USAGE}\n`);
    return EXIT.well;
  } catch (error) {
    const usage = error instanceof UsageError;
    if (usage) process.stderr.write(`${error.message}\n${USAGE}\n`);
    else if (!interruption.signal.aborted) process.stderr.write(`${inspect(error)}\n`);
    return EXIT.broken;
  }
}

// What was started and could not be stopped ends with this process.
process.exit(await main());
