import { describe, expect, it } from '@jest/globals';
import { readOptions } from '../../chaos/options.ts';
import { reportOf, reportText } from '../../chaos/report.ts';

/** The report of a chaos run in which nothing happened but calls, `hits` of which were struck by a fault. */
function report(args: string[], hits: number) {
  const evidence = { runs: [], state: {} as never, effects: [], strangers: [], secrets: [] };
  const verdict = { ends: { completed: 0, cancelled: 0, failed: 0, blocked: 0 }, findings: [] };
  const sites = [{ endpoint: 'GET /api/models', fault: '500', calls: 9, hits }];
  return reportOf(readOptions(args), { evidence, verdict, kills: {}, sites, seconds: 1 }, (run) => run);
}

describe('the report of a chaos run', () => {
  it.each([
    ['7', '--seed 7 '],
    ['a b', "--seed 'a b' "],
    ["it's $1", String.raw`--seed 'it'\''s $1' `],
  ])('says how to do the same again, with seed %s for a shell', (seed, said) => {
    expect(report(['--seed', seed], 1).again).toContain(said);
  });

  it('says that nothing was tried where no fault has struck, unless none was asked for', () => {
    expect(reportText(report([], 0))).toMatch(/No fault has struck/);
    expect(reportText(report([], 1))).toMatch(/All is well/);
    expect(reportText(report(['--share', '0'], 0))).toMatch(/All is well/);
  });
});
