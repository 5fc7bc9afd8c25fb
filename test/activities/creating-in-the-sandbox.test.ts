import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { SECRET_ENV } from '../support/activity-step.ts';
import { newSandbox, type TestSandbox } from '../support/sandbox.ts';
import {
  CreatingWorld,
  happenings,
  letItEnd,
  nothingKnown,
  type Sabotage,
  type Situation,
} from './creating-commands.ts';

let sandbox: TestSandbox;
beforeAll(async () => {
  // Activities and sandbox read the same clock, which the tests set. Nothing else is faked: waits are real.
  jest.useFakeTimers({
    now: Date.UTC(2026, 0, 1),
    doNotFake: [
      'hrtime',
      'nextTick',
      'performance',
      'queueMicrotask',
      'setImmediate',
      'clearImmediate',
      'setInterval',
      'clearInterval',
      'setTimeout',
      'clearTimeout',
    ],
  });
  sandbox = await newSandbox({ snowflakePassword: SECRET_ENV.SNOWFLAKE_PASSWORD });
});
afterAll(() => {
  jest.useRealTimers();
});

const SITUATIONS: Situation[] = [
  { kind: 'connection', orUse: false, parentMade: false },
  { kind: 'connection', orUse: true, parentMade: false },
  { kind: 'model', orUse: false, parentMade: false },
  { kind: 'model', orUse: false, parentMade: true },
  { kind: 'model', orUse: true, parentMade: false },
  { kind: 'sync', orUse: false, parentMade: false },
  { kind: 'sync', orUse: false, parentMade: true },
  { kind: 'sync with its audience', orUse: false, parentMade: false },
  { kind: 'sync with its audience', orUse: false, parentMade: true },
];

const nameOf = ({ kind, orUse, parentMade }: Situation) =>
  `a ${kind}${orUse ? ' that may be there' : ''}${parentMade ? ' on what the run made' : ''}`;

/** That a step which creates this never does what it must not, whatever happens. */
function soundness(situation: Situation, sabotage?: Sabotage) {
  return fc.asyncProperty(happenings(situation, 12), async (commands) => {
    const known = nothingKnown();
    const world = await CreatingWorld.begin(sandbox, situation, sabotage);
    await fc.asyncModelRun(() => ({ model: known, real: world }), commands);
    await letItEnd(known, world);
  });
}

/** Of each situation; about two seconds' worth on a quiet machine. */
const RUNS = 15;

describe('creating once, in the sandbox', () => {
  it.each(SITUATIONS.map((situation) => [nameOf(situation), situation] as const))(
    'makes %s at most once, takes nobody else’s for its own, and ends',
    async (_, situation) => {
      await fc.assert(soundness(situation), { numRuns: RUNS });
    },
  );

  it.each<[Sabotage, string]>([
    ['no keys', 'a key stands for its send'],
    ['no look-up', 'what may be there is looked for'],
  ])('would make two with %s: %s', async (sabotage) => {
    const situation: Situation = { kind: 'sync', orUse: false, parentMade: false };
    const { failed, errorInstance } = await fc.check(soundness(situation, sabotage), {
      numRuns: 500,
      endOnFailure: true,
    });
    expect(failed).toBe(true);
    // Two were made, or one of which the step says that it was not made.
    expect(String(errorInstance)).toMatch(/toBeLessThanOrEqual|toEqual/);
  });
});
