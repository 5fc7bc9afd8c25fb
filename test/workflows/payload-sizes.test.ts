/**
 * How large the payloads of a run get at worst: a request at all its limits, and Polytomic at its most talkative. Temporal
 * refuses 2 MB; it would retry the task of a run that sends more for ever.
 */
import { describe, expect, it } from '@jest/globals';
import { defaultPayloadConverter } from '@temporalio/common';
import { LIMITS, linesWithin, type ProvisioningRequest, parseRequest } from '../../src/request/schema.ts';
import { currentDetails } from '../../src/workflows/current-details.ts';
import type { ProvisioningResult, Resource, StepFailure } from '../../src/workflows/messages.ts';
import { Progress, STEP } from '../../src/workflows/progress.ts';
import { MAX_CARRIED_BYTES, newRunState, type RunState } from '../../src/workflows/run-state.ts';

const MAX_PAYLOAD = 2 * 1024 * 1024;

/** Longer than all of Polytomic's and Temporal's own ids. */
const ID = 'i'.repeat(100);

/** Texts whose characters take the most room as JSON, in a name and in a message. */
const NAME = '名'.repeat(LIMITS.nameLength);
const MESSAGE = '\u0001'.repeat(4000);

const bytesOf = (value: unknown) => defaultPayloadConverter.toPayload(value)?.data?.length ?? 0;

const each = <T>(count: number, make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i));

const nameOf = (i: number, name: string) => `${i}${name}`.slice(0, LIMITS.nameLength);

/** A request with as many things as there may be, names as long as this one, and what is left of its room in queries. */
function largest(name: string): ProvisioningRequest {
  const request = (query: string): ProvisioningRequest => ({
    name: 'n'.repeat(63),
    requester: NAME,
    snowflake: { connection: { use: NAME } },
    linkedinAds: { connection: { use: NAME }, accounts: 'ask' },
    models: Object.fromEntries(each(LIMITS.models, (i) => [`m${i}`, { name: nameOf(i, name), query }])),
    syncs: each(LIMITS.syncs, (i) => ({
      name: nameOf(i, name),
      model: `m${i % LIMITS.models}`,
      audience: { existing: 'x' },
      mode: 'create' as const,
      fields: { a: 'b' },
      schedule: { frequency: 'manual' as const },
    })),
    options: { firstRun: 'await' },
  });
  // The request's own count is of what JSON takes at most, a little more than it does.
  const room = LIMITS.requestBytes - 2048 - bytesOf(request('q'));
  return request('q'.repeat(Math.floor(room / LIMITS.models)));
}

const request = largest(NAME);

/** A run with this request, before anything is done. */
function begun(of = request): { state: RunState; progress: Progress } {
  const state = newRunState(of, new Date(0), ID);
  const progress = new Progress(state, () => undefined);
  progress.plan(of);
  return { state, progress };
}

const resource = (name: string): Resource => ({ id: ID, name, made: true });

/** What is kept of the errors of a first execution. */
function errorsOf({ roomOfStep }: Progress): string[] {
  const errors = each(10, () => MESSAGE);
  return linesWithin(errors, roomOfStep);
}

/** A run that has made everything, under names that are as long as this one. */
function finished(name: string): { state: RunState; progress: Progress } {
  const made = largest(name);
  const { state, progress } = begun(made);
  const connection = resource(name);
  const since = new Date(0).toISOString();
  const known = { since, connection, name, made: resource(name) };
  for (const [key, model] of Object.entries(made.models)) {
    const step = STEP.model(key);
    state.results[step] = { resource: resource(name), columns: [] };
    state.undo.push({ ...known, kind: 'model', step, query: 'query' in model ? model.query : '' });
    progress.done(step, { resources: [{ kind: 'model', ...resource(name) }] });
  }
  state.results[STEP.audiences] = made.syncs.map(() => null);
  for (const sync of made.syncs) {
    const step = STEP.sync(sync.name);
    const audience = { name, type: 'user_audience', account: ID };
    state.chosen[step] = { create: audience };
    state.results[step] = { ...resource(sync.name), model: sync.model, audience: resource(name) };
    state.undo.push({ ...known, kind: 'sync', step, model: resource(name), audience, madeAudience: resource(name) });
    progress.done(step, {
      resources: [
        { kind: 'audience', ...resource(name) },
        { kind: 'sync', ...resource(name) },
      ],
    });
    const execution = STEP.firstExecution(sync.name);
    state.results[execution] = { id: ID, status: 'completed', errors: errorsOf(progress) };
    progress.done(execution, { note: 'completed, total 4000, insert 4000' });
  }
  return { state, progress };
}

