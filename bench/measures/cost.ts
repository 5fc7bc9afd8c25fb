/** What a run costs on Temporal: actions that Temporal Cloud bills, events and bytes of history. */
import { setTimeout as pause } from 'node:timers/promises';
import fetch from 'node-fetch';
import { PROVISIONING_STAGE } from '../../src/temporal/search-attributes.ts';
import { newName } from '../../test/support/new-name.ts';
import type { Bench, Site } from '../bench.ts';
import { type Measure, type Row, row } from '../measure.ts';
import { walkthrough } from '../requests.ts';
import { ofBare, ofProgram, type Starter, timed } from '../runs.ts';

/** What Polytomic needs for a call, in ms: with none, stages pass that a person would see. */
const CALL_MS = 150;

export const cost: Measure = {
  id: 'cost',
  run: (bench) => bench.on((site) => measured(bench, site)),
};

/** What is billed, by kind. Rules: Temporal's documentation, page "Temporal Cloud Actions". */
interface Actions {
  workflowStarted: number;
  /** Each attempt of an activity. */
  activitiesStarted: number;
  /** One for all local activities of a workflow task. */
  localActivities: number;
  timersStarted: number;
  signals: number;
  updates: number;
  searchAttributeUpserts: number;
  /** Those that reach the server, which the history does not tell; absent where the server's metrics cannot be read. */
  heartbeats?: number;
}

interface Cost {
  actions: Actions;
  billed: number;
  events: number;
  historyBytes: number;
  workflowTasks: number;
  /** Upserts of a stage that tells neither that a person is waited for, nor that nobody is any more, nor the end. */
  idleUpserts: number;
}

async function measured(bench: Bench, site: Site): Promise<Row[]> {
  const { sandbox } = site;
  await site.startWorker();
  await site.startBareWorker();
  const costOf = async (start: Starter): Promise<Cost> => {
    await sandbox.reset(CALL_MS);
    const before = await heartbeats(site);
    let workflowId = '';
    const remembering: Starter = async (name) => {
      const run = await start(name);
      ({ workflowId } = run);
      return run;
    };
    // The queries of those who look are billed too, and left out: how often they look is theirs to say.
    await timed(remembering, newName('cost'), { everyMs: 50, signIn: (link) => sandbox.signIn(link) });
    // A heartbeat may reach the server after the activity that sent it has ended.
    await pause(1_000);
    const after = await heartbeats(site);
    const counted = await countedIn(site, workflowId);
    const beats = before === undefined || after === undefined ? {} : { heartbeats: after - before };
    const actions = { ...counted.actions, ...beats };
    const billed = Object.values(actions).reduce((sum, count) => sum + count, 0);
    return { ...counted, actions, billed };
  };

  const program: Cost[] = [];
  const bare: Cost[] = [];
  for (let round = 0; round < bench.rounds; round += 1) {
    program.push(await costOf(ofProgram(site, walkthrough)));
    bare.push(await costOf(ofBare(site, { kind: 'calls' })));
  }
  bench.tell(`cost: ${JSON.stringify(program.at(-1))}, bare ${JSON.stringify(bare.at(-1))}`);
  // A retried activity a step, the start, the signal and the end of the wait: what the bare workflow has too.
  const saveable = program.map(
    ({ actions, idleUpserts }, round) =>
      actions.activitiesStarted -
      (bare[round]?.actions.activitiesStarted ?? Number.NaN) +
      actions.timersStarted -
      (bare[round]?.actions.timersStarted ?? Number.NaN) +
      actions.localActivities +
      idleUpserts,
  );
  return [
    row(
      'actions a run that could be saved',
      { atMost: 0, of: 'beyond a retried activity a step', inEachRound: true },
      'count',
      saveable,
      {
        program: program.at(-1),
        bare: bare.at(-1),
        rules: 'https://docs.temporal.io/cloud/actions',
      },
    ),
  ];
}

/** `EVENT_TYPE_*` of Temporal's API that are billed. Its enum is in a package of the SDK that is not for use from outside. */
const EVENT = {
  workflowStarted: 1,
  workflowTaskCompleted: 7,
  activityStarted: 11,
  timerStarted: 17,
  signaled: 26,
  marker: 25,
  upsert: 40,
  updateAccepted: 41,
} as const;

async function countedIn({ client }: Site, workflowId: string): Promise<Omit<Cost, 'billed'>> {
  const handle = client.workflow.getHandle(workflowId);
  const { events = [] } = await handle.fetchHistory();
  const description = await handle.describe();
  const of = (type: number) => (events ?? []).filter(({ eventType }) => eventType === type);
  const attempts = of(EVENT.activityStarted).map((event) => event.activityTaskStartedEventAttributes?.attempt ?? 1);
  const tasksWithMarkers = of(EVENT.marker).map((event) =>
    String(event.markerRecordedEventAttributes?.workflowTaskCompletedEventId),
  );
  const upserts = of(EVENT.upsert);
  const stages = [
    ...of(EVENT.workflowStarted).map((event) => event.workflowExecutionStartedEventAttributes),
    ...upserts.map((event) => event.upsertWorkflowSearchAttributesEventAttributes),
  ].map((attributes) => stageIn(attributes?.searchAttributes?.indexedFields?.[PROVISIONING_STAGE.name]?.data));
  return {
    actions: {
      workflowStarted: of(EVENT.workflowStarted).length,
      activitiesStarted: attempts.reduce((sum, attempt) => sum + attempt, 0),
      localActivities: new Set(tasksWithMarkers).size,
      timersStarted: of(EVENT.timerStarted).length,
      signals: of(EVENT.signaled).length,
      updates: of(EVENT.updateAccepted).length,
      searchAttributeUpserts: upserts.length,
    },
    events: description.historyLength,
    historyBytes: description.historySize ?? 0,
    workflowTasks: of(EVENT.workflowTaskCompleted).length,
    idleUpserts: stages.slice(1).filter((stage, index) => ![stage, stages[index]].some((one) => TELLING.includes(one)))
      .length,
  };
}

/** Stages for which somebody looks at a list: a person is waited for, or the run has ended. */
const TELLING: readonly unknown[] = [
  'awaiting_sign_in',
  'awaiting_choice',
  'blocked',
  'completed',
  'failed',
  'cancelled',
];

/** The stage in the value of a search attribute. */
function stageIn(data: Uint8Array | null | undefined): unknown {
  return data == null ? undefined : JSON.parse(Buffer.from(data).toString());
}

/** Heartbeats that have reached the server so far. */
async function heartbeats({ serverMetricsUrl }: Site): Promise<number | undefined> {
  if (serverMetricsUrl === undefined) return undefined;
  const text = await (await fetch(serverMetricsUrl)).text();
  return [...text.matchAll(/^service_requests\{([^}]*)\} (\S+)$/gm)]
    .filter(
      ([, labels = '']) =>
        labels.includes('operation="RecordActivityTaskHeartbeat"') && labels.includes('service_name="frontend"'),
    )
    .reduce((sum, [, , value]) => sum + Number(value), 0);
}
