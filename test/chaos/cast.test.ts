import { describe, expect, it } from '@jest/globals';
import { PLOTS, scriptOf } from '../../chaos/cast.ts';
import { Draws } from '../../chaos/draws.ts';
import { parseRequest, replaced } from '../../src/request/schema.ts';

const NUMBERS = Array.from({ length: 400 }, (_, index) => index + 1);

describe('a script', () => {
  it('is the same for the same seed and number, and another for another', () => {
    const all = (seed: string) => NUMBERS.map((number) => scriptOf(seed, number));
    expect(all('a')).toEqual(all('a'));
    expect(all('a')).not.toEqual(all('b'));
  });

  it('has a request that is valid, before it is mended and afterwards', () => {
    for (const number of NUMBERS) {
      const { request, mends } = scriptOf('valid', number);
      expect(parseRequest(request)).toEqual({ ok: true, request });
      for (const { step, change } of mends) {
        const key = step.replace('model ', '');
        const path = step === 'snowflake connection' ? ['snowflake', 'connection'] : ['models', key];
        expect(parseRequest(replaced(request, path, change))).toMatchObject({ ok: true });
      }
    }
  });

  it('comes in each plot, as often as its weight', () => {
    const plots = NUMBERS.map((number) => scriptOf('plots', number).plot);
    expect(new Set(plots)).toEqual(new Set(Object.keys(PLOTS)));
    expect(plots.filter((plot) => plot === 'plain').length).toBeGreaterThan(NUMBERS.length / 5);
  });
});

describe('draws', () => {
  it('depend on the seed and on what is drawn alone', () => {
    const draws = new Draws('seed', 'run', 1);
    const first = draws.number('plot');
    draws.number('another');
    expect(draws.number('plot')).toBe(first);
    expect(new Draws('seed', 'run', 2).number('plot')).not.toBe(first);
    expect(new Draws('another', 'run', 1).number('plot')).not.toBe(first);
  });

  it('are spread evenly', () => {
    const draws = new Draws('spread');
    const counts = [0, 0, 0, 0];
    for (let index = 0; index < 4_000; index += 1)
      counts[draws.between(0, 3, index)] = (counts[draws.between(0, 3, index)] ?? 0) + 1;
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });
});
