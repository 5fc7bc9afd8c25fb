/**
 * What must be true when all has come to its end, held against what Polytomic's stand-in and Temporal have on record. Pure.
 * A run's own word counts for one thing only: what it reports as left behind is not hidden.
 */
import type { ProvisioningFailure, ProvisioningResult, ProvisioningStatus } from '../src/workflows/messages.ts';
import type { Effect } from '../test/support/sandbox-at.ts';
import type { Deeds } from './deeds.ts';
import type { End, Script, WantedSync } from './script.ts';

/** What kinds of wrong there are. */
export const WRONGS = [
  /** It has not ended, ended as nobody wanted, is missing, or was started twice. */
  'lost',
  /** Something was made more often than people asked for it. */
  'duplicate',
  /** Something was made and is neither in a result, nor undone, nor reported. */
  'orphan',
  /** An audience that no sync fills, and that nobody has been told of. */
  'audience without a sync',
  /** What is there is not what was asked for, or somebody else's thing was changed. */
  'wrong result',
  /** A secret stands where others may read it. */
  'secret',
] as const;

export type Wrong = (typeof WRONGS)[number];

/** One thing that is wrong. */
export interface Finding {
  wrong: Wrong;
  /** Name of the run; absent where it is none's in particular. */
  run?: string;
  what: string;
  /** Polytomic's ids, or Temporal's run ids. */
  ids: string[];
}

/** What is there in the sandbox, as far as it is looked at. */
export interface SandboxState {
  connections: Array<{
    id: string;
    name: string;
    type: string;
    configuration: Record<string, unknown>;
    signed_in: boolean;
    created_at: string;
    updated_at: string;
  }>;
  models: Array<{ id: string; name: string; connection_id: string; configuration: { query: string } }>;
  syncs: Array<{
    id: string;
    name: string;
    mode: string;
    continuous: boolean;
    model_id: string;
    mappings: Array<{ target: string; column?: string }>;
    identity?: { target: string; column: string; function: string };
    target: { connection_id: string; object: string };
  }>;
  audiences: Array<{ id: string; name: string; type: string; account: string }>;
  executions: Array<{ id: string; sync_id: string; status: string }>;
}

/** What Temporal has on record of one run, and what its people did. */
export interface RunEvidence {
  script: Script;
  deeds: Deeds;
  /** Every execution under the run's workflow id. */
  executions: Array<{ runId: string; status: string }>;
  /** From the last event of its history. */
  result?: ProvisioningResult;
  failure?: ProvisioningFailure;
  /** The run's answer to query `status`; absent where it has a result. */
  status?: ProvisioningStatus;
}

/** All that is judged. */
export interface Evidence {
  runs: RunEvidence[];
  state: SandboxState;
  effects: Effect[];
  /** Ids of what the harness made in a stranger's place. */
  strangers: string[];
  /** Where secrets were found. */
  secrets: Array<{ secret: string; place: string }>;
}

/** What came of it. */
export interface Verdict {
  /** How many runs ended in each way as they should. */
  ends: Record<End, number>;
  findings: Finding[];
}

/** Failures after which only a person can tell what is there: an answer was lost. */
const OPEN_OUTCOMES: readonly string[] = ['Unclear', 'NameTaken', 'Ambiguous'];

/** Judges everything. */
export function judge(evidence: Evidence): Verdict {
  const ends: Verdict['ends'] = { completed: 0, cancelled: 0, failed: 0, blocked: 0 };
  const findings: Finding[] = [];
  for (const run of evidence.runs) {
    const end = endOf(run);
    if (typeof end === 'string') ends[end] += 1;
    else findings.push(end);
    findings.push(...wrongResults(run, evidence.state));
  }
  findings.push(
    ...duplicates(evidence),
    ...executionsTooMany(evidence),
    ...orphans(evidence),
    ...lonelyAudiences(evidence),
    ...strangersHarmed(evidence),
    ...deletions(evidence),
    ...evidence.secrets.map(
      ({ secret, place }): Finding => ({ wrong: 'secret', what: `${secret}: ${place}`, ids: [] }),
    ),
  );
  return { ends, findings };
}

