import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { retryAfterMs } from '../../src/polytomic/retry-after.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const HOUR = 3_600_000;

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    ['1', 1000],
    [' 120 ', 120_000],
    ['3601', HOUR],
    ['9'.repeat(400), HOUR],
    ['Sun, 01 Mar 2026 12:00:30 GMT', 30_000],
    ['Sun, 01 Mar 2026 11:00:00 GMT', 0],
    ['Sun, 01 Mar 2099 12:00:00 GMT', HOUR],
  ])('of %j is read as %i ms', (header, ms) => {
    expect(retryAfterMs(header, NOW)).toBe(ms);
  });

  it.each([
    null,
    '',
    ' ',
    '-5',
    '1.5',
    '1e3',
    '0x10',
    'soon',
    '5 seconds',
    '2026-03-01',
    'Sun, 99 Mar 2026 12:00:30 GMT',
    'NaN',
  ])('of %j says nothing', (header) => {
    expect(retryAfterMs(header, NOW)).toBeUndefined();
  });

  it('is a whole number of ms from 0 to an hour, or nothing, whatever was sent', () => {
    const anyHeader = fc.oneof(
      fc.string(),
      fc.integer().map(String),
      fc
        .date({ noInvalidDate: false })
        .map((date) => (Number.isNaN(date.getTime()) ? 'Invalid Date' : date.toUTCString())),
    );
    fc.assert(
      fc.property(anyHeader, (header) => {
        const ms = retryAfterMs(header, NOW);
        return ms === undefined || (Number.isInteger(ms) && ms >= 0 && ms <= HOUR);
      }),
    );
  });

  it('as an HTTP date says the same as in seconds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3600 }), (seconds) => {
        const date = new Date(NOW + seconds * 1000).toUTCString();
        expect(retryAfterMs(date, NOW)).toBe(retryAfterMs(String(seconds), NOW));
      }),
    );
  });
});
