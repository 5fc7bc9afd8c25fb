import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type Answer,
  type AttemptFacts,
  beginningOf,
  type Candidate,
  CLOCK_TOLERANCE_MS,
  type CreateIdentity,
  type Evidence,
  idempotencyKey,
  isRecent,
  judge,
  KEY_LIFETIME_MS,
  nextAfter,
  recordAfter,
  recordAfterLookUp,
  recordOfAnswer,
  recordOfSend,
  recordToResend,
  type SendRecord,
  SIGHT_LASTS_MS,
  settlementOf,
  UNDER_WAY_MS,
} from '../../src/activities/idempotency.ts';

const NOW = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;

const answered = (status: number): Answer => ({ kind: 'status', status, documented: true });
const byProxy = (status: number): Answer => ({ kind: 'status', status, documented: false });
const LOST: Answer = { kind: 'none' };

/** A first send a minute ago, of which nothing is known. */
function record(changes: Partial<SendRecord> = {}): SendRecord {
  const first = NOW - MINUTE;
  return {
    send: 1,
    attempt: 1,
    firstSentAt: first,
    unanswered: { first, last: first },
    lookUpFirst: false,
    before: [],
    doubtful: [],
    conflicts: 0,
    ...changes,
  };
}

/** A key that no send has left with. */
function unsent(changes: Partial<SendRecord> = {}): SendRecord {
  const { unanswered: _, ...rest } = record();
  return { ...rest, ...changes };
}

/** A second attempt, scheduled two minutes ago. */
function evidence(changes: Partial<Evidence> = {}): Evidence {
  return {
    record: record(),
    now: NOW,
    scheduledAt: NOW - 2 * MINUTE,
    attempt: 2,
    laterRun: false,
    afterUnclear: false,
    parentMade: false,
    uniqueName: false,
    settlesWithinMs: 0,
    ...changes,
  };
}

function candidate(changes: Partial<Candidate> = {}): Candidate {
  return { id: 'thing', createdAt: NOW - MINUTE, matches: true, ...changes };
}

const identity: fc.Arbitrary<CreateIdentity> = fc.record({
  workflowId: fc.string({ unit: 'grapheme' }),
  firstRunId: fc.uuid(),
  step: fc.string({ unit: 'grapheme' }),
  generation: fc.nat(),
});

describe('a key', () => {
  it('has a form that Polytomic takes, whatever it is made of', () => {
    fc.assert(
      fc.property(identity, fc.nat(), (of, send) => {
        expect(idempotencyKey(of, send)).toMatch(/^[A-Za-z0-9_-]{8,255}$/);
      }),
    );
  });

  it('is the same for the same send, and another as soon as one part of it is', () => {
    const one = fc.tuple(identity, fc.integer({ min: 1, max: 3 }));
    const alike = one.chain(([of, send]) =>
      fc.tuple(
        fc.constant([of, send] as const),
        fc.record({
          workflowId: fc.oneof(fc.constant(of.workflowId), fc.string()),
          firstRunId: fc.oneof(fc.constant(of.firstRunId), fc.uuid()),
          step: fc.oneof(fc.constant(of.step), fc.string()),
          generation: fc.oneof(fc.constant(of.generation), fc.nat()),
        }),
        fc.oneof(fc.constant(send), fc.integer({ min: 1, max: 3 })),
      ),
    );
    fc.assert(
      fc.property(alike, ([[of, send], other, otherSend]) => {
        const same =
          of.workflowId === other.workflowId &&
          of.firstRunId === other.firstRunId &&
          of.step === other.step &&
          of.generation === other.generation &&
          send === otherSend;
        expect(idempotencyKey(of, send) === idempotencyKey(other, otherSend)).toBe(same);
      }),
      { numRuns: 500 },
    );
  });

  it('does not confuse parts that read the same in a row', () => {
    const of = { workflowId: 'a', firstRunId: 'b', step: 'c', generation: 11 };
    expect(idempotencyKey(of, 1)).not.toBe(idempotencyKey({ ...of, generation: 1 }, 11));
    expect(idempotencyKey({ ...of, workflowId: 'a","b' }, 1)).not.toBe(idempotencyKey(of, 1));
  });
});

