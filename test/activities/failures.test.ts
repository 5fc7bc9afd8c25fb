import { describe, expect, it } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/activity';
import { ApplicationFailureCategory } from '@temporalio/common';
import fc from 'fast-check';
import {
  ActivityProblem,
  type AttemptTiming,
  backOffMs,
  FAILURE_CODES,
  type FailureCode,
  isNotReady,
  JobFailed,
  JobLost,
  NOT_READY_PATIENCE_MS,
  toFailure,
} from '../../src/activities/failures.ts';
import { meansNotYet } from '../../src/activities/sign-in.ts';
import { apiErrorOf } from '../../src/polytomic/error-answer.ts';
import { ApiError, NoAnswerError, PolytomicError, UnexpectedAnswerError } from '../../src/polytomic/errors.ts';
import { SecretError } from '../../src/request/secrets.ts';

const CALL = 'POST /api/models';
const FIRST: AttemptTiming = { attempt: 1, elapsedMs: 0 };
const NOT_READY = ['cache refresh in progress', 'The cache refresh is in progress', 'did not provide any schemas'];

function failureOf(error: unknown, timing: AttemptTiming = FIRST): ApplicationFailure {
  const failure = toFailure(error, 'creating model “M”', timing);
  if (!(failure instanceof ApplicationFailure)) throw new Error(`no failure: ${String(failure)}`);
  return failure;
}

function codeOf(error: unknown): FailureCode {
  const code = Object.keys(FAILURE_CODES).find((one) => one === failureOf(error).type);
  if (code === undefined) throw new Error(`no code: ${failureOf(error).type}`);
  return code as FailureCode;
}

