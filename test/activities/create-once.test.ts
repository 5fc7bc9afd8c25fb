import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { attempt } from '../../src/activities/attempt.ts';
import { type Created, type Creation, createOnce, type StepContext } from '../../src/activities/create-once.ts';
import { CLOCK_TOLERANCE_MS, MAX_CONFLICTS, type SendRecord } from '../../src/activities/idempotency.ts';
import { failureOf, newStep, type Step } from '../support/activity-step.ts';
import { FATES, type Fate, ModelledPolytomic, type Thing } from './modelled-polytomic.ts';

const SECOND = 1000;
const HOUR = 60 * 60 * SECOND;

/** What happens in one attempt, and before it. */
interface Event {
  /** How long ago the one before ended, in ms. */
  after: number;
  /** Whether the run is reset first. */
  reset: boolean;
  /** What somebody else makes under the name: before the attempt looks, or between its look and its send. */
  others: 'nothing' | 'another before' | 'another between' | 'the same before';
  fate: Fate;
  /** Where the worker is killed. */
  killed: 'not' | 'before its send' | 'before its record arrived' | 'after its record arrived';
}

interface Situation {
  existing: 'use' | 'refuse' | 'another';
  uniqueName: boolean;
  parentMade: boolean;
  keyLifetimeMs: number;
  /** How long after a create was sent and failed it may still make the thing. */
  settlesWithinMs: number;
  /** Whether Polytomic says when things were made. */
  dated: boolean;
  /** Whether it is known before the first send what is there, without a look-up. */
  seen: boolean;
}

const event: fc.Arbitrary<Event> = fc.record({
  after: fc.constantFrom(SECOND, 2 * SECOND, 11 * SECOND, 10 * 60 * SECOND, 22.9 * HOUR, 25 * HOUR),
  reset: fc.oneof({ weight: 8, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  others: fc.oneof(
    { weight: 6, arbitrary: fc.constant('nothing' as const) },
    { weight: 1, arbitrary: fc.constantFrom('another before', 'another between', 'the same before') },
  ),
  fate: fc.constantFrom(...FATES),
  killed: fc.oneof(
    { weight: 3, arbitrary: fc.constant('not' as const) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('before its send', 'before its record arrived', 'after its record arrived'),
    },
  ),
});

const QUIET: Event = { after: 30 * SECOND, reset: false, others: 'nothing', fate: 'is answered', killed: 'not' };

const situation: fc.Arbitrary<Situation> = fc
  .record({
    existing: fc.constantFrom('use', 'refuse', 'another'),
    uniqueName: fc.boolean(),
    parentMade: fc.boolean(),
    keyLifetimeMs: fc.constantFrom(24 * HOUR, 1000 * HOUR),
    settlesWithinMs: fc.constantFrom(0, 30 * SECOND),
    dated: fc.boolean(),
    seen: fc.boolean(),
  })
  // Where names are unique nobody asks for another one beside the one that is there.
  .filter(({ existing, uniqueName }) => !(uniqueName && existing === 'another'))
  // What is there has to be used or refused, so it is looked for, unless nothing can be there.
  .filter(({ existing, seen, parentMade }) => existing === 'another' || parentMade || !seen) as fc.Arbitrary<Situation>;

let now = Date.UTC(2026, 0, 1);
beforeEach(() => {
  jest.spyOn(Date, 'now').mockImplementation(() => now);
});
afterEach(() => {
  jest.restoreAllMocks();
});

/** A step that creates one thing, in a world that the events happen to. */
class Story {
  readonly polytomic: ModelledPolytomic;
  readonly #situation: Situation;
  step: Step = newStep('thing');
  /** How many keys Polytomic has seen. */
  readonly keys: string[] = [];

  constructor(situation: Situation) {
    this.#situation = situation;
    this.polytomic = new ModelledPolytomic(() => now, situation);
  }

  get ours(): Thing[] {
    return this.polytomic.things.filter(({ ours }) => ours);
  }

  /** One attempt. Undefined where nobody hears of its outcome, or it is to be tried again. */
  async happen({ after, reset, others, fate, killed }: Event): Promise<Created<Thing> | string | undefined> {
    now += after;
    if (reset) this.step = this.step.reset();
    this.#othersMake(others, 'before');
    let sent = false;
    const work = () =>
      attempt('creating it', () =>
        this.#create(this.step.context, (key) => {
          this.#othersMake(others, 'between');
          sent = true;
          if (killed === 'before its send') throw new Error('killed');
          this.keys.push(key);
          return this.polytomic.create(key, fate);
        }),
      );
    try {
      const created = await this.step.attempt(work, killed === 'not' ? {} : { killed: killedAt(killed) });
      return killed === 'not' ? created : undefined;
    } catch (error) {
      if (killed !== 'not' && sent) return undefined;
      const failure = await failureOf(Promise.reject(error));
      return failure.nonRetryable ? String(failure.type) : undefined;
    }
  }

  /** The step's outcome, after these events and, if they leave it open, as many attempts without trouble as it takes. */
  async unfold(events: Event[]): Promise<Created<Thing> | string> {
    for (const event of [...events, ...Array<Event>(MAX_CONFLICTS + 10).fill(QUIET)]) {
      const outcome = await this.happen(event);
      if (outcome !== undefined) return outcome;
    }
    throw new Error('the step does not end');
  }

  /** A person has the step tried again, at once. */
  tryAgain(): void {
    this.step = this.step.again();
  }

  #create(context: StepContext, send: (key: string) => Thing): Promise<Created<Thing>> {
    const { existing, parentMade, uniqueName, dated, settlesWithinMs, seen } = this.#situation;
    const creation: Creation<Thing, Thing> = {
      context,
      lookUp: async () =>
        this.polytomic.things.map((item) => ({
          id: item.id,
          createdAt: dated ? item.createdAt : undefined,
          matches: item.asked,
          item,
        })),
      ...(seen ? { seen: async () => this.polytomic.things.map(({ id }) => id) } : {}),
      send: async (key) => send(key),
      settle: async (thing) => thing,
      existing,
      advice: () => 'Choose.',
      parentMade,
      uniqueName,
      settlesWithinMs,
    };
    return createOnce(creation, (created) => created);
  }

  #othersMake(others: Event['others'], moment: 'before' | 'between'): void {
    // Nobody else builds on what this run made.
    if (this.#situation.parentMade) return;
    if (others === `another ${moment}`) this.polytomic.othersMake(false);
    // What is the same in every field and appears between our sends is ours by all evidence that there is: the rule does
    // not promise to tell it apart. It does where it was there before, where nothing is remembered, or where it came long after.
    if (others === 'the same before' && moment === 'before' && (this.step.details === undefined || this.#isLate()))
      this.polytomic.othersMake(true);
  }

  /** Whether what is made now is seen to come long after all that was sent, before more is. */
  #isLate(): boolean {
    const { lookUpFirst, settlesAt = 0 } = this.step.details as SendRecord;
    return this.#situation.dated && lookUpFirst && now > settlesAt + CLOCK_TOLERANCE_MS;
  }
}