describe('at all limits at once, what fits into a payload', () => {
  it('is a request that is valid, and none that is larger', () => {
    expect(parseRequest(request).ok).toBe(true);
    const first = { name: 'One', query: 'q'.repeat(4096) };
    expect(parseRequest({ ...request, models: { ...request.models, m0: first } }).ok).toBe(false);
  });

  it('is the status, and the failure, of a run whose every step failed with a message as long as any', () => {
    const { progress, state } = begun();
    const all = state.steps.filter(({ id }) => !id.startsWith('first execution '));
    for (const { id } of all) {
      const failure: StepFailure = { step: id, type: 'NotAllowed', message: MESSAGE };
      progress.blocked(failure, `models["${id}"]`);
    }
    expect(progress.blockedSteps).toHaveLength(LIMITS.models + LIMITS.syncs + 5);
    expect(bytesOf(progress.status())).toBeLessThan(MAX_PAYLOAD / 2);
    expect(bytesOf(progress.outcome())).toBeLessThan(MAX_PAYLOAD / 2);
    expect(encodeURIComponent(currentDetails(progress.status())).length).toBeLessThan(8000);
  });

  it('is the status, while every sync asks for its audience among as many as are listed', () => {
    const { progress } = begun();
    const choices = each(50, (i) => ({ value: ID, label: nameOf(i, NAME) }));
    for (const step of progress.syncSteps) {
      progress.ask({ step, answer: 'chooseAudience', choices, total: 50, why: MESSAGE });
    }
    expect(progress.status().questions).toHaveLength(LIMITS.syncs);
    expect(bytesOf(progress.status())).toBeLessThan(MAX_PAYLOAD / 2);
  });

  it('is the status of a run that warns of everything', () => {
    const { progress } = begun();
    for (const i of each(500, (one) => one)) progress.warn(`${i} ${MESSAGE}`);
    const { warnings } = progress.status();
    expect(warnings.length).toBeGreaterThan(2);
    expect(warnings.at(-1)).toBe('There are more warnings than are kept.');
    expect(bytesOf(progress.status())).toBeLessThan(MAX_PAYLOAD / 4);
  });

  it('is the result, with the errors of all first executions', () => {
    const firstExecution = { id: ID, status: 'completed', errors: errorsOf(begun().progress) };
    const result: ProvisioningResult = {
      name: request.name,
      snowflakeConnection: resource(NAME),
      linkedinConnection: resource(NAME),
      adAccounts: each(LIMITS.accounts, () => ({ value: ID, label: NAME })),
      models: Object.fromEntries(each(LIMITS.models, (i) => [`${i}`.padEnd(63, 'm'), resource(NAME)])),
      syncs: each(LIMITS.syncs, () => ({
        ...resource(NAME),
        model: 'm'.repeat(63),
        audience: resource(NAME),
        firstExecution,
      })),
      warnings: [],
    };
    expect(bytesOf(result)).toBeLessThan(MAX_PAYLOAD / 2);
  });

  it.each([
    ['Latin letters', 'n'.repeat(LIMITS.nameLength)],
    ['Chinese signs', NAME],
  ])('is what an undo reads, when everything was made: names of %s', (_, name) => {
    const { state } = finished(name);
    expect(state.undo).toHaveLength(LIMITS.models + LIMITS.syncs);
    expect(bytesOf(state.undo)).toBeLessThan(MAX_PAYLOAD);
  });

  it('is what a run hands to the one that continues it, when everything was made, unless all names are very long', () => {
    const carried = ({ state }: { state: RunState }) => bytesOf([state.request, state]);
    expect(carried(finished('n'.repeat(LIMITS.nameLength / 2)))).toBeLessThan(MAX_CARRIED_BYTES);
    // Such a run stays the one it is; see test/workflows/long-runs.test.ts.
    expect(carried(finished(NAME))).toBeGreaterThan(MAX_CARRIED_BYTES);
  });
});
