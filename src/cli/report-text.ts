/** A provisioning for people to read, in lines no wider than their terminal. */
import type { PendingActivity, ProvisioningReport } from '../client/report.ts';
import { shorten } from '../request/shorten.ts';
import {
  type Choice,
  type Choices,
  type FirstExecution,
  listedStage,
  type ProvisioningResult,
  type Question,
  type SignInStatus,
  type StepStatus,
  type UndoResult,
} from '../workflows/messages.ts';
import { MARK, mostTelling, outcomesOf } from '../workflows/step-text.ts';
import { columnsOf, type Output, plain } from './terminal.ts';

/** How much room the name of a step has, in characters; one that is longer has a line of its own. */
const MAX_STEP_WIDTH = 32;

/** How many choices are listed, in count; the rest is found by a search. */
export const MAX_LISTED = 10;

/** How many steps are listed, in count: where a request has more, those that matter most. */
const MAX_STEPS = 40;

/** How much is told of each failure where there are many, in characters. */
const MAX_FAILURE = 150;

/** How many things of a kind are told in full, in count: questions, blocked steps, attempts that failed, warnings. */
const MAX_IN_FULL = 5;

const CHECKED: Record<NonNullable<SignInStatus['lastCheck']>['outcome'], string> = {
  not_yet: 'Not signed in yet',
  denied: 'Denied; it can be tried again',
  no_accounts: 'Signed in, but not usable; sign in with another user',
};

/**
 * The whole report. `linkShown`: the sign-in link stands somewhere above, and is not shown again. `here`: the steps about which
 * people are asked in place, so that no command has to be named.
 */
export function reportLines(
  report: ProvisioningReport,
  columns: number,
  { linkShown = false, here = new Set() }: { linkShown?: boolean; here?: ReadonlySet<string> } = {},
): string[] {
  const { name, state, stage, status, problem } = report;
  const stands = stage === undefined || stage === state ? state : `${state} · ${stage}`;
  const ended = report.endedAt === undefined ? '' : `, ended ${local(report.endedAt)}`;
  return [
    ...wrapped(`${plain(name)}  ${stands}  (started ${local(report.startedAt)}${ended})`, columns),
    ...(problem === undefined ? [] : wrapped(`! ${problem}`, columns)),
    ...(status?.steps.length ? ['', ...stepLines(status.steps, columns)] : []),
    ...firstInFull(status?.warnings ?? [], 'warnings', name, (warning) => wrapped(`! ${plain(warning)}`, columns)),
    ...pendingLines(report, columns),
    ...askLines(report, columns, { linkShown, here }),
  ];
}

/** Whether both stand at the same stage, as far as can be told: while no worker answers, that is only what a list tells. */
function standsAlike(before: ProvisioningReport | undefined, report: ProvisioningReport): boolean {
  if (before === undefined || before.state !== report.state) return false;
  if (before.stage === undefined || report.stage === undefined) return before.stage === report.stage;
  if (before.status !== undefined && report.status !== undefined) return before.stage === report.stage;
  return listedStage(before.stage) === listedStage(report.stage);
}

