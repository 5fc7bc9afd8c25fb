/** When a sync runs. Each frequency takes keys of its own. */
import * as z from 'zod';
import { expects, expectsOneOf, kindOf } from './faults.ts';
import { isMap } from './json-value.ts';
import { flag, keyed, line, listOf, text } from './strict-shapes.ts';

/** How often a sync runs, in Polytomic's words. */
const FREQUENCIES = [
  'manual',
  'continuous',
  'hourly',
  'daily',
  'weekly',
  'custom',
  'builder',
  'runafter',
  'multi',
  'dbtcloud',
] as const;

/** The API takes text here, since an expression such as `1-5` is as good as a number. */
const CLOCK = /^[A-Za-z0-9*,/?#-]+$/;
const clock = (what: string) =>
  text(`the ${what}, as text: a number, or an expression as in cron`, CLOCK, 100).describe(
    `The ${what}, as text, e.g. "0".`,
  );

const minute = clock('minute of the hour').exactOptional();
const hour = clock('hour of the day, UTC').exactOptional();
const dayOfWeek = clock('day of the week').exactOptional();
const dayOfMonth = clock('day of the month').exactOptional();
const month = clock('month').exactOptional();
const calendar = { minute, hour, dayOfWeek, dayOfMonth, month };

const syncIds = listOf(line('Id of a sync.'), 'ids of syncs').exactOptional();
const runAfter = keyed('what to run after', {
  syncIds: syncIds.describe('Ids of the model syncs to run after.'),
  bulkSyncIds: syncIds.describe('Ids of the bulk syncs to run after.'),
})
  .superRefine((value, ctx) => {
    if (!isMap(value) || Object.keys(value).length > 0) return;
    ctx.addIssue({ code: 'custom', message: expects('syncIds, bulkSyncIds or both')({ input: value }) });
  })
  .describe('The syncs after which this one runs.');
const runAfterSuccessOnly = flag('Whether it runs only if those succeeded. Default: false.').exactOptional();

const jobId = z
  .int({ error: expects('the number of a dbt Cloud job') })
  .describe('Number of the dbt Cloud job to run after.');
const connectionId = line('Id of the dbt Cloud connection in Polytomic.');

const at = <const Frequency extends (typeof FREQUENCIES)[number], Shape extends z.core.$ZodLooseShape>(
  frequency: Frequency,
  shape: Shape,
) =>
  keyed(`a schedule with frequency ${frequency}`, {
    frequency: z.literal(frequency).describe(`How often the sync runs: ${FREQUENCIES.join(', ')}.`),
    ...shape,
  });

/** The schema of a schedule. */
export const scheduleSchema = z
  .discriminatedUnion(
    'frequency',
    [
      at('manual', {}),
      at('continuous', {}),
      at('hourly', { minute }),
      at('daily', { minute, hour }),
      at('weekly', { minute, hour, dayOfWeek }),
      at('custom', calendar),
      at('builder', calendar),
      at('runafter', { runAfter, runAfterSuccessOnly }),
      at('multi', {
        ...calendar,
        runAfter: runAfter.exactOptional(),
        runAfterSuccessOnly,
        jobId: jobId.exactOptional(),
        connectionId: connectionId.exactOptional(),
      }),
      at('dbtcloud', { jobId, connectionId }),
    ],
    {
      error: ({ input }) =>
        isMap(input)
          ? expectsOneOf(FREQUENCIES)({ input: input['frequency'] })
          : `expects a schedule: a map with frequency; found ${kindOf(input)}`,
    },
  )
  .describe('When the sync runs.');

/** When a sync runs, as it is written. */
export type ScheduleSpec = z.infer<typeof scheduleSchema>;
