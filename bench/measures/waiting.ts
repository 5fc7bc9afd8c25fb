/** What runs cost that wait for a person: to the worker's memory, to their history, and to those who go on. */
import { setTimeout as pause } from 'node:timers/promises';
import { newName } from '../../test/support/new-name.ts';
import { until } from '../../test/support/until.ts';
import type { Bench, Site } from '../bench.ts';
import { byShare, type Measure, type Row, ratios, rounded, row, summary } from '../measure.ts';
import { residentMib, watchMemory } from '../processes.ts';
import { msARun, processorUseOf } from '../processor-use.ts';
import { CONNECTIONS, existingSync, linkedInConnection, onGiven, sharedBy, snowflakeAndModel } from '../requests.ts';
import { eachInSlots, inSlots, ofProgram, type Run } from '../runs.ts';
import { type TimedOut, timedOut } from '../timed-out.ts';

const PARKED = 10_000;
const SIGNED_IN = 1_000;
const AT_ONCE = 50;

/** How long a worker is left alone before its memory is looked at, in ms. */
const SETTLE_MS = 3_000;

export const waiting: Measure = {
  id: 'waiting',
  run: async (bench) => {
    const few: Wait[] = [];
    const many: Wait[] = [];
    for (let round = 0; round < bench.rounds; round += 1) {
      few.push(await bench.on((site) => measured(bench, site, bench.scaled(SIGNED_IN, 20))));
      many.push(await bench.on((site) => measured(bench, site, bench.scaled(PARKED, 100))));
      bench.tell(`waiting, round ${round + 1}: ${JSON.stringify({ few: few.at(-1), many: many.at(-1) })}`);
    }
    return rowsOf(bench, few, many);
  },
};

interface Wait {
  parked: number;
  parkingS: number;
  /** Of the worker that parked them. */
  parkedMib: number;
  /** Of the worker that was started afterwards: idle, and at most while the signed in ones finished. */
  restartedMib: number;
  finishingMib: number;
  /** How long it took the signed in ones to finish, in s. */
  finishS: number;
  /** When the shares of the signed in ones had finished, in s: a tail shows. */
  finishedByS: Record<'half' | 'ninety', number>;
  /** Processor time that each part of the site took meanwhile, for a signed in run, in ms. */
  processorMsARun: Record<string, number>;
  /** What Temporal handed out meanwhile for the signed in ones and nobody answered. */
  timedOut: TimedOut;
  /** Most events that the history of a run grew by from the moment it was parked until the end of the measure. */
  historyGrowth: number;
}

async function measured(bench: Bench, site: Site, parked: number): Promise<Wait> {
  const { sandbox, client } = site;
  const goingOn = bench.scaled(SIGNED_IN, 20);
  await sandbox.reset();
  const shared = await snowflakeAndModel(sandbox);
  const connections: Array<Awaited<ReturnType<typeof linkedInConnection>>> = [];
  for (let index = 0; index < CONNECTIONS; index += 1) {
    connections.push(await linkedInConnection(sandbox, `LinkedIn ${index}`));
  }
  // The audience that is there: a thousand new ones in one account would be looked through by each sync.
  const request = (linkedin: string) => (name: string) => ({
    ...onGiven(name, { ...shared, linkedin }),
    syncs: [existingSync(name)],
  });

  const worker = await site.startWorker();
  const runs: Run[] = [];
  const parkingS = await inSlots(parked, AT_ONCE, async (index) => {
    runs[index] = await ofProgram(site, request(sharedBy(connections, index).id))(newName(`run-${index}`));
  });
  await untilParked(site, parked);
  await pause(SETTLE_MS);
  const parkedMib = await residentMib(worker.pid);
  const others = runs.slice(goingOn).filter((_, index) => index % Math.ceil(parked / 20) === 0);
  const lengths = () => Promise.all(others.map(async ({ workflowId }) => lengthOf(site, workflowId)));
  const before = await lengths();

  await worker.stop();
  const another = await site.startWorker();
  await pause(SETTLE_MS);
  const restartedMib = await residentMib(another.pid);
  for (const { link } of connections) await sandbox.signIn(link);
  const memory = watchMemory(another.pid);
  const signedIn = runs.slice(0, goingOn);
  const finishedAt: number[] = [];
  const signedInAt = new Date();
  const { seconds: finishS, use } = await processorUseOf(site, [another], () =>
    eachInSlots(signedIn, AT_ONCE, async (run) => {
      await run.signedIn();
      await run.done();
      finishedAt.push((Date.now() - signedInAt.getTime()) / 1000);
    }),
  );
  const finishingMib = await memory.stop();
  const after = await lengths();
  const unanswered = await timedOut(client, signedIn, signedInAt);
  // On a server that stays they would wait on beside whatever is measured next.
  if (site.serverPid === undefined) {
    await eachInSlots(runs.slice(goingOn), AT_ONCE, ({ workflowId }) =>
      client.workflow.getHandle(workflowId).terminate(),
    );
  }
  const growth = after.map((length, index) => length - (before[index] ?? 0));
  return {
    parked,
    parkingS,
    parkedMib,
    restartedMib,
    finishingMib,
    finishS,
    finishedByS: { half: rounded(byShare(finishedAt, 0.5)), ninety: rounded(byShare(finishedAt, 0.9)) },
    processorMsARun: msARun(use, goingOn),
    timedOut: unanswered,
    historyGrowth: Math.max(0, ...growth),
  };
}

/** How long all of them may take until they wait, in ms. */
const PARKING_TIMEOUT_MS = 1_800_000;

/** Resolves when all of them wait for the sign-in. */
async function untilParked({ client }: Site, count: number): Promise<void> {
  const query = 'ProvisioningStage = "awaiting_sign_in" AND ExecutionStatus = "Running"';
  const parked = async () => {
    await pause(200);
    return (await client.workflow.count(query)).count >= count;
  };
  await until(`${count} runs to wait for their sign-in`, parked, PARKING_TIMEOUT_MS);
}

async function lengthOf({ client }: Site, workflowId: string): Promise<number> {
  return (await client.workflow.getHandle(workflowId).describe()).historyLength;
}

function rowsOf(bench: Bench, few: readonly Wait[], many: readonly Wait[]): Row[] {
  const compared = (name: string, of: string, key: 'finishingMib' | 'finishS', more: Record<string, unknown>) => {
    const ours = many.map((one) => one[key]);
    const theirs = few.map((one) => one[key]);
    const details = { manyParked: summary(ours), fewParked: summary(theirs), ...more };
    return row(name, { atMost: 1.1, of }, 'ratio', ratios(ours, theirs), details);
  };
  const size = bench.scaled(SIGNED_IN, 20);
  return [
    compared('waiting: memory', `of that with ${size} parked`, 'finishingMib', {}),
    compared('waiting: time to finish', 'of that with nothing else parked', 'finishS', { many, few }),
    row(
      'waiting: history',
      { atMost: 0, of: 'events added', inEachRound: true },
      'count',
      many.map(({ historyGrowth }) => historyGrowth),
      {},
    ),
  ];
}
