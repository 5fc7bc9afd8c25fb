import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { currentDetails } from '../../src/workflows/current-details.ts';
import { type ProvisioningStatus, STAGES, type StepStatus } from '../../src/workflows/messages.ts';
import { outside } from '../support/hostile-text.ts';

function step(id: string, more: Partial<StepStatus> = {}): StepStatus {
  return { id, state: 'pending', resources: [], generation: 1, ...more };
}

function status(more: Partial<ProvisioningStatus> = {}): ProvisioningStatus {
  return {
    name: 'active-users',
    stage: 'awaiting_sign_in',
    startedAt: '2026-01-01T00:00:00.000Z',
    steps: [],
    questions: [],
    warnings: [],
    ...more,
  };
}

const ask = {
  url: 'https://linkedin.example/oauth?state=a',
  since: '2026-01-01T00:00:00.000Z',
  until: '2026-01-08T00:00:00.000Z',
  claims: 0,
};

describe('the current details', () => {
  it('begin with the stage, who asked, and what is asked of whom', () => {
    const details = currentDetails(
      status({ requester: 'Jane', signIn: ask, steps: [step('sign-in', { state: 'waiting' })] }),
    );
    expect(details.split('\n').slice(0, 4)).toEqual([
      '**Waiting for a person to sign in to LinkedIn** · for Jane',
      '',
      '1. [Sign in to LinkedIn](https://linkedin.example/oauth?state=a)',
      '2. Say so: *More Actions → Send a Signal →* `oauthCompleted`, no input needed',
    ]);
  });

  it('say why a claim was not believed, before they ask again', () => {
    const lastCheck = { at: '2026-01-01T00:00:00.000Z', outcome: 'not_yet' as const, reason: 'no token yet' };
    const details = currentDetails(status({ signIn: { ...ask, lastCheck } }));
    expect(details.indexOf('Not signed in yet: no token yet')).toBeGreaterThan(0);
    expect(details.indexOf('Not signed in yet')).toBeLessThan(details.indexOf('[Sign in to LinkedIn]'));
  });

  it('ask by a hint where there is no link to offer', () => {
    const hint = 'Sign in on connection LinkedIn Ads.';
    const { url: _, ...noLink } = ask;
    expect(currentDetails(status({ signIn: { ...noLink, hint } }))).toContain(
      '1. Sign in on connection LinkedIn Ads\\.\n2. Say so',
    );
  });

  it('list each step with its mark and what came of it', () => {
    const made = { kind: 'sync', id: 's-1', name: 'New', made: true } as const;
    const used = { kind: 'audience', id: 'a-1', name: 'People', made: false } as const;
    const details = currentDetails(
      status({
        steps: [
          step('sync New', { state: 'done', resources: [used, made] }),
          step('ad accounts', { state: 'done', note: 'Contoso' }),
          step('sign-in', { state: 'waiting', note: 'not told twice' }),
          step('audiences'),
        ],
      }),
    );
    expect(
      details
        .split('\n')
        .slice(-6, -2)
        .map((row) => row.replaceAll('\u00a0', ' ')),
    ).toEqual([
      '| ● | sync New | made s-1 · used audience People |',
      '| ● | ad accounts | Contoso |',
      '| ‖ | sign-in |  |',
      '| ○ | audiences |  |',
    ]);
  });

  it('keep the name of a step in one line, unless it is long', () => {
    const details = currentDetails(status({ steps: [step('sync New audience'), step(`sync ${'word '.repeat(10)}`)] }));
    expect(details).toContain('| sync\u00a0New\u00a0audience |');
    expect(details).toContain('| sync word word ');
  });

  it('tell failures and warnings before the steps, and of a long one only the beginning', () => {
    const failure = { step: 'audiences', type: 'UnknownAudience', message: 'm'.repeat(4000) };
    const details = currentDetails(
      status({
        stage: 'failed',
        warnings: ['w'.repeat(4000)],
        steps: [step('audiences', { state: 'failed', failure })],
      }),
    );
    expect(details).toMatch(/\*\*Failed\*\*\n\n✕ audiences: m{299}…\n\n⚠ w{299}…\n\n\| {2}\| {2}\| {2}\|/);
  });

  it('sum up the steps that do not fit', () => {
    const steps = Array.from({ length: 42 }, (_, i) => step(`sync ${i}`, { state: i < 40 ? 'done' : 'pending' }));
    const details = currentDetails(status({ steps }));
    expect(details).toContain('sync\u00a029');
    expect(details).not.toContain('sync\u00a030');
    expect(details.split('\n').at(-3)).toBe('and 12 more: 10 done, 2 pending');
  });

  it('show of hundreds of steps those that somebody has to look at, in the plan’s order', () => {
    const failure = { step: '', type: 'Refused', message: 'no' };
    const steps = Array.from({ length: 255 }, (_, i) =>
      i % 100 === 99
        ? step(`sync ${i}`, { state: 'blocked', failure })
        : step(`sync ${i}`, { state: i < 150 ? 'done' : 'pending' }),
    );
    const details = currentDetails(status({ steps })).replaceAll('\u00a0', ' ');
    expect(details).toMatch(/sync 27 .*\| ✕ \| sync 99 .*\| ✕ \| sync 199 /s);
    expect(details.split('\n').at(-3)).toBe('and 225 more: 121 done, 104 pending');
  });

  it('stay below 8 KB of URL, however many and long the names are', () => {
    const name = '名'.repeat(200);
    const resources = [{ kind: 'audience', id: name, name, made: true } as const];
    const steps = Array.from({ length: 45 }, (_, i) => step(`sync ${i} ${name}`, { state: 'done', resources }));
    const details = currentDetails(status({ stage: 'completed', requester: 'Jane', steps }));
    expect(encodeURIComponent(details).length).toBeLessThan(8000);
  });

  it('ask for a choice first: what for, why, the first choices, and what to send', () => {
    const choices = Array.from({ length: 50 }, (_, i) => ({ value: `v${i}`, label: `Account ${i}` }));
    const details = currentDetails(
      status({
        stage: 'awaiting_choice',
        questions: [
          { step: 'ad accounts', answer: 'selectAccounts', choices, total: 103, why: 'it fits several' },
          { step: 'sync New', answer: 'chooseAudience', choices: [], total: 0 },
        ],
        steps: [step('ad accounts', { state: 'waiting' })],
      }),
    );
    expect(details.split('\n\n').slice(0, 6)).toEqual([
      '**Waiting for a person to choose**',
      '⚠ it fits several',
      'Choose for ad accounts: Account 0, Account 1, Account 2, Account 3, Account 4, Account 5, Account 6, Account 7 and 95 more',
      '*More Actions → Send an Update →* `selectAccounts` with `{"accounts": ["…"]}`',
      'Choose for sync New: there is nothing',
      '*More Actions → Send an Update →* `chooseAudience` with `{"sync":"New","audience":{"existing":"…"}}`',
    ]);
  });

  it('say of a blocked step what failed, what would mend it, and what to send', () => {
    const failure = { step: 'model users', type: 'Refused', message: 'no such table' };
    const details = currentDetails(
      status({
        stage: 'blocked',
        steps: [
          step('model users', { state: 'blocked', failure, piece: 'models.users' }),
          step('audiences', { state: 'blocked', failure }),
        ],
      }),
    );
    expect(details.split('\n\n').slice(0, 5)).toEqual([
      '**Blocked until a person mends a step**',
      '✕ model users: no such table',
      '*More Actions → Send an Update →* `retryStep` with `{"step":"model users","change":"…"}`; `change` replaces `models.users` of the request, or `giveUp`',
      '✕ audiences: no such table',
      '*More Actions → Send an Update →* `retryStep` with `{"step":"audiences"}`, or `giveUp`',
    ]);
  });

  it.each([...STAGES])(
    'begin with a line of their own in stage %s, and are a dozen lines for a small request',
    (stage) => {
      const waits = stage === 'awaiting_choice';
      const question = { step: 'ad accounts', answer: 'selectAccounts' as const, choices: [], total: 0 };
      const failure = { step: 'model users', type: 'Refused', message: 'no such table' };
      const details = currentDetails(
        status({
          stage,
          ...(stage === 'awaiting_sign_in' ? { signIn: ask } : {}),
          questions: waits ? [question] : [],
          steps: [
            step('snowflake connection', { state: 'done' }),
            step('model users', stage === 'blocked' ? { state: 'blocked', failure, piece: 'models.users' } : {}),
            ...['linkedin connection', 'sign-in', 'ad accounts', 'audiences', 'sync New'].map((id) => step(id)),
          ],
        }),
      );
      const lines = details.split('\n').filter((line) => line !== '');
      expect(lines[0]).toMatch(/^\*\*[A-Z].*\*\*$/);
      // Two of them are the table's rulers, and one is the margin at the bottom.
      expect(lines.length).toBeLessThanOrEqual(13);
    },
  );

  it('stay below 8 KB of URL, however much is asked and blocked', () => {
    const name = '名'.repeat(200);
    const choices = Array.from({ length: 50 }, () => ({ value: name, label: name }));
    const failure = { step: name, type: 'Refused', message: name.repeat(20) };
    const ids = Array.from({ length: 20 }, (_, i) => `sync ${i} ${name}`);
    const details = currentDetails(
      status({
        stage: 'awaiting_sign_in',
        requester: name,
        signIn: ask,
        questions: ids.map((id) => ({ step: id, answer: 'chooseAudience', choices, total: 60, why: name })),
        warnings: ids,
        steps: ids.map((id) => step(id, { state: 'blocked', failure, piece: name })),
      }),
    );
    expect(encodeURIComponent(details).length).toBeLessThan(8000);
    expect(details).toMatch(/and \d+ more to read: query `status` has them/);
    expect(details).toContain('[Sign in to LinkedIn]');
  });

  it('hold no line, cell, link or code that text from outside made', () => {
    fc.assert(
      fc.property(outside, (text) => {
        const filled = (t: string) =>
          currentDetails(
            status({
              requester: t,
              signIn: { ...ask, lastCheck: { at: '', outcome: 'denied', reason: t } },
              questions: [
                {
                  step: `sync ${t}`,
                  answer: 'chooseAudience',
                  choices: [{ value: t, label: `label ${t}` }],
                  total: 1,
                  why: t,
                },
              ],
              warnings: [t],
              steps: [
                step(`sync ${t}`, {
                  state: 'failed',
                  resources: [{ kind: 'audience', id: t, name: t, made: true }],
                  note: t,
                  failure: { step: t, type: 'Error', message: t },
                }),
                step(`model ${t}`, {
                  state: 'blocked',
                  piece: `models.${t}`,
                  failure: { step: t, type: 'Error', message: t },
                }),
              ],
            }),
          );
        // A piece of code is one sign: what stands in it is nothing but text, as long as no line or backquote ends it.
        const shape = (details: string) =>
          details.replace(/\\.|`[^`\n]*`/g, (one) => (one.startsWith('`') ? '¬' : '')).match(/\n|\||\]\(|<|`|¬/g);
        expect(shape(filled(text))).toEqual(shape(filled('text')));
      }),
    );
  });
});
