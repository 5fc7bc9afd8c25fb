import { describe, expect, it } from '@jest/globals';
import { ApiError, NoAnswerError, PolytomicError, UnexpectedAnswerError } from '../../src/polytomic/errors.ts';

const CALL = 'GET /api/me';
const ERRORS = [
  [ApiError, new ApiError(CALL, 404)],
  [NoAnswerError, new NoAnswerError(CALL, 'timeout', 'too late')],
  [UnexpectedAnswerError, new UnexpectedAnswerError(CALL, 'data is missing, not an object')],
] as const;

describe('an error of the client', () => {
  it.each(ERRORS)('%p is one of its class and of the family, and of no other class', (itsClass, error) => {
    expect(error instanceof itsClass).toBe(true);
    expect(error instanceof PolytomicError).toBe(true);
    expect(error instanceof Error).toBe(true);
    for (const [other] of ERRORS) expect(error instanceof other).toBe(other === itsClass);
    expect(error.name).toBe(itsClass.name);
    expect(error.call).toBe(CALL);
    expect(error.message.startsWith(CALL)).toBe(true);
  });

  it('is recognised by another copy of this module', async () => {
    const copyAddress = '../../src/polytomic/errors.ts?copy';
    const copy: typeof import('../../src/polytomic/errors.ts') = await import(copyAddress);
    expect(copy.ApiError).not.toBe(ApiError);
    expect(new ApiError(CALL, 500) instanceof copy.ApiError).toBe(true);
    expect(new copy.NoAnswerError(CALL, 'network', 'x') instanceof NoAnswerError).toBe(true);
    expect(new copy.ApiError(CALL, 500) instanceof NoAnswerError).toBe(false);
  });

  it.each([undefined, null, 'ApiError', 1, {}, new Error('x'), { name: 'ApiError', status: 500 }])(
    'is not %p',
    (value) => {
      expect(value instanceof PolytomicError).toBe(false);
      expect(value instanceof ApiError).toBe(false);
      expect(value instanceof UnexpectedAnswerError).toBe(false);
    },
  );

  it('of a call that was not sent is of the family alone', () => {
    const error = new PolytomicError(CALL, 'was not sent');
    expect(error.name).toBe('PolytomicError');
    expect(error instanceof ApiError || error instanceof NoAnswerError || error instanceof UnexpectedAnswerError).toBe(
      false,
    );
  });

  it('has a cause only where one was given', () => {
    expect(Object.hasOwn(new NoAnswerError(CALL, 'network', 'x'), 'cause')).toBe(false);
    expect(new NoAnswerError(CALL, 'aborted', 'x', { cause: 'why' }).cause).toBe('why');
  });
});
