import { Writable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { changeLines, fitted, reportLines } from '../../src/cli/report-text.ts';
import type { ProvisioningReport, StepStatus } from '../../src/client.ts';

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

function report(steps: StepStatus[], signIn?: NonNullable<ProvisioningReport['status']>['signIn']): ProvisioningReport {
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
      questions: [],
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