describe('an answer of Polytomic', () => {
  it.each<[number, FailureCode]>([
    [400, 'Refused'],
    [401, 'ApiKeyRefused'],
    [402, 'Refused'],
    [403, 'NotPermitted'],
    [404, 'NotFound'],
    [405, 'Refused'],
    [408, 'Unavailable'],
    [409, 'InFlight'],
    [413, 'Refused'],
    [422, 'Refused'],
    [429, 'RateLimited'],
    [500, 'Unavailable'],
    [502, 'Unavailable'],
    [503, 'Unavailable'],
    [504, 'Unavailable'],
  ])('%i is %s', (status, code) => {
    const failure = failureOf(new ApiError(CALL, status, { apiMessage: 'so it is' }));
    expect(failure.type).toBe(code);
    expect(failure.nonRetryable).toBe(!FAILURE_CODES[code].retryable);
    expect(failure.message).toContain(`Creating model “M”: POST /api/models answered ${status}: so it is`);
  });

  it('is tried again only where that can help', () => {
    const retried = Object.entries(FAILURE_CODES).filter(([, { retryable }]) => retryable);
    expect(retried.map(([code]) => code)).toEqual([
      'NotSignedInYet',
      'NotReady',
      'RateLimited',
      'InFlight',
      'Unavailable',
      'NoAnswer',
      'UndocumentedAnswer',
    ]);
  });

  it('of 401 and 403 says whose key it is', () => {
    expect(failureOf(new ApiError(CALL, 401)).message).toMatch(/Check POLYTOMIC_API_KEY of the worker/);
    expect(failureOf(new ApiError(CALL, 403)).message).toMatch(/user of the worker's POLYTOMIC_API_KEY/);
  });

  it('that only asks to slow down, or to wait for a cache, is no error of the worker', () => {
    const { BENIGN } = ApplicationFailureCategory;
    expect(failureOf(new ApiError(CALL, 429)).category).toBe(BENIGN);
    expect(failureOf(new ApiError(CALL, 422, { apiMessage: NOT_READY[0] })).category).toBe(BENIGN);
    expect(failureOf(new ActivityProblem('NotSignedInYet', 'nobody has.')).category).toBe(BENIGN);
    expect(failureOf(new ApiError(CALL, 500)).category).not.toBe(BENIGN);
  });
});

describe('how long the next attempt waits', () => {
  it('is what the problem says, where it says it', () => {
    expect(failureOf(new ActivityProblem('NotSignedInYet', 'nobody has.', 60_000)).nextRetryDelay).toBe(60_000);
  });

  const delayOf = (status: number, retryAfter: string | null) =>
    failureOf(apiErrorOf(CALL, { status, retryAfter, body: '', secrets: [] })).nextRetryDelay as number | undefined;

  it('is left to the back-off where Polytomic does not say', () => {
    for (const status of [429, 409, 503, 500]) expect(delayOf(status, null)).toBeLessThanOrEqual(1_000);
  });

  it('is what Polytomic says in seconds, and at most a fifth more', () => {
    fc.assert(
      fc.property(fc.constantFrom(429, 409, 503), fc.integer({ min: 1, max: 3600 }), (status, seconds) => {
        const delay = delayOf(status, String(seconds));
        expect(delay).toBeGreaterThanOrEqual(seconds * 1000);
        expect(delay).toBeLessThanOrEqual(seconds * 1200);
      }),
    );
  });

  it('is not the same for all that were refused together', () => {
    expect(new Set(Array.from({ length: 20 }, () => delayOf(429, '3600'))).size).toBeGreaterThan(1);
  });

  it('is what Polytomic says by a date', () => {
    const inTenMinutes = new Date(Date.now() + 10 * 60_000).toUTCString();
    const delay = delayOf(429, inTenMinutes) ?? 0;
    // The date has whole seconds, and some time has passed on a busy machine.
    expect(delay).toBeGreaterThan(5 * 60_000);
    expect(delay).toBeLessThanOrEqual(12 * 60_000);
  });

  it.each(['0', new Date(0).toUTCString()])('is a second at least, also after Retry-After: %s', (retryAfter) => {
    expect(delayOf(429, retryAfter)).toBeGreaterThanOrEqual(1000);
  });

  it('grows with each look at a cache that is not ready, to a minute', () => {
    const delays = [1, 2, 3, 11, 12, 13, 1000].map(
      (attempt) =>
        failureOf(new ApiError(CALL, 422, { apiMessage: NOT_READY[0] }), { attempt, elapsedMs: 0 }).nextRetryDelay,
    );
    expect(delays).toEqual([5_000, 10_000, 15_000, 55_000, 60_000, 60_000, 60_000]);
  });
});

describe('the back-off', () => {
  const POLICY = { initialInterval: 1_000, backoffCoefficient: 2, maximumInterval: 60_000 };
  const everyCode = Object.entries(FAILURE_CODES) as Array<[FailureCode, { retryable: boolean }]>;

  it.each(everyCode)(
    'of a %s goes by the step’s policy, with some chance in it, if it is tried again',
    (code, { retryable }) => {
      const failure = failureOf(new ActivityProblem(code, 'so it is.'), {
        attempt: 3,
        elapsedMs: 0,
        retryPolicy: POLICY,
      });
      if (!retryable) return expect(failure.nextRetryDelay).toBeUndefined();
      expect(failure.nextRetryDelay).toBeGreaterThanOrEqual(2_000);
      expect(failure.nextRetryDelay).toBeLessThanOrEqual(4_000);
    },
  );

  it('does not take the place of what Polytomic says', () => {
    const error = apiErrorOf(CALL, { status: 429, retryAfter: '600', body: '', secrets: [] });
    expect(failureOf(error, { ...FIRST, retryPolicy: POLICY }).nextRetryDelay).toBeGreaterThanOrEqual(600_000);
  });

  it.each([
    [1, 500, 1_000],
    [2, 1_000, 2_000],
    [6, 16_000, 32_000],
    [7, 30_000, 60_000],
    [100_000, 30_000, 60_000],
  ])('after attempt %i is from %i to %i ms', (attempt, least, most) => {
    expect([0, 1].map((random) => backOffMs(attempt, POLICY, random))).toEqual([least, most]);
  });

  it('has the defaults of Temporal’s policies', () => {
    expect([1, 2, 100].map((attempt) => backOffMs(attempt, undefined, 1))).toEqual([1_000, 2_000, 100_000]);
  });
});

describe('a cache that is not ready', () => {
  it.each(NOT_READY)('is known by “%s”', (apiMessage) => {
    expect(isNotReady(apiMessage)).toBe(true);
    expect(codeOf(new ApiError(CALL, 422, { apiMessage }))).toBe('NotReady');
    expect(codeOf(new ApiError(CALL, 400, { apiMessage }))).toBe('NotReady');
    expect(codeOf(new JobFailed(`Polytomic says: ${apiMessage}`))).toBe('NotReady');
  });

  it.each([undefined, '', 'no such table', 'cache'])('is not meant by “%s”', (apiMessage) => {
    expect(isNotReady(apiMessage)).toBe(false);
  });

  it('is waited for with patience that ends', () => {
    const error = new ApiError(CALL, 422, { apiMessage: NOT_READY[0] });
    const at = (elapsedMs: number) => failureOf(error, { attempt: 40, elapsedMs });
    expect(at(NOT_READY_PATIENCE_MS)).toMatchObject({ type: 'NotReady', nonRetryable: false });
    expect(at(NOT_READY_PATIENCE_MS + 1)).toMatchObject({ type: 'Refused', nonRetryable: true });
    expect(at(NOT_READY_PATIENCE_MS + 1).message).toContain('cache refresh in progress');
  });
});

describe('what else goes wrong', () => {
  it.each<[string, Error, FailureCode, string]>([
    [
      'no answer',
      new NoAnswerError(CALL, 'timeout', 'none within 15 s'),
      'NoAnswer',
      'Creating model “M”: POST /api/models got no answer: none within 15 s. Trying again.',
    ],
    [
      'a success that is not as documented',
      new UnexpectedAnswerError(CALL, 'data is missing, not an object'),
      'UndocumentedAnswer',
      'Creating model “M”: POST /api/models answered unlike its documentation: data is missing, not an object. Trying again.',
    ],
    [
      'a call that was not sent',
      new PolytomicError(CALL, 'was not sent'),
      'Refused',
      'Creating model “M”: POST /api/models was not sent',
    ],
    [
      'a secret that cannot be had',
      new SecretError('secret { env: X }: not set'),
      'SecretUnavailable',
      'Creating model “M”: secret { env: X }: not set',
    ],
    [
      'a job that failed',
      new JobFailed('Polytomic says: no such table'),
      'Refused',
      'Creating model “M”: Polytomic says: no such table',
    ],
    [
      'a job that is gone',
      new JobLost('it is gone'),
      'UndocumentedAnswer',
      'Creating model “M”: it is gone. Trying again.',
    ],
    [
      'a problem',
      new ActivityProblem('Ambiguous', 'there are two.'),
      'Ambiguous',
      'Creating model “M”: there are two.',
    ],
  ])('%s', (_, error, code, message) => {
    expect(failureOf(error)).toMatchObject({ type: code, message, nonRetryable: !FAILURE_CODES[code].retryable });
  });

  it.each<[string, unknown]>([
    ['a fault of ours', new TypeError('x')],
    ['a text', 'text'],
    ['nothing', undefined],
    ['a failure already', ApplicationFailure.create({})],
  ])('is not touched where it is no error of the API or of a secret: %s', (_, error) => {
    expect(toFailure(error, 'creating', FIRST)).toBe(error);
  });
});

describe('a failure', () => {
  const status = fc.integer({ min: 400, max: 599 });
  const body = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc
      .record(
        {
          key: fc.anything(),
          message: fc.oneof(fc.string(), fc.constantFrom(...NOT_READY), fc.anything()),
          error: fc.anything(),
          status: fc.anything(),
          metadata: fc.anything(),
        },
        { requiredKeys: [] },
      )
      .map((said) => JSON.stringify(said, (_, value) => (typeof value === 'bigint' ? String(value) : value)) ?? ''),
  );
  const retryAfter = fc.oneof(fc.constant(null), fc.string(), fc.nat().map(String));
  const timing = fc.record({ attempt: fc.integer({ min: 1 }), elapsedMs: fc.integer({ min: -1000 }) });

  it('has exactly one of the codes, and says what was being done, whatever was answered', () => {
    fc.assert(
      fc.property(status, body, retryAfter, timing, (answered, text, after, when) => {
        const error = apiErrorOf(CALL, { status: answered, retryAfter: after, body: text, secrets: [] });
        const failure = failureOf(error, when);
        expect(Object.keys(FAILURE_CODES)).toContain(failure.type);
        expect(failure.nonRetryable).toBe(!FAILURE_CODES[failure.type as FailureCode].retryable);
        expect(failure.message.startsWith(`Creating model “M”: ${CALL} answered ${answered}`)).toBe(true);
        expect(failure.message.length).toBeLessThanOrEqual(8000);
        const delay = failure.nextRetryDelay;
        expect(delay === undefined).toBe(failure.nonRetryable);
        if (delay !== undefined) expect(delay).toBeGreaterThanOrEqual(500);
      }),
      { numRuns: 1000 },
    );
  });

  it('never shows a secret that was sent, however it comes back', () => {
    const secret = 'pa55"word\\of the warehouse';
    const echo = fc.constantFrom(secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret));
    fc.assert(
      fc.property(status, fc.string(), fc.string(), echo, (answered, before, after, said) => {
        const texts = [`${before}${said}${after}`, JSON.stringify({ message: `${before}${said}${after}` })];
        for (const text of texts) {
          const error = apiErrorOf(CALL, { status: answered, retryAfter: null, body: text, secrets: [secret] });
          expect(failureOf(error).message).not.toMatch(/pa55|of the warehouse|of%20the%20warehouse/);
        }
      }),
    );
  });

  it('is cut where it would be longer than anybody reads', () => {
    const failure = failureOf(new ActivityProblem('NotAllowed', 'x'.repeat(1_000_000)));
    expect(failure.message).toHaveLength(8000);
    expect(failure.message).toMatch(/x…$/);
  });
});

describe('the sign-in check', () => {
  it.each([400, 409, 422])('takes a %i for “not yet”', (status) => {
    expect(meansNotYet(new ApiError('GET', status, { apiMessage: 'sign in first' }))).toBe(true);
    expect(meansNotYet(new ApiError('GET', status))).toBe(true);
  });

  it.each([400, 409, 422])('takes a %i about a cache for trouble that passes', (status) => {
    expect(meansNotYet(new ApiError('GET', status, { apiMessage: 'cache refresh in progress' }))).toBe(false);
  });

  it.each([401, 403, 404, 408, 413, 429, 500, 502, 503, 504])('never takes a %i for “not yet”', (status) => {
    expect(meansNotYet(new ApiError('GET', status, { apiMessage: 'sign in first' }))).toBe(false);
  });

  it.each<[string, unknown]>([
    ['a reset', new NoAnswerError('GET', 'network', 'reset')],
    ['no JSON', new UnexpectedAnswerError('GET', 'no JSON')],
    ['a fault of ours', new Error('other')],
    ['nothing', undefined],
  ])('never takes what is no answer for “not yet”: %s', (_, error) => {
    expect(meansNotYet(error)).toBe(false);
  });
});
