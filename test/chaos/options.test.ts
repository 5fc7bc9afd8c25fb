import { describe, expect, it } from '@jest/globals';
import { lineOf } from '../../chaos/live.ts';
import { readOptions, USAGE, UsageError } from '../../chaos/options.ts';

describe('the command line of a chaos run', () => {
  it('has a default for everything', () => {
    expect(readOptions([])).toEqual({
      runs: 50,
      seed: '1',
      atOnce: expect.any(Number),
      share: 0.05,
      patience: 'short',
      kills: true,
      keep: false,
      help: false,
    });
  });

  it.each([
    [['--runs', '0'], /--runs must be a whole number/],
    [['--runs', 'many'], /--runs must be a whole number/],
    [['--share', '2'], /--share must be a number/],
    [['--patience', 'none'], /--patience is/],
    [['--sabotage', 'everything'], /--sabotage is one of keys, look-up, nothing/],
    [['--else'], /--else/],
    [['more'], /more/],
  ])('refuses %j', (args, why) => {
    expect(() => readOptions(args)).toThrow(UsageError);
    expect(() => readOptions(args)).toThrow(why);
  });

  it('is explained in lines that fit a terminal', () => {
    for (const line of USAGE.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });
});

describe('the line that tells how it stands', () => {
  it('fits 80 columns, however many runs there are', () => {
    const many = { begun: 9999, completed: 8000, cancelled: 999, failed: 999, waiting: 300, blocked: 99 };
    expect(lineOf({ seconds: 1799, ...many, killed: 999 }).length).toBeLessThanOrEqual(80);
    expect(lineOf({ seconds: 61, ...many, killed: 3 })).toMatch(/^1:01 9999 runs 8000 done /);
  });
});