describe('what comes next after an answer to a first send', () => {
  it.each<[string, Answer, string]>([
    ['no answer', LOST, 'same-key'],
    ['a 409', answered(409), 'same-key'],
    ['a 429', answered(429), 'new-key'],
    ['a 400', answered(400), 'new-key'],
    ['a 401', answered(401), 'new-key'],
    ['a 404', answered(404), 'new-key'],
    ['a 422', answered(422), 'new-key'],
    ['a 500', answered(500), 'look-up'],
    ['a 503', answered(503), 'look-up'],
    ['a 502 of a proxy', byProxy(502), 'same-key'],
    ['a 408, which is always a proxy’s', answered(408), 'same-key'],
    ['a 429 of a proxy', byProxy(429), 'new-key'],
    ['a 403 of a proxy', byProxy(403), 'new-key'],
    ['a success that is not as documented', { kind: 'undocumented' }, 'same-key'],
  ])('%s', (_, answer, next) => {
    expect(nextAfter(answer, {}, NOW)).toBe(next);
  });
});

describe('what comes next after an answer to a key whose earlier send nothing is known of', () => {
  const recent = { unanswered: { first: NOW - 10 * MINUTE, last: NOW - UNDER_WAY_MS + 1 } };
  const old = { unanswered: { first: NOW - 10 * MINUTE, last: NOW - UNDER_WAY_MS } };

  it.each<[string, Answer, string, string]>([
    ['no answer', LOST, 'same-key', 'same-key'],
    ['a 409', answered(409), 'same-key', 'same-key'],
    ['a 429', answered(429), 'same-key', 'look-up'],
    ['a 422', answered(422), 'new-key', 'new-key'],
    ['a 401, given without a look at the key', answered(401), 'same-key', 'look-up'],
    ['a 403', answered(403), 'same-key', 'look-up'],
    ['a 404 of a proxy', byProxy(404), 'same-key', 'look-up'],
    ['a 500', answered(500), 'same-key', 'look-up'],
  ])('%s: as long as that one may be under way, and afterwards', (_, answer, meanwhile, afterwards) => {
    expect([nextAfter(answer, recent, NOW), nextAfter(answer, old, NOW)]).toEqual([meanwhile, afterwards]);
  });
});

describe('what comes next after an answer that may be a proxy’s, to a key sent before', () => {
  it.each<[string, Answer]>([
    ['a 502 of a proxy', byProxy(502)],
    ['a 408', answered(408)],
    ['a success that is not as documented', { kind: 'undocumented' }],
  ])('%s: the same key for half a minute, however often it is sent meanwhile, and then a look-up', (_, answer) => {
    const sent = (ago: number) => ({ unanswered: { first: NOW - ago, last: NOW - 1 } });
    expect(nextAfter(answer, sent(UNDER_WAY_MS - 1), NOW)).toBe('same-key');
    expect(nextAfter(answer, sent(UNDER_WAY_MS), NOW)).toBe('look-up');
  });
});

