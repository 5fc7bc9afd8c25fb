import { describe, expect, it } from '@jest/globals';
import { scriptOf } from '../../chaos/cast.ts';
import { noDeeds } from '../../chaos/deeds.ts';
import { type Evidence, judge, type RunEvidence, type SandboxState } from '../../chaos/judge.ts';
import type { Plot, Script } from '../../chaos/script.ts';
import type { ProvisioningResult, ProvisioningStatus } from '../../src/workflows/messages.ts';
import type { Effect } from '../support/sandbox-at.ts';

const NO_PLOTS: Record<Plot, number> = {
  plain: 0,
  ask: 0,
  token: 0,
  shared: 0,
  'wrong query': 0,
  'wrong password': 0,
  'name taken': 0,
  'cancel and undo': 0,
  'cancel and keep': 0,
  'cancel, then undo': 0,
  'give up and undo': 0,
  'fail at once': 0,
};

/** A script of this plot that makes one audience by one sync and starts no execution. */
function scriptOfPlot(plot: Plot): Script {
  for (let seed = 0; ; seed += 1) {
    const script = scriptOf(`judge-${seed}`, 1, { ...NO_PLOTS, [plot]: 1 });
    const [sync, ...others] = script.wanted.syncs;
    const alone = others.length === 0 && sync !== undefined && 'name' in sync.audience && !sync.continuous;
    const models = Object.keys(script.wanted.models).length;
    if (alone && models === 1 && script.request.options?.firstRun === 'none') return script;
  }
}

/** What is there after the script was played to its end without a mishap. */
function asItShouldBe(script: Script): Evidence & { run: RunEvidence } {
  const { snowflake, linkedin, models, syncs, accounts } = script.wanted;
  const [sync] = syncs;
  if (sync === undefined || !('name' in sync.audience)) throw new Error('the script makes no audience');
  const [key = '', model] = Object.entries(models)[0] ?? [];
  if (model === undefined) throw new Error('the script has no model');
  const at = '2026-01-01T00:00:00.000Z';
  const state: SandboxState = {
    connections: [
      connection('c1', snowflake.name, 'snowflake', snowflake.configuration),
      connection('c2', linkedin.name, 'linkedinads', { accounts: accounts.map((value) => ({ value, label: value })) }),
    ],
    models: [{ id: 'm1', name: model.name, connection_id: 'c1', configuration: { query: model.query } }],
    syncs: [
      {
        id: 's1',
        name: sync.name,
        mode: sync.mode,
        continuous: sync.continuous,
        model_id: 'm1',
        mappings: Object.entries(sync.fields).map(([target, column]) => ({ target, column })),
        identity: sync.identity,
        target: { connection_id: 'c2', object: 'a1' },
      },
    ],
    audiences: [{ id: 'a1', name: sync.audience.name, type: sync.audience.type, account: sync.audience.account }],
    executions: [],
  };
  const made = (id: string, name: string) => ({ id, name, made: true });
  const result: ProvisioningResult = {
    name: script.name,
    snowflakeConnection: made('c1', snowflake.name),
    linkedinConnection: made('c2', linkedin.name),
    adAccounts: accounts.map((value) => ({ value, label: value })),
    models: { [key]: made('m1', model.name) },
    syncs: [{ ...made('s1', sync.name), model: key, audience: made('a1', sync.audience.name) }],
    warnings: [],
  };
  const run: RunEvidence = {
    script,
    deeds: { ...noDeeds(), runIds: ['r1'] },
    executions: [{ runId: 'r1', status: 'COMPLETED' }],
    result,
  };
  const effects = [
    effect('connection', 'c1', snowflake.name),
    effect('connection', 'c2', linkedin.name),
    effect('model', 'm1', model.name),
    effect('audience', 'a1', sync.audience.name),
    effect('sync', 's1', sync.name),
  ];
  return { run, runs: [run], state, effects, strangers: [], secrets: [] };

  function connection(id: string, name: string, type: string, configuration: Record<string, unknown>) {
    return { id, name, type, configuration, signed_in: true, created_at: at, updated_at: at };
  }
}

