/** Our own types are what we read and write; that they agree with Polytomic's published ones is checked by the compiler. */
import { expect, it } from '@jest/globals';
import type { Polytomic } from 'polytomic';
import type { PolytomicClient } from '../../src/polytomic/client.ts';

type Client = PolytomicClient;
type Answer<T extends (...args: never[]) => Promise<unknown>> = Awaited<ReturnType<T>>;

/** All fields present at every depth: their types declare each one optional. */
type Whole<T> = T extends Array<infer U> ? Array<Whole<U>> : T extends object ? { [K in keyof T]-?: Whole<T[K]> } : T;

/** Compiles only where whatever their answer may be is what our type says, and where they know each field that ours names. */
type Reads<Ours, Theirs extends Whole<Ours>> = [Ours, Theirs];
/** Compiles only where whatever we write is what their type takes. */
type Writes<Ours extends Theirs, Theirs> = [Ours, Theirs];

/** Without what they list as enumerations, and we pass on as texts: the walkthrough writes `equality` for their `Equality`. */
type WithoutEnumerations<T> = Omit<T, 'identity' | 'filters' | 'overrides' | 'schedule'>;

type Checks = [
  Reads<Answer<Client['me']>, Whole<Polytomic.GetIdentityResponseSchema>>,
  Reads<
    Answer<Client['connections']['get']>,
    Whole<Polytomic.ConnectionResponseSchema & Polytomic.CreateConnectionResponseSchema>
  >,
  Reads<Answer<Client['models']['get']>, Whole<Polytomic.ModelResponse>>,
  Reads<Omit<Answer<Client['jobs']['get']>, 'result'>, Whole<Polytomic.JobResponse>>,
  Reads<Answer<Client['targets']['list']>, Whole<Polytomic.V4TargetObjectsResponseEnvelope>>,
  Reads<Answer<Client['targets']['propertyValues']>, Whole<Polytomic.V4TargetPropertyValues>>,
  Reads<Answer<Client['targets']['fields']>['fields'], Whole<Polytomic.TargetField>[]>,
  Reads<Answer<Client['syncs']['get']>, Whole<Polytomic.ModelSyncResponse>>,
  Reads<Answer<Client['syncs']['getExecution']>, Whole<Polytomic.GetExecutionResponseSchema>>,
  Reads<Answer<Client['syncs']['status']>, Whole<Polytomic.SyncStatusResponse>>,
  Writes<Parameters<Client['connections']['create']>[0], Polytomic.CreateConnectionRequestSchema>,
  Writes<Parameters<Client['models']['create']>[0], Polytomic.CreateModelRequest>,
  Writes<
    WithoutEnumerations<Parameters<Client['syncs']['create']>[0]>,
    WithoutEnumerations<Polytomic.CreateModelSyncRequest>
  >,
  Writes<Parameters<Client['syncs']['startExecution']>[1], Polytomic.StartModelSyncRequest>,
];

it('agrees with the published types, or this file does not compile', () => {
  const holds: Checks extends unknown[] ? true : never = true;
  expect(holds).toBe(true);
});