describe('the record', () => {
  it('of a send says since when nothing is known of its key, and repeats that of the first', () => {
    expect(recordOfSend(unsent(), 1, NOW)).toEqual(record({ unanswered: { first: NOW, last: NOW } }));
    const first = NOW - MINUTE;
    expect(recordOfSend(record(), 2, NOW)).toEqual(record({ attempt: 2, unanswered: { first, last: NOW } }));
  });

  it('of what never left is as it was', () => {
    expect(recordAfter(record(), { kind: 'unsent' }, 2, NOW, 0)).toEqual(record({ attempt: 2 }));
  });

  it('after a lost answer keeps the key', () => {
    const sent = recordOfSend(unsent(), 1, NOW);
    expect(recordAfter(unsent(), LOST, 1, NOW, 0)).toEqual(sent);
  });

  it('counts conflicts, and begins to count anew with a new key', () => {
    const twice = [1, 2].reduce((one, attempt) => recordAfter(one, answered(409), attempt, NOW, 0), unsent());
    expect(twice).toMatchObject({ send: 1, conflicts: 2 });
    expect(recordAfter(twice, answered(422), 3, NOW, 0)).toMatchObject({ send: 2, conflicts: 0 });
  });

  it('after a limit on a repeated key does not take that for a sign of the earlier send', () => {
    const sent = record({ unanswered: { first: NOW - 5000, last: NOW - 5000 } });
    expect(recordAfter(sent, answered(429), 2, NOW, 0)).toEqual({ ...sent, attempt: 2 });
  });

  it.each<[number, boolean]>([
    [422, false],
    [429, false],
    [500, true],
  ])('after a %i has another key, unsent; to be looked up first: %s', (status, lookUpFirst) => {
    expect(recordAfter(unsent({ before: ['old'] }), answered(status), 1, NOW, 0)).toEqual(
      unsent({ send: 2, lookUpFirst, before: ['old'], ...(lookUpFirst ? { settlesAt: NOW } : {}) }),
    );
  });

  it('after a 502 of a proxy keeps the key, and takes the send for one that may be under way', () => {
    expect(recordAfter(unsent(), byProxy(502), 1, NOW, 0)).toEqual(recordOfSend(unsent(), 1, NOW));
  });

  it('says until when a look-up that finds nothing proves nothing', () => {
    const settlement = (answer: Answer, within: number, before = unsent()) =>
      settlementOf(evidence({ record: recordAfter(before, answer, 1, NOW, within) }), within);
    const long = { first: NOW - MINUTE, last: NOW - MINUTE };
    expect(settlement(answered(500), 0)).toBe(NOW);
    expect(settlement(answered(500), 5_000)).toBe(NOW + 5_000);
    expect(settlement(byProxy(502), 5_000, record({ unanswered: long }))).toBe(NOW + UNDER_WAY_MS + 5_000);
    expect(settlement(LOST, 5_000)).toBe(NOW + UNDER_WAY_MS + 5_000);
    expect(settlementOf(evidence({ record: unsent() }), 5_000)).toBe(0);
  });

  it('says the same of what an earlier run or generation may have sent until the step was scheduled', () => {
    const settlement = (facts: Partial<Evidence>) => settlementOf(evidence({ record: undefined, ...facts }), 5_000);
    expect(settlement({ laterRun: true, scheduledAt: NOW })).toBe(NOW + UNDER_WAY_MS + 5_000);
    expect(settlement({ afterUnclear: true, scheduledAt: NOW })).toBe(NOW + UNDER_WAY_MS + 5_000);
    expect(settlement({})).toBe(0);
  });

  it('of an answer keeps it, and loses it with the key', () => {
    const kept = recordOfAnswer(record(), { job_id: 'j' }, 2);
    expect(kept).toEqual(unsent({ attempt: 2, answer: { job_id: 'j' } }));
    expect(recordAfter(kept, answered(422), 3, NOW, 0)).toEqual(unsent({ send: 2, attempt: 3 }));
  });

  it('with which a key is sent again takes what lost attempts may have sent into account', () => {
    const { unanswered } = record();
    expect(recordToResend(record(), evidence())).toEqual(record());
    expect(recordToResend(record(), evidence({ attempt: 3 }))).toEqual(
      record({ unanswered: { first: unanswered?.first ?? 0, last: NOW } }),
    );
  });
});

describe('an attempt begins', () => {
  it.each<[string, string, Partial<AttemptFacts>]>([
    ['fresh', 'the first time', { record: undefined, attempt: 1 }],
    ['unsure', 'a second time without a record', { record: undefined }],
    ['unsure', 'in a run that was reset', { record: undefined, attempt: 1, laterRun: true }],
    ['unsure', 'when tried again after it ended unclear', { record: undefined, attempt: 1, afterUnclear: true }],
    ['resend', 'after a lost answer', {}],
    ['resend', 'with a new key', { record: unsent({ send: 2 }) }],
    ['resend', 'just before the key expires', { now: NOW - MINUTE + KEY_LIFETIME_MS - 1 }],
    ['look', 'when the key has expired', { now: NOW - MINUTE + KEY_LIFETIME_MS }],
    ['look', 'after an answer that leaves open what was made', { record: unsent({ send: 2, lookUpFirst: true }) }],
    ['look', 'with a new key that a lost attempt may have sent', { record: unsent({ send: 2 }), attempt: 3 }],
    ['resend', 'after a lost attempt with a key that was sent before', { attempt: 3 }],
    [
      'resend',
      'with a new key long after the first',
      { record: unsent({ send: 3, firstSentAt: NOW - 2 * KEY_LIFETIME_MS }) },
    ],
  ])('%s %s', (beginning, _, facts) => {
    expect(beginningOf(evidence(facts))).toBe(beginning);
  });
});

