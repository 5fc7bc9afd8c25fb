/** A provisioning for people to read, in lines no wider than their terminal. */
import type { PendingActivity, ProvisioningReport } from '../client/report.ts';
import type { ProvisioningResult, StepStatus } from '../workflows/messages.ts';
import { MARK, outcomesOf } from '../workflows/step-text.ts';
import { columnsOf, type Output, plain } from './terminal.ts';

/** How much room the name of a step has, in characters; one that is longer has a line of its own. */
const MAX_STEP_WIDTH = 32;

/** The whole report. `linkShown`: the sign-in link stands somewhere above, and is not shown again. */
export function reportLines(
  report: ProvisioningReport,
  columns: number,
  { linkShown = false }: { linkShown?: boolean } = {},
): string[] {
  const { name, state, stage, status, problem } = report;
  const stands = stage === undefined || stage === state ? state : `${state} · ${stage}`;
  const ended = report.endedAt === undefined ? '' : `, ended ${local(report.endedAt)}`;
  return [
    ...wrapped(`${plain(name)}  ${stands}  (started ${local(report.startedAt)}${ended})`, columns),
    ...(problem === undefined ? [] : wrapped(`! ${problem}`, columns)),
    ...(status?.steps.length ? ['', ...stepLines(status.steps, columns)] : []),
    ...(status?.warnings ?? []).flatMap((warning) => wrapped(`! ${plain(warning)}`, columns)),
    ...pendingLines(report, columns),
    ...askLines(report, columns, linkShown),
  ];
}

/** One line for each thing that is new in `report`, for a pipe or a log. */
export function changeLines(before: ProvisioningReport | undefined, report: ProvisioningReport): string[] {
  const seen = new Map((before?.status?.steps ?? []).map((step) => [step.id, JSON.stringify(step)]));
  const retries = new Set((before?.pendingActivities ?? []).map(retryOf));
  const checked = report.status?.signIn?.lastCheck;
  const line = (text: string) => `${new Date().toISOString()} ${report.name} ${text}`;
  return [
    ...(before?.stage === report.stage && before?.state === report.state ? [] : [line(report.stage ?? report.state)]),
    ...(report.problem === undefined || report.problem === before?.problem ? [] : [line(report.problem)]),
    ...(report.status?.steps ?? [])
      .filter((step) => step.state !== 'pending' && seen.get(step.id) !== JSON.stringify(step))
      .map((step) => line(`${plain(step.id)}: ${step.state}${outcomeOf(step)}`)),
    ...report.pendingActivities
      .filter((pending) => pending.lastFailure !== undefined && !retries.has(retryOf(pending)))
      .map(({ activity, attempt, lastFailure }) =>
        line(`${activity}: attempt ${attempt} – ${plain(lastFailure ?? '')}`),
      ),
    ...(report.status?.signIn?.url === undefined || before?.status?.signIn?.url === report.status.signIn.url
      ? []
      : [line(`sign in at ${plain(report.status.signIn.url)}`)]),
    ...(checked === undefined || checked.at === before?.status?.signIn?.lastCheck?.at
      ? []
      : [line(`not signed in yet – ${plain(checked.reason)}`)]),
  ];
}

/** What tells one retry from another. When it comes is no news: it is told once, not again when it begins. */
function retryOf({ activity, attempt, lastFailure }: PendingActivity): string {
  return JSON.stringify([activity, attempt, lastFailure]);
}

/** What was made and used, as a table for people; with the members of the audiences, in count, where they are known. */
export function resultLines(
  result: ProvisioningResult,
  columns: number,
  members: ReadonlyMap<string, number> = new Map(),
): string[] {
  const rows = [
    { kind: 'connection', ...result.snowflakeConnection },
    { kind: 'connection', ...result.linkedinConnection },
    ...result.adAccounts.map(({ value, label }) => ({ kind: 'ad account', id: value, name: label, made: false })),
    ...Object.values(result.models).map((model) => ({ kind: 'model', ...model })),
    ...result.syncs.flatMap((sync) => [
      { kind: 'audience', ...sync.audience },
      { kind: 'sync', ...sync },
    ]),
  ];
  return [
    ...rows.flatMap(({ kind, id, name, made }) => {
      const count = members.get(id);
      const who = kind === 'audience' && count !== undefined ? `${count} members` : '';
      // An audience's id has some 65 characters: beside the name it would not fit into a terminal.
      const row = `${made ? 'made' : 'used'}  ${kind.padEnd(10)}  ${plain(name).padEnd(48)}  ${who}`.trimEnd();
      return [...wrapped(row, columns, ' '.repeat(18)), `      ${plain(id)}`];
    }),
    ...result.warnings.flatMap((warning) => wrapped(`! ${plain(warning)}`, columns)),
  ];
}