/** The name of the run that a thing of this name belongs to; `undefined`: to several, or to none. */
export function ownerOf(name: string): string | undefined {
  return /\brun-\d+$/.exec(name)?.[0];
}

/** How a run ended, or why that is wrong. */
function endOf({ script, deeds, executions, failure, status }: RunEvidence): End | Finding {
  const wrong = (what: string, how: Wrong = 'lost'): Finding => ({
    wrong: how,
    run: script.name,
    what,
    ids: executions.map(({ runId }) => runId),
  });
  const recovered = new Set(deeds.recovered.map(({ runId }) => runId));
  const [only, ...others] = executions.filter(({ runId }) => !recovered.has(runId));
  if (only === undefined) return wrong('it is not there');
  if (others.length > 0) return wrong(`it was started ${1 + others.length} times`);
  if (new Set(deeds.runIds).size > 1) return wrong(`two starts were answered with ${deeds.runIds.join(' and ')}`);
  if (only.status === 'RUNNING') {
    if (!script.ends.includes('blocked')) return wrong(`it still runs: ${whereItStands(status)}`);
    const blocked = status?.steps.filter(({ state }) => state === 'blocked') ?? [];
    const [step] = blocked;
    const asPlanned = blocked.length === 1 && step?.id === script.stuckAt;
    if (asPlanned && ['NameTaken', 'Unclear'].includes(step?.failure?.type ?? '')) return 'blocked';
    return wrong(`it is not blocked at ${script.stuckAt} alone: ${whereItStands(status)}`);
  }
  const end = ({ COMPLETED: 'completed', CANCELLED: 'cancelled', FAILED: 'failed' } as const)[only.status];
  if (end === undefined) return wrong(`it ended as ${only.status}`);
  if (!script.ends.includes(end)) return wrong(`it ${end}: ${reasonsOf(failure)}`, 'wrong result');
  if (end !== 'failed') return end;
  const reasons = failure?.failures ?? [];
  const meant = ({ type, step }: { type: string; step: string }) =>
    script.ending === undefined ? step === script.stuckAt || OPEN_OUTCOMES.includes(type) : type === 'GivenUp';
  return reasons.some(meant) ? end : wrong(`it failed for another reason: ${reasonsOf(failure)}`, 'wrong result');
}

function whereItStands(status: ProvisioningStatus | undefined): string {
  if (status === undefined) return 'nobody can say where';
  const open = status.steps.filter(({ state }) => !['done', 'pending'].includes(state));
  return `${status.stage}; ${open.map(({ id, state, failure }) => `${id} ${failure?.type ?? state}`).join(', ')}`;
}

function reasonsOf(failure: ProvisioningFailure | undefined): string {
  return (
    failure?.failures.map(({ step, type, message }) => `${step}: ${type}: ${message}`).join('; ') ?? 'no reason given'
  );
}

/** What is there more than once although nobody asked for that; what was deleted again counts too. */
function duplicates({ runs, effects, strangers }: Evidence): Finding[] {
  const asked = new Map<string, number>();
  for (const { deeds } of runs) {
    for (const { kind, name } of deeds.cleared) asked.set(`${kind} ${name}`, (asked.get(`${kind} ${name}`) ?? 1) + 1);
  }
  const made = groupedBy(
    effects.filter(({ effect, kind, id }) => effect === 'created' && kind !== 'execution' && !strangers.includes(id)),
    ({ kind, name }) => `${kind} ${name}`,
  );
  return [...made].flatMap(([thing, creations]): Finding[] => {
    if (creations.length <= (asked.get(thing) ?? 1)) return [];
    const run = ownerOf(thing);
    return [
      {
        wrong: 'duplicate',
        ...(run === undefined ? {} : { run }),
        what: `${thing} was made ${creations.length} times`,
        ids: creations.map(({ id }) => id),
      },
    ];
  });
}