describe('what a look-up found is', () => {
  const FRESH = { record: undefined, attempt: 1 };
  const UNSURE = { record: undefined };
  const RESET = { record: undefined, attempt: 1, laterRun: true };
  const AGAIN = { record: undefined, attempt: 1, afterUnclear: true };
  const long = NOW - 2 * KEY_LIFETIME_MS;
  /** A 500, so long ago that what is there now may have come since. */
  const failedLongAgo = unsent({ firstSentAt: long, lookUpFirst: true, settlesAt: long });
  const lastAfter = (within: number) => candidate({ createdAt: long + within + CLOCK_TOLERANCE_MS });

  it.each<[string, string, Candidate[], Partial<Evidence>]>([
    ['absent', 'when there is nothing', [], {}],
    ['theirs', 'when nothing was ever sent, however well it fits', [candidate()], { ...FRESH, parentMade: true }],
    ['theirs', 'when it was there before the first send', [candidate()], { record: record({ before: ['thing'] }) }],
    ['theirs', 'when it is older than the first send', [candidate({ createdAt: long })], {}],
    ['theirs', 'when it is older than the step and no record is left', [candidate({ createdAt: long })], UNSURE],
    ['ours', 'when it came after the first send and is as asked', [candidate()], {}],
    ['ours', 'when it is all that, and Polytomic does not say how old', [candidate({ createdAt: undefined })], {}],
    [
      'ours',
      'when clocks disagree a little',
      [candidate({ createdAt: NOW - MINUTE - CLOCK_TOLERANCE_MS })],
      { scheduledAt: NOW - MINUTE },
    ],
    [
      'ours',
      'beside what was there before',
      [candidate(), candidate({ id: 'old' })],
      { record: record({ before: ['old'] }) },
    ],
    ['theirs', 'when it came long after all that was sent', [candidate()], { record: failedLongAgo }],
    [
      'theirs',
      'when it came long after all that was sent, on what this run made',
      [candidate()],
      { record: failedLongAgo, parentMade: true },
    ],
    [
      'theirs',
      'when it came long after a send whose key has expired',
      [candidate()],
      { record: record({ firstSentAt: long, unanswered: { first: long, last: long } }) },
    ],
    ['ours', 'when it came while clocks may disagree', [lastAfter(0)], { record: failedLongAgo }],
    [
      'ours',
      'when it came while what was sent may have been carried out',
      [lastAfter(UNDER_WAY_MS + 5_000)],
      { record: record({ firstSentAt: long, unanswered: { first: long, last: long } }), settlesWithinMs: 5_000 },
    ],
    [
      'ours',
      'when it may have come long after all that was sent, and Polytomic does not say',
      [candidate({ createdAt: undefined })],
      { record: failedLongAgo },
    ],
    [
      'clash',
      'when it came long after all that is known to have been sent, and a later attempt was lost',
      [candidate()],
      { record: failedLongAgo, attempt: 3 },
    ],
    ['ours', 'in a run that was reset, on what this run made', [candidate()], { ...RESET, parentMade: true }],
    [
      'ours',
      'when tried again after it ended unclear, on what this run made',
      [candidate()],
      { ...AGAIN, parentMade: true },
    ],
    ['clash', 'when tried again after it ended unclear', [candidate({ createdAt: long })], AGAIN],
    [
      'clash',
      'when tried again after it ended unclear, where names are unique',
      [candidate()],
      { ...AGAIN, uniqueName: true },
    ],
    ['clash', 'when it is not as asked', [candidate({ matches: false })], {}],
    ['clash', 'when there are two', [candidate(), candidate({ id: 'other' })], {}],
    ['clash', 'in a run that was reset', [candidate()], RESET],
    ['clash', 'in a run that was reset, when old', [candidate({ createdAt: long })], { ...RESET, uniqueName: true }],
    [
      'clash',
      'in a run that was reset, of unknown age',
      [candidate({ createdAt: undefined })],
      { ...RESET, uniqueName: true },
    ],
    ['clash', 'in doubt since before the record', [candidate()], { record: record({ doubtful: ['thing'] }) }],
    [
      'clash',
      'in doubt, and older than the record',
      [candidate({ createdAt: long })],
      { record: record({ doubtful: ['thing'] }) },
    ],
    [
      'ours',
      'in doubt, on what this run made',
      [candidate()],
      { record: record({ doubtful: ['thing'] }), parentMade: true },
    ],
    ['clash', 'when no record is left for over a day', [candidate()], { ...UNSURE, scheduledAt: long }],
    ['resend', 'for the first key to tell when no record is left', [candidate({ matches: false })], UNSURE],
    [
      'resend',
      'for the first key to tell in a run that was reset, where names are unique',
      [candidate()],
      { ...RESET, uniqueName: true },
    ],
  ])('%s %s', (kind, _, found, facts) => {
    expect(judge(found, evidence(facts)).kind).toBe(kind);
  });

  it('named by its id', () => {
    const old = candidate({ id: 'old', createdAt: long });
    expect(judge([old, candidate()], evidence())).toEqual({ kind: 'ours', id: 'thing' });
    const other = candidate({ id: 'other' });
    expect(judge([old, candidate(), other], evidence())).toEqual({ kind: 'clash', ids: ['thing', 'other'] });
    expect(judge([old, candidate()], evidence(UNSURE))).toEqual({ kind: 'resend', ids: ['thing'] });
  });

  it('never ours without a record, unless it stands on what this run made', () => {
    const times = fc.constantFrom(NOW, NOW - MINUTE, NOW - 30 * MINUTE, long, undefined);
    const things = fc.array(fc.record({ id: fc.constantFrom('a', 'b', 'c'), createdAt: times, matches: fc.boolean() }));
    fc.assert(
      fc.property(things, fc.boolean(), fc.boolean(), fc.nat({ max: 3 }), (found, laterRun, uniqueName, before) => {
        const facts = { record: undefined, laterRun, uniqueName, attempt: before + 1 };
        expect(judge(found, evidence(facts)).kind).not.toBe('ours');
      }),
    );
  });
});