/**
 * Text broken at spaces into lines of at most `columns` characters; further lines are indented by `indent`. A word that is
 * longer, such as an id, is left whole, so that it can be copied.
 */
export function wrapped(text: string, columns: number, indent = '  '): string[] {
  const lines: string[] = [];
  let line = '';
  // The gaps between words are kept, since they may be columns of a table; a gap that a line would end with is not.
  for (const [, gap = '', word = ''] of text.matchAll(/( *)([^ ]+)/g)) {
    if (line !== '' && line.length + gap.length + word.length > columns) {
      lines.push(line);
      line = indent + word;
    } else {
      line += gap + word;
    }
  }
  return [...lines, line];
}

/** Lines for `output`: in a terminal no word is broken; elsewhere a line stays a line, for those who search in logs. */
export function fitted(lines: string[], output: Output): string[] {
  return output.isTTY ? lines.flatMap((line) => wrapped(line, columnsOf(output))) : lines;
}

function stepLines(steps: StepStatus[], columns: number): string[] {
  const width = Math.min(Math.max(...steps.map(({ id }) => plain(id).length)), MAX_STEP_WIDTH);
  const indent = ' '.repeat(width + 4);
  return steps.flatMap((step) => {
    const head = `${MARK[step.state]} ${plain(step.id).padEnd(width)}  `;
    const told = outcomesOf(step, plain);
    const alone = told.length === 0 || head.length > indent.length;
    return [
      ...(alone ? wrapped(head.trimEnd(), columns, '    ') : []),
      ...told.flatMap((line, i) => hanging(i === 0 && !alone ? head : indent, line, columns)),
      // Often long, and with ids in it that a narrow column has no room for.
      ...failureOf(step).flatMap((failure) => wrapped(`    ${failure}`, columns, '    ')),
    ];
  });
}

function outcomeOf(step: StepStatus): string {
  const parts = [...outcomesOf(step, plain), ...failureOf(step)];
  return parts.length === 0 ? '' : ` – ${parts.join(', ')}`;
}

function failureOf({ failure }: StepStatus): string[] {
  return failure === undefined ? [] : [plain(`${failure.type}: ${failure.message}`)];
}

/** Text behind `head`, its further lines as far to the right as the first. */
function hanging(head: string, text: string, columns: number): string[] {
  const indent = ' '.repeat(head.length);
  return wrapped(text, columns - head.length, '').map((line, i) => `${i === 0 ? head : indent}${line}`);
}

function pendingLines({ pendingActivities }: ProvisioningReport, columns: number): string[] {
  return pendingActivities.flatMap(({ activity, attempt, lastFailure, nextAttemptAt }) => {
    if (lastFailure === undefined) return [];
    const next = nextAttemptAt === undefined ? 'under way' : `at ${local(nextAttemptAt)}`;
    return wrapped(`! ${activity}: attempt ${attempt} ${next}. Last: ${plain(lastFailure)}`, columns);
  });
}

function askLines({ name, state, status }: ProvisioningReport, columns: number, linkShown: boolean): string[] {
  const signIn = status?.signIn;
  if (signIn === undefined || state !== 'running') return [];
  return [
    '',
    // A link is on a line of its own and never broken, so that it can be clicked.
    ...(signIn.url === undefined
      ? wrapped(plain(signIn.hint ?? ''), columns)
      : linkShown
        ? ['Sign in to LinkedIn with the link above.']
        : ['Sign in to LinkedIn here:', `  ${plain(signIn.url)}`]),
    'Then say so:',
    `  audience signed-in ${plain(name)}`,
    ...(signIn.lastCheck === undefined
      ? []
      : wrapped(`Not signed in yet (${local(signIn.lastCheck.at)}): ${plain(signIn.lastCheck.reason)}`, columns)),
  ];
}

/** A time as people of this place write it, without the date if it is today's. */
function local(rfc3339: string): string {
  const at = new Date(rfc3339);
  const time = at.toTimeString().slice(0, 8);
  if (at.toDateString() === new Date().toDateString()) return time;
  const [month, day] = [at.getMonth() + 1, at.getDate()].map((part) => String(part).padStart(2, '0'));
  return `${at.getFullYear()}-${month}-${day} ${time}`;
}