function killedAt(killed: Exclude<Event['killed'], 'not'>) {
  return killed === 'before its send' ? 'before its record arrived' : killed;
}

const BESIDE_OTHERS: Situation = {
  existing: 'another',
  uniqueName: false,
  parentMade: false,
  keyLifetimeMs: 24 * HOUR,
  settlesWithinMs: 0,
  dated: true,
  seen: false,
};

describe('creating once', () => {
  it('never makes two things nor takes somebody else’s for its own, whatever becomes of its sends', async () => {
    await fc.assert(
      fc.asyncProperty(situation, fc.array(event, { maxLength: 12 }), async (given, events) => {
        const story = new Story(given);
        const outcome = await story.unfold(events);
        expect(story.ours.length).toBeLessThanOrEqual(1);
        if (typeof outcome === 'string') {
          // Where it cannot tell it says so, and a person decides; a refusal for good means that nothing was made.
          expect(['Unclear', 'Ambiguous', 'NameTaken', 'Refused', 'ApiKeyRefused']).toContain(outcome);
          if (outcome !== 'Unclear' && outcome !== 'Ambiguous') expect(story.ours).toEqual([]);
        } else if (outcome.made) {
          expect(outcome.item.ours).toBe(true);
        } else {
          expect(given.existing).toBe('use');
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('waits for what a proxy may have let through at the end of a long outage', async () => {
    const story = new Story(BESIDE_OTHERS);
    const refused: Event = { ...QUIET, after: 11 * SECOND, fate: 'is a 502 of a proxy, and never arrives' };
    const through: Event = { ...refused, fate: 'is a 502 of a proxy, and is carried out late' };
    const soon: Event = { ...QUIET, after: SECOND };
    expect(await story.unfold([refused, refused, refused, through, soon, soon])).toMatchObject({ made: true });
    expect(story.ours).toHaveLength(1);
    expect(new Set(story.keys).size).toBe(1);
  });

  it('does not take for its own what somebody makes long after a send that made nothing', async () => {
    const story = new Story(BESIDE_OTHERS);
    const failed: Event = { ...QUIET, fate: 'is a 500 for ever, and made nothing' };
    const outcome = await story.unfold([failed, { ...failed, after: 4 * HOUR, others: 'the same before' }]);
    expect(outcome).toMatchObject({ made: true, item: { ours: true } });
    expect(story.polytomic.things).toHaveLength(2);
  });

  it('waits for what is under way when a person has it tried again at once', async () => {
    const story = new Story(BESIDE_OTHERS);
    const late: Event = { ...QUIET, fate: 'is carried out late, and not waited for' };
    const refused: Event = { ...QUIET, after: SECOND, fate: 'is a 401, without a look at the key' };
    expect(await story.unfold([late, refused])).toBe('Unclear');
    story.tryAgain();
    expect(await story.unfold([{ ...QUIET, after: SECOND }])).toBe('Unclear');
    expect(story.ours).toHaveLength(1);
  });

  it('makes no second thing when a person has it tried again after it ended unclear', async () => {
    let unclear = 0;
    await fc.assert(
      fc.asyncProperty(
        situation,
        fc.array(event, { minLength: 1, maxLength: 8 }),
        fc.array(event, { maxLength: 4 }),
        async (given, events, later) => {
          const story = new Story(given);
          if ((await story.unfold(events)) !== 'Unclear') return;
          unclear += 1;
          story.tryAgain();
          const outcome = await story.unfold(later);
          expect(story.ours.length).toBeLessThanOrEqual(1);
          if (outcome === 'NameTaken' || outcome === 'Refused') expect(story.ours).toEqual([]);
          if (typeof outcome !== 'string' && outcome.made) expect(outcome.item.ours).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
    expect(unclear).toBeGreaterThan(0);
  });

  it('makes no second thing when a run whose step was done is reset', async () => {
    await fc.assert(
      fc.asyncProperty(
        situation,
        fc.array(event, { maxLength: 4 }),
        fc.array(event, { minLength: 1, maxLength: 4 }),
        async (given, events, [first = QUIET, ...later]) => {
          const story = new Story(given);
          await story.unfold([...events, QUIET]);
          const outcome = await story.unfold([{ ...first, reset: true }, ...later]);
          expect(story.ours.length).toBeLessThanOrEqual(1);
          if (typeof outcome !== 'string' && outcome.made) expect(outcome.item.ours).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
