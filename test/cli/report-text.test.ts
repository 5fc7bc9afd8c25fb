import { Writable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { changeLines, fitted, reportLines, undoLines } from '../../src/cli/report-text.ts';
import type { ProvisioningReport, Question, Stage, StepStatus, UndoResult } from '../../src/client.ts';

const ID = 'c5d00bb7-e920-4ccf-859a-138355a528b6';
const model = { kind: 'model', id: ID, name: 'Active Users', made: true } as const;
const sync = { kind: 'sync', id: ID, name: 'New', made: true } as const;
const audience = {
  kind: 'audience',
  id: 'x'.repeat(65),
  name: 'Company Audience: Polytomic-Created Company List',
  made: false,
} as const;

const AT = '2026-01-01T12:00:00.000Z';

function report(
  steps: StepStatus[],
  signIn?: NonNullable<ProvisioningReport['status']>['signIn'],
  questions: Question[] = [],
): ProvisioningReport {
  const name = 'active-users';
  return {
    name,
    workflowId: `audience-provisioning/${name}`,
    runId: ID,
    state: 'running',
    stage: 'awaiting_sign_in',
    startedAt: AT,
    status: {
      name,
      stage: 'awaiting_sign_in',
      startedAt: AT,
      steps,
      questions,
      warnings: [],
      ...(signIn === undefined ? {} : { signIn }),
    },
    pendingActivities: [],
  };
}

const stepsOf = (steps: StepStatus[]) => reportLines(report(steps), 80).slice(2);

describe('a step in a terminal of 80 columns', () => {
  it('has one line with the id that it made, beside those of the other steps', () => {
    expect(
      stepsOf([
        { id: 'model active-users', state: 'done', generation: 1, resources: [model] },
        { id: 'sign-in', state: 'waiting', generation: 1, resources: [], note: 'told elsewhere' },
      ]),
    ).toEqual([`● model active-users  made ${ID}`, '‖ sign-in']);
  });

  it('has further lines below the first, as far to the right', () => {
    expect(
      stepsOf([{ id: 'sync Existing audience', state: 'done', generation: 1, resources: [audience, sync] }]),
    ).toEqual([
      `● sync Existing audience  made ${ID}`,
      '                          used audience Company Audience: Polytomic-Created',
      '                          Company List',
    ]);
  });

  it('whose name is long has it on a line of its own', () => {
    const id = `sync ${'word '.repeat(8)}end`;
    expect(stepsOf([{ id, state: 'done', generation: 1, resources: [sync] }])).toEqual([
      `● ${id}`,
      `${' '.repeat(36)}made ${ID}`,
    ]);
  });

  it('that failed tells why below its name, over the whole width', () => {
    const failure = {
      step: 'audiences',
      type: 'NameTaken',
      message: `there is one already (${'y'.repeat(44)}); choose another`,
    };
    expect(stepsOf([{ id: 'audiences', state: 'failed', generation: 1, resources: [], failure }])).toEqual([
      '✕ audiences',
      `    NameTaken: there is one already`,
      `    (${'y'.repeat(44)}); choose another`,
    ]);
  });
});

describe('the changes of a run, in a pipe', () => {
  it('tell once of each claim that was not believed', () => {
    const signIn = { url: 'https://linkedin.example/', since: AT, claims: 0, until: '2026-01-08T00:00:00.000Z' };
    const asked = report([], signIn);
    const checked = report([], { ...signIn, claims: 1, lastCheck: { outcome: 'not_yet', at: AT, reason: 'no token' } });
    expect(changeLines(asked, checked)).toEqual([expect.stringMatching(/ active-users not signed in yet – no token$/)]);
    expect(changeLines(checked, checked)).toEqual([]);
  });

  it('tell no other stage for a worker that is silent for a while', () => {
    const asked = report([]);
    const at = (stage: Stage): ProvisioningReport => ({
      ...asked,
      stage,
      ...(asked.status === undefined ? {} : { status: { ...asked.status, stage } }),
    });
    const { status: _, ...silent } = { ...asked, stage: 'working' as const };
    expect(changeLines(at('preparing'), silent)).toEqual([]);
    expect(changeLines(silent, at('preparing'))).toEqual([]);
    expect(changeLines(at('preparing'), at('syncing'))).toEqual([expect.stringMatching(/ active-users syncing$/)]);
    expect(changeLines(silent, at('awaiting_sign_in'))).toEqual([expect.stringContaining('awaiting_sign_in')]);
    expect(changeLines(undefined, silent)).toEqual([expect.stringMatching(/ active-users working$/)]);
  });
});

/** What stands below the steps. */
const askedOf = (given: ProvisioningReport, columns = 80) => {
  const lines = reportLines(given, columns);
  return lines.slice(lines.lastIndexOf('') + 1);
};

const UNTIL = '2099-01-08T12:00:00.000Z';

describe('what people are asked', () => {
  const step: StepStatus = { id: 'sign-in', state: 'waiting', generation: 1, resources: [] };

  it('is the sign-in, with its end, the commands, and what came of the last claim', () => {
    const signIn = {
      url: 'https://linkedin.example/',
      since: AT,
      until: UNTIL,
      claims: 1,
      lastCheck: { at: UNTIL, outcome: 'denied', reason: 'the sign-in was denied: user_cancelled_login' },
    } as const;
    expect(askedOf(report([step], signIn))).toEqual([
      'Sign in to LinkedIn here:',
      '  https://linkedin.example/',
      'Then say so:',
      '  audience signed-in active-users',
      expect.stringMatching(/^Asked until 2099-01-0\d \d\d:\d\d:\d\d\. A fresh link:$/),
      '  audience refresh-link active-users',
      expect.stringMatching(/^Denied; it can be tried again \(2099-01-0\d /),
      expect.stringContaining('user_cancelled_login'),
    ]);
  });

  it('is a sign-in elsewhere where the run has no link to offer', () => {
    const signIn = { hint: 'Sign in to LinkedIn in Polytomic.', since: AT, until: UNTIL, claims: 0 };
    expect(askedOf(report([step], signIn))).toEqual([
      'Sign in to LinkedIn in Polytomic.',
      'Then say so:',
      '  audience signed-in active-users',
      expect.stringMatching(/^Asked until \S+ \S+\.$/),
    ]);
  });

  it('is a choice: its reason, the first ten of what there is, two of one name by their values, and the command', () => {
    const choices = [...'abcdefghijkl'].map((value) => ({ value, label: value < 'c' ? 'Twin' : `Account ${value}` }));
    const question: Question = {
      step: 'ad accounts',
      answer: 'selectAccounts',
      why: 'it fits two',
      choices,
      total: 40,
    };
    expect(askedOf(report([], undefined, [question]))).toEqual([
      'Choose for ad accounts: it fits two',
      '  Twin = a',
      '  Twin = b',
      ...[...'cdefghij'].map((value) => `  Account ${value}`),
      '  and 30 more:  audience select-accounts active-users --search WORDS',
      'Answer with:',
      '  audience select-accounts active-users ACCOUNT…',
    ]);
  });

  it('is an audience for a sync, whose name is one word of the command to paste', () => {
    const choices = [{ value: 'x', label: 'X' }];
    const question: Question = { step: "sync It's new", answer: 'chooseAudience', choices, total: 1 };
    expect(askedOf(report([], undefined, [question])).at(-1)).toBe(
      "  audience choose-audience active-users 'It'\\''s new' AUDIENCE",
    );
  });

  it('is to mend what is blocked, with or without a piece of the request', () => {
    const failure = { step: 'audiences', type: 'Refused', message: 'no' };
    const blocked: Omit<StepStatus, 'id'> = { state: 'blocked', generation: 1, resources: [], failure };
    const steps: StepStatus[] = [
      { id: 'model active-users', piece: 'models.active-users', ...blocked },
      { id: 'audiences', ...blocked },
    ];
    const lines = reportLines(report(steps), 80);
    expect(lines.slice(lines.indexOf('Try model active-users again, once the cause is mended:'))).toEqual([
      'Try model active-users again, once the cause is mended:',
      "  audience retry active-users 'model active-users'",
      'Or with another models.active-users of the request:',
      "  audience retry active-users 'model active-users' --change FILE",
      '',
      'Try audiences again, once the cause is mended:',
      '  audience retry active-users audiences',
      'Or end the run:',
      '  audience give-up active-users',
    ]);
  });

  it('is, of hundreds of things, the first five, and where the others are to be found', () => {
    const hundreds = Array.from({ length: 200 }, (_, i) => i);
    const blocked = hundreds.map((i): StepStatus => {
      const failure = { step: `sync ${i}`, type: 'Refused', message: 'no '.repeat(300) };
      return { id: `sync ${i}`, state: 'blocked', generation: 1, resources: [], failure };
    });
    const questions = hundreds.map(
      (i): Question => ({
        step: `sync A${i}`,
        answer: 'chooseAudience',
        choices: [{ value: 'v', label: 'l' }],
        total: 1,
      }),
    );
    const all = report(blocked, undefined, questions);
    const warnings = hundreds.map((i) => `warning ${i}`);
    const lastFailure = 'Polytomic is away';
    const pendingActivities = hundreds.map((i) => ({ activity: 'createSync', attempt: i, lastFailure }));
    const status = all.status && { ...all.status, warnings };
    const lines = reportLines({ ...all, pendingActivities, ...(status && { status }) }, 80);
    for (const what of ['questions', 'blocked steps', 'warnings', 'activities']) {
      expect(lines.slice(lines.indexOf(`and 195 more ${what}:`)).slice(1, 2)).toEqual([
        '  audience status active-users --json',
      ]);
    }
    expect(lines).toContain('  and 160 more: 160 blocked');
    expect(lines.length).toBeLessThan(250);
  });

  it.each([80, 120])('fits into %i columns, but for links and commands', (columns) => {
    const long = 'word '.repeat(60).trim();
    const failure = { step: 'audiences', type: 'Refused', message: long };
    const all = report(
      [
        {
          id: `sync ${long}`,
          state: 'blocked',
          generation: 1,
          resources: [sync, audience],
          failure,
          piece: 'syncs[0]',
        },
      ],
      { hint: long, since: AT, until: UNTIL, claims: 1, lastCheck: { at: AT, outcome: 'no_accounts', reason: long } },
      [{ step: `sync ${long}`, answer: 'chooseAudience', why: long, choices: [{ value: 'v', label: long }], total: 1 }],
    );
    const wide = reportLines({ ...all, problem: long }, columns).filter((line) => line.length > columns);
    expect(wide.filter((line) => !line.startsWith('  audience '))).toEqual([]);
    expect(wide.length).toBeGreaterThan(0);
  });

  it('is nothing once the run is over', () => {
    const failure = { step: 'audiences', type: 'Refused', message: 'no' };
    const over = report([{ id: 'audiences', state: 'blocked', generation: 1, resources: [], failure }]);
    expect(reportLines({ ...over, state: 'terminated' }, 80).join()).not.toContain('audience retry');
  });
});

describe('a first execution that is followed', () => {
  const following = (total: number): ProvisioningReport => ({
    ...report([]),
    pendingActivities: [
      {
        activity: 'followExecution',
        attempt: 1,
        execution: { sync: 'New', status: 'processing', counts: { total, insert: 10 } },
      },
    ],
  });

  it('shows its status and counts', () => {
    expect(reportLines(following(40), 80)).toContain('first execution New: processing, total 40, insert 10');
  });

  it('is told anew in a pipe when they have changed', () => {
    expect(changeLines(following(40), following(40))).toEqual([]);
    expect(changeLines(following(40), following(50))).toEqual([
      expect.stringMatching(/ first execution New: processing, total 50, insert 10$/),
    ]);
  });
});

describe('what came of an undo', () => {
  it('is what is gone with its ids, then what is left and why', () => {
    const undone: UndoResult['undone'] = [
      { kind: 'sync', id: ID, name: 'New' },
      { kind: 'accounts', labels: ['One', 'Two'] },
    ];
    const left = [
      'Audience “New” (x) stays: Polytomic has no call to delete one. Delete it in LinkedIn Campaign Manager.',
    ];
    expect(undoLines('active-users', { undone, left }, 80)).toEqual([
      'undone  sync        New',
      `        ${ID}`,
      'undone  accounts    One, Two',
      'left    Audience “New” (x) stays: Polytomic has no call to delete one. Delete it',
      '        in LinkedIn Campaign Manager.',
    ]);
    expect(undoLines('active-users', { undone: [], left: [] }, 80)).toEqual(['active-users has left nothing to undo.']);
  });
});

describe('a long line', () => {
  const line = 'word '.repeat(20).trim();
  const output = (isTTY: boolean) => Object.assign(new Writable(), { isTTY, columns: 42 });

  it('breaks at words in a terminal', () => {
    expect(fitted([line], output(true))).toEqual([
      'word word word word word word word word',
      '  word word word word word word word word',
      '  word word word word',
    ]);
  });

  it('stays one line elsewhere', () => {
    expect(fitted([line], output(false))).toEqual([line]);
  });
});
