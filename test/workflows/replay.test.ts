/** Old runs survive new code: every recorded history is replayed with the workflow as it is now. */
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import { decodedHistory, readHistory } from '../../src/temporal/history.ts';
import { historyPrefixes } from '../../src/temporal/history-prefixes.ts';
import { listedStagesIn } from '../support/listed-stages.ts';
import { replayed } from '../support/replayed.ts';

const DIRECTORY = join(import.meta.dirname, '../histories');
const FILES = readdirSync(DIRECTORY).filter((file) => file.endsWith('.json'));

/** As it ships. Not the one that measures coverage: it would be no fault of the workflow if that replayed differently. */
const BUNDLE = fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url));

let code: string;
beforeAll(async () => {
  // What replay finds out is asserted on; the SDK's own words about it are noise here.
  Runtime.install({
    logger: new DefaultLogger('ERROR', () => {}),
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) } },
  });
  code = await readFile(BUNDLE, 'utf8');
});

describe('a recorded run', () => {
  it.each(FILES)('goes on with the present code from wherever it stands: %s', async (file) => {
    const prefixes = historyPrefixes(await readHistory(join(DIRECTORY, file)));
    expect(prefixes.length).toBeGreaterThan(4);
    expect(await replayed({ code }, prefixes)).toEqual(prefixes.map(() => undefined));
  });

  it('is there for every way a run can go', async () => {
    const endings = await Promise.all(
      FILES.map(async (file) => {
        const { events } = await readHistory(join(DIRECTORY, file));
        const signals = (events ?? []).filter((event) => event.workflowExecutionSignaledEventAttributes).length;
        const text = JSON.stringify(await decodedHistory({ events: events?.slice(-1) ?? [] }));
        const ending = /EVENT_TYPE_WORKFLOW_EXECUTION_([A-Z]+)/.exec(text)?.[1];
        return `${ending} after ${signals} signals`;
      }),
    );
    expect(endings).toEqual(
      expect.arrayContaining([
        'COMPLETED after 1 signals',
        'COMPLETED after 2 signals',
        'COMPLETED after 3 signals',
        'FAILED after 0 signals',
        'FAILED after 1 signals',
        'CANCELED after 0 signals',
      ]),
    );
  });
});

describe('the recorded runs', () => {
  it('began in every way in which one can be listed from its start on', async () => {
    const beginnings = await Promise.all(
      FILES.map(async (file) => {
        const { events } = await readHistory(join(DIRECTORY, file));
        const [given = 'not listed'] = await listedStagesIn({ events: events?.slice(0, 1) ?? [] });
        return given;
      }),
    );
    expect(new Set(beginnings)).toEqual(new Set(['not listed', 'connecting', 'working']));
  });
});

describe('a change that old runs would not survive', () => {
  it.each([
    ['another name for an activity', '.enableAdAccounts', '.enableAccounts'],
    ['another order', 'this.snowflakeBranch(), this.linkedinBranch()', 'this.linkedinBranch(), this.snowflakeBranch()'],
    ['a step left out', 'this.run.publish(this.begins)', 'Promise.resolve()'],
  ])('is found out: %s', async (_, before, after) => {
    const changed = code.replaceAll(before, after);
    // Not by `toBe`, which would print all of it.
    expect(changed === code).toBe(false);
    const history = await readHistory(join(DIRECTORY, 'waited-then-completed.json'));
    const errors = await replayed({ code: changed }, historyPrefixes(history));
    // The first has no commands to compare: that it passes shows that the changed code runs at all.
    expect(errors.at(0)).toBeUndefined();
    expect(errors.at(-1)).toMatchObject({ name: 'DeterminismViolationError' });
  });
});