/** Executions of a sync beyond the first one that the request asks for, the one that a continuous sync begins with, and those that people asked for. */
function executionsTooMany({ runs, effects }: Evidence): Finding[] {
  const begun = groupedBy(
    effects.filter(({ effect, kind }) => effect === 'created' && kind === 'execution'),
    ({ parent }) => parent?.['sync'] ?? '',
  );
  const syncs = effects.filter(({ effect, kind }) => effect === 'created' && kind === 'sync');
  return runs.flatMap(({ script, deeds }) =>
    script.wanted.syncs.flatMap((sync) =>
      syncs
        .filter(({ name }) => name === sync.name)
        .flatMap(({ id }): Finding[] => {
          const ids = (begun.get(id) ?? []).map((one) => one.id);
          const first = (script.request.options?.firstRun ?? 'none') === 'none' ? 0 : 1;
          const again = deeds.again.filter((step) => step.endsWith(sync.name)).length;
          const allowed = (sync.continuous ? 1 : 0) + first + again;
          if (ids.length <= allowed) return [];
          return [
            {
              wrong: 'duplicate',
              run: script.name,
              what: `${sync.name} was executed ${ids.length} times, and ${allowed} were asked for`,
              ids,
            },
          ];
        }),
    ),
  );
}

/** All that the runs have told of what is there, as ids and as texts with ids in them. */
function toldBy({ result, failure, status, deeds, script }: RunEvidence): { ids: Set<string>; texts: string } {
  const undoes = script.request.options?.onFailure === 'undo';
  const left = failure?.leftBehind ?? [];
  const stepsOf = status?.steps.flatMap(({ resources }) => resources) ?? [];
  // Of a run that undoes, only what cannot be undone may be left: an audience, or what it says it could not undo.
  const kept = [...left, ...stepsOf].filter(({ kind, made }) => !undoes || kind === 'audience' || !made);
  const resources = [
    ...(result === undefined
      ? []
      : [
          result.snowflakeConnection,
          result.linkedinConnection,
          ...Object.values(result.models),
          ...result.syncs.flatMap((sync) => [sync, sync.audience]),
        ]),
    ...(failure?.used ?? []),
    ...kept,
  ];
  const stillThere = status !== undefined && !undoes && deeds.undo === undefined;
  const texts = [...(failure?.notUndone ?? []), ...(status?.warnings ?? []), ...(deeds.undo?.left ?? [])];
  const blocked = stillThere || failure !== undefined ? messagesOf(failure, status) : [];
  return {
    ids: new Set([...(deeds.undo === undefined ? resources.map(({ id }) => id) : []), ...deeds.adopted]),
    texts: [...texts, ...blocked].join('\n'),
  };
}

function messagesOf(failure: ProvisioningFailure | undefined, status: ProvisioningStatus | undefined): string[] {
  return [
    ...(failure?.failures ?? []).map(({ message }) => message),
    ...(status?.steps ?? []).map((step) => step.failure?.message ?? ''),
  ];
}

/** Whether any of these runs tells of it. */
function tellsOf(runs: RunEvidence[]): (id: string) => boolean {
  const told = runs.map(toldBy);
  return (id) => told.some(({ ids, texts }) => ids.has(id) || texts.includes(id));
}

function orphans({ runs, effects, strangers }: Evidence): Finding[] {
  const gone = new Set(effects.filter(({ effect }) => effect === 'deleted').map(({ id }) => id));
  const there = effects.filter(
    ({ effect, kind, id }) => effect === 'created' && kind !== 'execution' && !gone.has(id) && !strangers.includes(id),
  );
  const anybody = tellsOf(runs);
  const byName = new Map(runs.map((run) => [run.script.name, tellsOf([run])]));
  return there.flatMap(({ kind, name, id }): Finding[] => {
    const owner = ownerOf(name);
    const told = (owner === undefined ? undefined : byName.get(owner)) ?? anybody;
    if (told(id)) return [];
    return [{ wrong: 'orphan', ...(owner === undefined ? {} : { run: owner }), what: `${kind} ${name}`, ids: [id] }];
  });
}

