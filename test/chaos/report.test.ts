import { describe, expect, it } from '@jest/globals';
import { scriptOf } from '../../chaos/cast.ts';
import { noDeeds } from '../../chaos/deeds.ts';
import type { RunEvidence } from '../../chaos/judge.ts';
import { readOptions } from '../../chaos/options.ts';
import { reportOf, reportText } from '../../chaos/report.ts';

/** The report of a chaos run in which nothing happened but calls, `hits` of which were struck by a fault. */
function report(args: string[], hits: number, runs: RunEvidence[] = []) {
  const evidence = { runs, state: {} as never, effects: [], strangers: [], secrets: [] };
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

  it('hides no run that was recovered', () => {
    const [script, recovered] = [scriptOf('7', 1), [{ runId: 'r1', why: 'TMPRL1100' }]];
    const told = report([], 1, [{ script, deeds: { ...noDeeds(), recovered }, executions: [] }]);
    expect(told.recovered).toEqual([{ run: script.name, runId: 'r1', why: 'TMPRL1100' }]);
    expect(reportText(told)).toMatch(/^recovered after TMPRL1100 +1$/m);
    expect(reportText(report([], 1))).toMatch(/^recovered after TMPRL1100 +0$/m);
  });

  it('says that nothing was tried where no fault has struck, unless none was asked for', () => {
    expect(reportText(report([], 0))).toMatch(/No fault has struck/);
    expect(reportText(report([], 1))).toMatch(/All is well/);
    expect(reportText(report(['--share', '0'], 0))).toMatch(/All is well/);
  });
});
