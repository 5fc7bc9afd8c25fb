import { describe, expect, it } from '@jest/globals';
import { row } from '../../bench/measure.ts';

const judged = (mark: Parameters<typeof row>[1], values: number[]) => row('a row', mark, 'count', values, {});

describe('a row of the bench', () => {
  it('is met by its median, however much one round is off', () => {
    expect(judged({ atMost: 1.1, of: 'of something' }, [1, 1.05, 3])).toMatchObject({
      median: 1.05,
      spread: 2,
      met: true,
    });
    expect(judged({ atLeast: 0.9, of: 'of something' }, [0.8, 0.85, 1])).toMatchObject({ median: 0.85, met: false });
  });

  it('is missed if one round is off where nothing may ever go wrong', () => {
    const mark = { atMost: 0, of: 'runs', inEachRound: true } as const;
    expect(judged(mark, [0, 0, 37])).toMatchObject({ median: 0, met: false, mark: 'at most 0 runs, in each round' });
    expect(judged(mark, [0, 0, 0])).toMatchObject({ met: true });
  });
});