/** One line for each thing that is new in `report`, for a pipe or a log. What is asked of people comes with the command that answers. */
export function changeLines(before: ProvisioningReport | undefined, report: ProvisioningReport): string[] {
  const { name, stage, state, status, pendingActivities, problem } = report;
  const seen = new Map((before?.status?.steps ?? []).map((step) => [step.id, JSON.stringify(step)]));
  const retries = new Set((before?.pendingActivities ?? []).map(retryOf));
  const executions = new Set((before?.pendingActivities ?? []).flatMap(executionOf));
  const asked = new Set((before?.status?.questions ?? []).map((question) => JSON.stringify(question)));
  const checked = status?.signIn?.lastCheck;
  const url = status?.signIn?.url;
  const line = (text: string) => `${new Date().toISOString()} ${name} ${plain(text)}`;
  return [
    ...(standsAlike(before, report) ? [] : [line(stage ?? state)]),
    ...(problem === undefined || problem === before?.problem ? [] : [line(problem)]),
    ...(status?.steps ?? [])
      .filter((step) => step.state !== 'pending' && seen.get(step.id) !== JSON.stringify(step))
      .flatMap((step) => [line(`${step.id}: ${step.state}${outcomeOf(step)}`), ...mendLines(step).map(line)]),
    ...pendingActivities
      .flatMap(executionOf)
      .filter((progress) => !executions.has(progress))
      .map(line),
    ...pendingActivities
      .filter((pending) => pending.lastFailure !== undefined && !retries.has(retryOf(pending)))
      .map(({ activity, attempt, lastFailure }) => line(`${activity}: attempt ${attempt} – ${lastFailure}`)),
    ...(url === undefined || before?.status?.signIn?.url === url
      ? []
      : [line(`sign in at ${url}`), line(`then say so: audience signed-in ${shellWord(name)}`)]),
    ...(checked === undefined || checked.at === before?.status?.signIn?.lastCheck?.at
      ? []
      : [line(`${CHECKED[checked.outcome].toLowerCase()} – ${checked.reason}`)]),
    ...(status?.questions ?? [])
      .filter((question) => !asked.has(JSON.stringify(question)))
      .map((question) => line(askedText(question))),
    ...(status?.warnings ?? [])
      .filter((warning) => !before?.status?.warnings.includes(warning))
      .map((warning) => line(`warning: ${warning}`)),
  ];

  function mendLines({ id, state: stepState, piece }: StepStatus): string[] {
    if (stepState !== 'blocked') return [];
    const change = piece === undefined ? '' : ` [--change FILE with another ${piece}]`;
    return [`mend it, then: ${retryCommand(name, id)}${change}`];
  }

  function askedText(question: Question): string {
    const { step, choices, total, why } = question;
    const shown = choices.slice(0, MAX_LISTED).map((choice) => describedIn(choices, choice));
    const more = total > shown.length ? ` and ${total - shown.length} more` : '';
    const because = why === undefined ? '' : ` (${why})`;
    return `choose for ${step}${because}: ${shown.join('; ')}${more} – answer: ${answerCommand(name, question)} …`;
  }
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
    ...result.syncs.flatMap(({ name, firstExecution }) =>
      firstExecution === undefined ? [] : wrapped(executionText({ sync: name, ...firstExecution }), columns),
    ),
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

/** The lines of the first few, and where the others are to be found. */
function firstInFull<T>(items: readonly T[], what: string, name: string, linesOf: (item: T) => string[]): string[] {
  const rest = items.length - MAX_IN_FULL;
  return [
    ...items.slice(0, MAX_IN_FULL).flatMap(linesOf),
    ...(rest > 0 ? ['', `and ${rest} more ${what}:`, `  audience status ${shellWord(name)} --json`] : []),
  ];
}

function stepLines(all: StepStatus[], columns: number): string[] {
  const { shown: steps, rest } = mostTelling(all, MAX_STEPS);
  const width = Math.min(Math.max(...steps.map(({ id }) => plain(id).length)), MAX_STEP_WIDTH);
  const indent = ' '.repeat(width + 4);
  const many = steps.filter(({ failure }) => failure !== undefined).length > MAX_IN_FULL;
  const lines = steps.flatMap((step) => {
    const head = `${MARK[step.state]} ${plain(step.id).padEnd(width)}  `;
    const told = outcomesOf(step, plain);
    const alone = told.length === 0 || head.length > indent.length;
    return [
      ...(alone ? wrapped(head.trimEnd(), columns, '    ') : []),
      ...told.flatMap((line, i) => hanging(i === 0 && !alone ? head : indent, line, columns)),
      // Often long, and with ids in it that a narrow column has no room for.
      ...failureOf(step).flatMap((failure) =>
        wrapped(`    ${many ? shorten(failure, MAX_FAILURE) : failure}`, columns, '    '),
      ),
    ];
  });
  return rest === undefined ? lines : [...lines, ...wrapped(`  ${rest}`, columns)];
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

function pendingLines({ name, pendingActivities }: ProvisioningReport, columns: number): string[] {
  const telling = pendingActivities.filter(({ execution, lastFailure }) => (execution ?? lastFailure) !== undefined);
  return firstInFull(telling, 'activities', name, (pending) => {
    const { activity, attempt, lastFailure, nextAttemptAt } = pending;
    const next = nextAttemptAt === undefined ? 'under way' : `at ${local(nextAttemptAt)}`;
    return [
      ...executionOf(pending).flatMap((progress) => wrapped(progress, columns)),
      ...(lastFailure === undefined
        ? []
        : wrapped(`! ${activity}: attempt ${attempt} ${next}. Last: ${plain(lastFailure)}`, columns)),
    ];
  });
}

/** How far a first execution has come that is being followed. */
function executionOf({ execution }: PendingActivity): string[] {
  return execution === undefined ? [] : [executionText(execution)];
}

function executionText({ sync, status, counts = {} }: Pick<FirstExecution, 'status' | 'counts'> & { sync: string }) {
  const counted = Object.entries(counts).map(([what, count]) => `${what} ${count}`);
  return plain(`first execution ${sync}: ${[status, ...counted].join(', ')}`);
}

function askLines(
  { name, state, status }: ProvisioningReport,
  columns: number,
  { linkShown, here }: { linkShown: boolean; here: ReadonlySet<string> },
): string[] {
  if (state !== 'running' || status === undefined) return [];
  const { signIn, questions, steps } = status;
  const blocked = steps.filter((step) => step.state === 'blocked' && !here.has(step.id));
  return [
    ...(signIn === undefined ? [] : signInLines(name, signIn, columns, { linkShown, here: here.has('sign-in') })),
    ...firstInFull(
      questions.filter(({ step }) => !here.has(step)),
      'questions',
      name,
      (question) => questionLines(name, question, columns),
    ),
    ...firstInFull(blocked, 'blocked steps', name, (step) => blockedLines(name, step, columns)),
    ...(blocked.length === 0 ? [] : ['Or end the run:', `  audience give-up ${shellWord(name)}`]),
  ];
}

function signInLines(
  name: string,
  { url, hint, until, lastCheck }: SignInStatus,
  columns: number,
  { linkShown, here }: { linkShown: boolean; here: boolean },
): string[] {
  const asked = `Asked until ${local(until)}.`;
  return [
    '',
    // A link is on a line of its own and never broken, so that it can be clicked.
    ...(url === undefined
      ? wrapped(plain(hint ?? ''), columns)
      : linkShown
        ? ['Sign in to LinkedIn with the link above.']
        : ['Sign in to LinkedIn here:', `  ${plain(url)}`]),
    ...(here ? [asked] : ['Then say so:', `  audience signed-in ${shellWord(name)}`]),
    ...(here
      ? []
      : url === undefined
        ? [asked]
        : [`${asked} A fresh link:`, `  audience refresh-link ${shellWord(name)}`]),
    ...(lastCheck === undefined
      ? []
      : wrapped(`${CHECKED[lastCheck.outcome]} (${local(lastCheck.at)}): ${plain(lastCheck.reason)}`, columns)),
  ];
}

function questionLines(name: string, question: Question, columns: number): string[] {
  const { step, choices, total, why } = question;
  const shown = choices.slice(0, MAX_LISTED);
  const command = answerCommand(name, question);
  return [
    '',
    ...wrapped(plain(`Choose for ${step}${why === undefined ? ':' : `: ${why}`}`), columns),
    ...shown.flatMap((choice) => wrapped(`  ${plain(describedIn(choices, choice))}`, columns, '    ')),
    ...(total > shown.length ? [`  and ${total - shown.length} more:  ${command} --search WORDS`] : []),
    'Answer with:',
    `  ${command} ${question.answer === 'selectAccounts' ? 'ACCOUNT…' : 'AUDIENCE'}`,
  ];
}

/** The command that answers a question, but for the answer. */
function answerCommand(name: string, { answer, step }: Question): string {
  return answer === 'selectAccounts'
    ? `audience select-accounts ${shellWord(name)}`
    : `audience choose-audience ${shellWord(name)} ${shellWord(step.replace(/^sync /, ''))}`;
}

function blockedLines(name: string, { id, piece }: StepStatus, columns: number): string[] {
  const command = retryCommand(name, id);
  return [
    '',
    ...wrapped(`Try ${plain(id)} again, once the cause is mended:`, columns),
    `  ${command}`,
    ...(piece === undefined
      ? []
      : [...wrapped(`Or with another ${plain(piece)} of the request:`, columns), `  ${command} --change FILE`]),
  ];
}

function retryCommand(name: string, step: string): string {
  return `audience retry ${shellWord(name)} ${shellWord(step)}`;
}

/** A choice as people know it; with its value where another one has the same label. */
export function describedIn(choices: readonly Choice[], { label, value }: Choice): string {
  return choices.filter((other) => other.label === label).length > 1 ? `${label} = ${value}` : label;
}

/** Choices with their values. */
export function choiceLines({ choices, total }: Choices, columns: number): string[] {
  if (total === 0) return ['There are none.'];
  return [
    ...choices.flatMap(({ label, value }) => [
      ...wrapped(plain(label), columns),
      ...(value === label ? [] : wrapped(`  ${plain(value)}`, columns)),
    ]),
    ...(total > choices.length ? [`and ${total - choices.length} more: --search WORDS finds them`] : []),
  ];
}

/** What came of an undo. */
export function undoLines(name: string, { undone, left }: UndoResult, columns: number): string[] {
  if (undone.length + left.length === 0) return wrapped(`${plain(name)} has left nothing to undo.`, columns);
  return [
    ...undone.flatMap((one) =>
      'id' in one
        ? [
            ...wrapped(`undone  ${one.kind.padEnd(10)}  ${plain(one.name)}`, columns, ' '.repeat(20)),
            `        ${plain(one.id)}`,
          ]
        : wrapped(`undone  accounts    ${plain(one.labels.join(', '))}`, columns, ' '.repeat(20)),
    ),
    ...left.flatMap((line) => wrapped(`left    ${plain(line)}`, columns, ' '.repeat(8))),
  ];
}

/** Text as one word of a command to paste. */
function shellWord(text: string): string {
  const word = plain(text);
  return /^[\w.,:/@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A time as people of this place write it, without the date if it is today's. */
function local(rfc3339: string): string {
  const at = new Date(rfc3339);
  const time = at.toTimeString().slice(0, 8);
  if (at.toDateString() === new Date().toDateString()) return time;
  const [month, day] = [at.getMonth() + 1, at.getDate()].map((part) => String(part).padStart(2, '0'));
  return `${at.getFullYear()}-${month}-${day} ${time}`;
}