function effect(kind: Effect['kind'], id: string, name: string, more: Partial<Effect> = {}): Effect {
  return { sequence: 1, at: '2026-01-01T00:00:00.000Z', effect: 'created', kind, id, name, ...more };
}

/** What is wrong, in short. */
function wrongs(evidence: Evidence): string[] {
  return judge(evidence).findings.map(({ wrong, what }) => `${wrong}: ${what}`);
}

/** A run that ended without a result, and says so and no more. */
function endedAs(run: RunEvidence, status: 'CANCELLED' | 'FAILED' | 'RUNNING', steps: unknown[] = []): RunEvidence {
  const { result: _, ...rest } = run;
  return {
    ...rest,
    executions: [{ runId: 'r1', status }],
    status: { stage: 'cancelled', steps, warnings: [] } as unknown as ProvisioningStatus,
  };
}

const plain = scriptOfPlot('plain');
const cancelledAndKept = scriptOfPlot('cancel and keep');
const cancelledAndUndone = scriptOfPlot('cancel and undo');

describe('the judge', () => {
  it('finds nothing where all is as it should be', () => {
    expect(judge(asItShouldBe(plain))).toEqual({
      ends: { completed: 1, cancelled: 0, failed: 0, blocked: 0 },
      findings: [],
    });
  });

  it.each([
    ['it is not there', []],
    ['it was started 2 times', ['COMPLETED', 'COMPLETED']],
    ['it still runs', ['RUNNING']],
    ['it ended as TERMINATED', ['TERMINATED']],
  ])('finds a lost run: %s', (what, statuses) => {
    const { run, ...evidence } = asItShouldBe(plain);
    const executions = statuses.map((status, index) => ({ runId: `r${index}`, status }));
    expect(wrongs({ ...evidence, runs: [{ ...run, executions }] })).toEqual([expect.stringMatching(`^lost: ${what}`)]);
  });

  it('judges a run that was recovered by the one that it went on as', () => {
    const { run, ...evidence } = asItShouldBe(plain);
    const deeds = { ...run.deeds, recovered: [{ runId: 'r1', why: 'TMPRL1100' }] };
    const wentOnAs = (status: string) => {
      const executions = [
        { runId: 'r2', status },
        { runId: 'r1', status: 'TERMINATED' },
      ];
      return { ...evidence, runs: [{ ...run, executions, deeds }] };
    };
    expect(wrongs(wentOnAs('COMPLETED'))).toEqual([]);
    expect(wrongs(wentOnAs('RUNNING'))).toEqual([expect.stringMatching('^lost: it still runs')]);
  });

  it('finds two starts that were answered with two runs', () => {
    const { run, ...evidence } = asItShouldBe(plain);
    const deeds = { ...run.deeds, runIds: ['r1', 'r2'] };
    expect(wrongs({ ...evidence, runs: [{ ...run, deeds }] })).toEqual([
      'lost: two starts were answered with r1 and r2',
    ]);
  });

  it('finds a run that ended otherwise than its script allows', () => {
    const { run, ...evidence } = asItShouldBe(plain);
    const steps = [{ resources: evidence.effects.map(({ id }) => ({ id, kind: 'audience', made: true })) }];
    const failed = endedAs(run, 'FAILED', steps);
    expect(wrongs({ ...evidence, runs: [failed] })).toEqual(['wrong result: it failed: no reason given']);
  });

  it.each(['connection', 'model', 'sync', 'audience'] as const)(
    'finds a %s that was made twice, even if one was deleted',
    (kind) => {
      const { run: _, ...evidence } = asItShouldBe(plain);
      const first = evidence.effects.find((one) => one.kind === kind);
      const second = effect(kind, 'x', first?.name ?? '');
      const effects = [...evidence.effects, second, { ...second, effect: 'deleted' as const }];
      expect(wrongs({ ...evidence, effects })).toContain(`duplicate: ${kind} ${first?.name} was made 2 times`);
    },
  );

  it('allows what a person deleted and asked for anew', () => {
    const { run, ...evidence } = asItShouldBe(plain);
    const [sync] = plain.wanted.syncs;
    const first = effect('sync', 'x', sync?.name ?? '');
    const effects = [first, { ...first, effect: 'deleted' as const }, ...evidence.effects];
    const deeds = { ...run.deeds, cleared: [{ kind: 'sync', name: sync?.name ?? '', id: 'x' }] };
    expect(wrongs({ ...evidence, effects, runs: [{ ...run, deeds }] })).toEqual([]);
  });

  it('finds what was deleted although its run completed, or keeps what it made', () => {
    const { run, ...evidence } = asItShouldBe(cancelledAndKept);
    const model = evidence.effects.find(({ kind }) => kind === 'model');
    const effects = [...evidence.effects, effect('model', 'm1', model?.name ?? '', { effect: 'deleted' })];
    const steps = [{ resources: evidence.effects.map(({ id, kind }) => ({ id, kind, made: true })) }];
    const finding = `wrong result: model ${model?.name} was deleted`;
    expect(wrongs({ ...evidence, effects })).toEqual([finding]);
    expect(wrongs({ ...evidence, effects, runs: [endedAs(run, 'CANCELLED', steps)] })).toEqual([finding]);
    const undone = { ...run.deeds, undo: { undone: [], left: ['c1, c2, s1, a1'] } };
    expect(wrongs({ ...evidence, effects, runs: [{ ...endedAs(run, 'CANCELLED'), deeds: undone }] })).toEqual([]);
  });

  it('finds ad accounts that nobody wanted, unless other runs may have', () => {
    const { run, ...evidence } = asItShouldBe(plain);
    const accounts = [...plain.wanted.accounts, 'another'].map((value) => ({ value, label: value }));
    Object.assign(evidence.state.connections[1]?.configuration ?? {}, { accounts });
    expect(wrongs(evidence)).toEqual([
      expect.stringMatching('^wrong result: the LinkedIn Ads connection is .*another'),
    ]);
    const shared = { ...run, script: { ...plain, plot: 'shared' as const } };
    expect(wrongs({ ...evidence, runs: [shared] })).toEqual([]);
  });

  it('finds an execution that nobody asked for', () => {
    const { run: _, ...evidence } = asItShouldBe(plain);
    const effects = [
      ...evidence.effects,
      effect('execution', 'e1', plain.wanted.syncs[0]?.name ?? '', { parent: { sync: 's1' } }),
    ];
    expect(wrongs({ ...evidence, effects })).toEqual([
      `duplicate: ${plain.wanted.syncs[0]?.name} was executed 1 times, and 0 were asked for`,
    ]);
  });

  it('finds what a cancelled run made and does not tell of, and an audience that no sync fills', () => {
    const { run, ...evidence } = asItShouldBe(cancelledAndKept);
    const state = { ...evidence.state, syncs: [] };
    const effects = [...evidence.effects.filter(({ kind }) => kind !== 'sync')];
    const found = wrongs({ ...evidence, state, effects, runs: [endedAs(run, 'CANCELLED')] });
    expect(found.toSorted()).toEqual([
      expect.stringMatching('^audience without a sync: '),
      expect.stringMatching('^orphan: audience '),
      expect.stringMatching('^orphan: connection '),
      expect.stringMatching('^orphan: connection '),
      expect.stringMatching('^orphan: model '),
    ]);
  });

  it('takes what a cancelled run tells of for kept', () => {
    const { run, ...evidence } = asItShouldBe(cancelledAndKept);
    const steps = [{ resources: evidence.effects.map(({ id, kind }) => ({ id, kind, made: true })) }];
    expect(wrongs({ ...evidence, runs: [endedAs(run, 'CANCELLED', steps)] })).toEqual([]);
  });

  it('finds what a run should have undone, although it tells of it as made', () => {
    const { run, ...evidence } = asItShouldBe(cancelledAndUndone);
    const steps = [{ resources: evidence.effects.map(({ id, kind }) => ({ id, kind, made: true })) }];
    const found = wrongs({ ...evidence, runs: [endedAs(run, 'CANCELLED', steps)] });
    expect(found.map((one) => one.split(' ').slice(0, 2).join(' '))).toEqual([
      'orphan: connection',
      'orphan: connection',
      'orphan: model',
      'orphan: sync',
    ]);
  });

  it.each<[string, (state: SandboxState) => void]>([
    ['the Snowflake connection', ({ connections }) => Object.assign(connections[0] ?? {}, { configuration: {} })],
    ['the LinkedIn Ads connection', ({ connections }) => Object.assign(connections[1] ?? {}, { configuration: {} })],
    ['model', ({ models }) => Object.assign(models[0] ?? {}, { configuration: { query: 'SELECT 1' } })],
    ['Sync 1', ({ syncs }) => Object.assign(syncs[0] ?? {}, { mode: 'remove' })],
    ['Sync 1', ({ syncs }) => Object.assign(syncs[0] ?? {}, { mappings: [] })],
    ['Sync 1', ({ syncs }) => Object.assign(syncs[0] ?? {}, { model_id: 'm2' })],
    ['Sync 1', ({ audiences }) => Object.assign(audiences[0] ?? {}, { account: 'another' })],
    ['Sync 1', ({ audiences }) => Object.assign(audiences[0] ?? {}, { type: 'another' })],
  ])('finds a result that is not as it was asked for: %s', (what, spoil) => {
    const { run: _, ...evidence } = asItShouldBe(plain);
    spoil(evidence.state);
    expect(wrongs(evidence)).toEqual([expect.stringMatching(`^wrong result: ${what}.* is .* and should be `)]);
  });

  it('finds a result that names the wrong thing', () => {
    const { run, ...evidence } = asItShouldBe(plain);
    const [sync] = run.result?.syncs ?? [];
    if (sync !== undefined) sync.audience.id = 'another';
    expect(wrongs(evidence)).toContainEqual(expect.stringMatching('^wrong result: the audience that is told of'));
  });

  it('finds a wrong answer that was taken', () => {
    const { run, ...evidence } = asItShouldBe(plain);
    const deeds = { ...run.deeds, surprises: ['a wrong answer was taken'] };
    expect(wrongs({ ...evidence, runs: [{ ...run, deeds }] })).toEqual(['wrong result: a wrong answer was taken']);
  });

  it.each(['changed', 'deleted'])("finds a stranger's connection that was %s", (how) => {
    const { run: _, ...evidence } = asItShouldBe(plain);
    const at = '2026-01-01T00:00:00.000Z';
    const theirs = { id: 'x', name: 'Theirs', type: 'snowflake', configuration: {}, signed_in: false };
    if (how === 'changed') evidence.state.connections.push({ ...theirs, created_at: at, updated_at: 'later' });
    expect(wrongs({ ...evidence, strangers: ['x'] })).toEqual([`wrong result: a stranger's connection was ${how}`]);
  });

  it('finds a secret', () => {
    const { run: _, ...evidence } = asItShouldBe(plain);
    const secrets = [{ secret: 'SNOWFLAKE_PASSWORD', place: 'text in worker.log' }];
    expect(wrongs({ ...evidence, secrets })).toEqual(['secret: SNOWFLAKE_PASSWORD: text in worker.log']);
  });
});

describe('a run that is to stay blocked', () => {
  const script = scriptOfPlot('name taken');
  const blockedAt = (id: string, type: string) => {
    const { run, ...evidence } = asItShouldBe(script);
    const resources = evidence.effects.map((one) => ({ id: one.id, kind: one.kind, made: true }));
    const steps = [{ id, state: 'blocked', failure: { type, message: '' }, resources }];
    return judge({ ...evidence, runs: [endedAs(run, 'RUNNING', steps)] });
  };

  it('is right where its name was taken', () => {
    expect(blockedAt(script.stuckAt ?? '', 'NameTaken')).toMatchObject({ ends: { blocked: 1 }, findings: [] });
  });

  it('is lost where it is blocked at something else, or for something else', () => {
    expect(blockedAt('sign-in', 'NameTaken').findings).toMatchObject([{ wrong: 'lost' }]);
    expect(blockedAt(script.stuckAt ?? '', 'Refused').findings).toMatchObject([{ wrong: 'lost' }]);
  });
});