/** What was deleted although neither its run was to undo, nor a person has cleared it away. */
function deletions({ runs, effects, strangers }: Evidence): Finding[] {
  const byName = new Map(runs.map((run) => [run.script.name, run]));
  const gone = effects.filter(({ effect, id }) => effect === 'deleted' && !strangers.includes(id));
  return gone.flatMap(({ kind, name, id }): Finding[] => {
    const owner = ownerOf(name);
    const run = owner === undefined ? undefined : byName.get(owner);
    if (run !== undefined && mayDelete(run, id)) return [];
    const whose = owner === undefined ? {} : { run: owner };
    return [{ wrong: 'wrong result', ...whose, what: `${kind} ${name} was deleted`, ids: [id] }];
  });
}

/** A run that completed deletes nothing. */
function mayDelete({ script, deeds, result }: RunEvidence, id: string): boolean {
  if (deeds.cleared.some((one) => one.id === id)) return true;
  return result === undefined && (script.request.options?.onFailure === 'undo' || deeds.undo !== undefined);
}

function lonelyAudiences({ runs, state, effects }: Evidence): Finding[] {
  const made = new Set(
    effects.filter(({ effect, kind }) => effect === 'created' && kind === 'audience').map(({ id }) => id),
  );
  const filled = new Set(state.syncs.map(({ target }) => target.object));
  return state.audiences.flatMap(({ id, name }): Finding[] => {
    if (!made.has(id) || filled.has(id)) return [];
    const owner = ownerOf(name);
    const run = runs.find(({ script }) => script.name === owner);
    if (run !== undefined && run.result === undefined && tellsOf([run])(id)) return [];
    return [
      {
        wrong: 'audience without a sync',
        ...(owner === undefined ? {} : { run: owner }),
        what: `audience ${name}`,
        ids: [id],
      },
    ];
  });
}

/** Where what a completed run made, or its result, is not what was asked for; and what people were told wrongly. */
function wrongResults({ script, deeds, result }: RunEvidence, state: SandboxState): Finding[] {
  const wrongs = [
    ...deeds.surprises.map((what) => ({ what, ids: [] as string[] })),
    ...(result === undefined ? [] : differences(script, result, state)),
  ];
  return wrongs.map((one) => ({ wrong: 'wrong result', run: script.name, ...one }));
}