describe('what was seen before', () => {
  it.each([
    [0, 0, true],
    [SIGHT_LASTS_MS, 0, true],
    [SIGHT_LASTS_MS + 1, 0, false],
    [SIGHT_LASTS_MS, 1, false],
    [SIGHT_LASTS_MS + 1, -MINUTE, false],
  ])(
    'stands for a look, where the step was scheduled %i ms after it and begun %i ms later: %s',
    (scheduled, waited, stands) => {
      const scheduledAt = NOW + scheduled;
      expect(isRecent(NOW, { scheduledAt, now: scheduledAt + waited })).toBe(stands);
    },
  );
});

describe('the record after a look-up', () => {
  const sendingAfter = (found: Candidate[], facts: Partial<Evidence>) => {
    const known = evidence(facts);
    return recordAfterLookUp(found, judge(found, known), known);
  };

  it('remembers what was there before the first send', () => {
    expect(sendingAfter([candidate({ id: 'old' })], { record: undefined, attempt: 1 })).toEqual(
      unsent({ firstSentAt: NOW, before: ['old'] }),
    );
  });

  it('without one before assumes the first key sent since the step was scheduled, and doubts what is there', () => {
    const old = candidate({ id: 'old', createdAt: NOW - 2 * KEY_LIFETIME_MS });
    const first = NOW - 2 * MINUTE;
    expect(sendingAfter([old, candidate()], { record: undefined })).toEqual(
      record({
        attempt: 2,
        firstSentAt: first,
        unanswered: { first, last: NOW },
        before: ['old'],
        doubtful: ['thing'],
      }),
    );
  });

  it('without one before, when tried again after it ended unclear, assumes that its new key was not sent', () => {
    expect(sendingAfter([], { record: undefined, attempt: 1, afterUnclear: true })).toEqual(
      unsent({ firstSentAt: NOW }),
    );
  });

  it('without one before in a run that was reset assumes a send just now', () => {
    expect(sendingAfter([], { record: undefined, attempt: 1, laterRun: true })).toEqual(
      record({ firstSentAt: NOW, unanswered: { first: NOW, last: NOW } }),
    );
  });

  it('keeps a key that was not used, and takes another for one that expired', () => {
    expect(sendingAfter([], { record: unsent({ send: 2, lookUpFirst: true }) })).toEqual(
      unsent({ send: 2, attempt: 2 }),
    );
    expect(sendingAfter([], { record: unsent({ send: 2, lookUpFirst: true, settlesAt: NOW }) })).toEqual(
      unsent({ send: 2, attempt: 2 }),
    );
    const first = NOW - KEY_LIFETIME_MS;
    expect(sendingAfter([], { record: record({ unanswered: { first, last: first } }) })).toEqual(
      unsent({ send: 2, attempt: 2 }),
    );
  });

  it('keeps what came long after all that was sent apart from what the next send makes', () => {
    const at = NOW - 2 * KEY_LIFETIME_MS;
    const failed = unsent({ send: 2, firstSentAt: at, lookUpFirst: true, settlesAt: at, before: ['old'] });
    expect(sendingAfter([candidate()], { record: failed }).before).toEqual(['old', 'thing']);
  });

  it('takes a new key for sent where a lost attempt may have sent it', () => {
    expect(sendingAfter([], { record: unsent({ send: 2, lookUpFirst: true }), attempt: 3 })).toEqual(
      record({ send: 2, attempt: 3, unanswered: { first: NOW, last: NOW } }),
    );
  });
});