function differences({ plot, wanted, request }: Script, result: ProvisioningResult, state: SandboxState) {
  const wrongs: Array<{ what: string; ids: string[] }> = [];
  const expect = (what: string, id: string, is: unknown, should: unknown) => {
    if (canonical(is) === canonical(should)) return;
    wrongs.push({ what: `${what} is ${canonical(is)} and should be ${canonical(should)}`, ids: [id] });
  };
  const snowflake = state.connections.find(({ id }) => id === result.snowflakeConnection.id);
  const { account, username, dbname } = snowflake?.configuration ?? {};
  expect(
    'the Snowflake connection',
    result.snowflakeConnection.id,
    { name: snowflake?.name, type: snowflake?.type, configuration: { account, username, dbname } },
    { name: wanted.snowflake.name, type: 'snowflake', configuration: wanted.snowflake.configuration },
  );
  const linkedin = state.connections.find(({ id }) => id === result.linkedinConnection.id);
  const enabled = accountsIn(linkedin?.configuration ?? {});
  expect(
    'the LinkedIn Ads connection',
    result.linkedinConnection.id,
    {
      name: linkedin?.name,
      type: linkedin?.type,
      signedIn: linkedin?.signed_in,
      accounts: [
        ...wanted.accounts.filter((one) => enabled.includes(one)),
        // On a shared connection the others are those of other runs.
        ...(plot === 'shared' ? [] : enabled.filter((one) => !wanted.accounts.includes(one))),
      ],
    },
    { name: wanted.linkedin.name, type: 'linkedinads', signedIn: true, accounts: wanted.accounts },
  );
  expect(
    'the list of ad accounts',
    linkedin?.id ?? '',
    result.adAccounts.map(({ value }) => value).sort(),
    wanted.accounts.toSorted(),
  );
  expect('the list of models', '', Object.keys(result.models).sort(), Object.keys(wanted.models).sort());
  for (const [key, should] of Object.entries(wanted.models)) {
    const id = result.models[key]?.id ?? '';
    const model = state.models.find((one) => one.id === id);
    expect(
      `model ${key}`,
      id,
      { name: model?.name, query: model?.configuration.query, connection: model?.connection_id },
      { ...should, connection: result.snowflakeConnection.id },
    );
  }
  expect(
    'the list of syncs',
    '',
    result.syncs.map(({ name }) => name),
    wanted.syncs.map(({ name }) => name),
  );
  for (const [index, should] of wanted.syncs.entries()) {
    const told = result.syncs[index];
    const id = told?.id ?? '';
    const sync = state.syncs.find((one) => one.id === id);
    const audience = state.audiences.find((one) => one.id === sync?.target.object);
    expect(should.name, id, shapeOf(sync, audience), {
      ...wantedShape(should),
      model: result.models[should.model]?.id,
      connection: result.linkedinConnection.id,
    });
    expect(`the audience that is told of ${should.name}`, id, told?.audience.id, audience?.id);
    const firstRun = request.options?.firstRun ?? 'none';
    if (firstRun === 'none') continue;
    const execution = state.executions.find((one) => one.id === told?.firstExecution?.id);
    expect(`the first execution of ${should.name}`, execution?.id ?? '', execution?.sync_id, id);
    if (firstRun === 'await')
      expect(`the end of the first execution of ${should.name}`, id, execution?.status, 'completed');
  }
  return wrongs;
}

function accountsIn({ accounts }: Record<string, unknown>): string[] {
  return Array.isArray(accounts) ? accounts.map((one: { value?: unknown }) => String(one.value)) : [];
}

function shapeOf(
  sync: SandboxState['syncs'][number] | undefined,
  audience: SandboxState['audiences'][number] | undefined,
) {
  if (sync === undefined) return 'not there';
  const { name, mode, continuous, identity, mappings } = sync;
  return {
    name,
    mode,
    continuous,
    identity,
    fields: Object.fromEntries(
      mappings.filter(({ target }) => target !== identity?.target).map(({ target, column }) => [target, column]),
    ),
    audience: audience === undefined ? 'not there' : audienceShape(audience),
    model: sync.model_id,
    connection: sync.target.connection_id,
  };

  function audienceShape({ id, name: called, type, account }: SandboxState['audiences'][number]) {
    return ownerOf(called) === undefined ? { id } : { name: called, type, account };
  }
}

function wantedShape({ name, mode, continuous, identity, fields, audience }: WantedSync) {
  return { name, mode, continuous, identity, fields, audience };
}

/** JSON in which the order of keys does not matter. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}

function strangersHarmed({ strangers, state, effects }: Evidence): Finding[] {
  return strangers.flatMap((id): Finding[] => {
    const there = state.connections.find((one) => one.id === id);
    const deleted = effects.some((one) => one.effect === 'deleted' && one.id === id);
    if (there !== undefined && !deleted && there.updated_at === there.created_at) return [];
    const how = there === undefined || deleted ? 'deleted' : 'changed';
    return [{ wrong: 'wrong result', what: `a stranger's connection was ${how}`, ids: [id] }];
  });
}

function groupedBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
