/**
 * The run as Markdown, for the *User Metadata* tab of the Temporal Web UI. Its pane may be no more than ten lines high, so
 * what is asked of whom comes first, then what went wrong, then the steps.
 */

import { shorten } from '../request/schema.ts';
import { asMany, escapeMarkdown, linkOf, MAX_ROWS, MAX_URL_BYTES, PARAGRAPH, table, urlBytes } from './markdown.ts';
import type { ProvisioningStatus, Question, SignInStatus, Stage, StepFailure, StepStatus } from './messages.ts';
import { MARK, mostTelling, outcomesOf, restText } from './step-text.ts';

/** How much of a failure's message, or of a warning, is shown, in characters. Query `status` has all of it. */
const MAX_MESSAGE = 300;

/** How much is told besides the steps, in bytes of a URL, so that there is room for some of those too. */
const MAX_TOLD_URL_BYTES = 5500;

/** How many choices are named, in count. Query `status` has more of them, and update `findChoices` the rest. */
const MAX_SHOWN = 8;

/** How much of a choice's label is shown, in characters. */
const MAX_LABEL = 60;

const CHECKED: Record<NonNullable<SignInStatus['lastCheck']>['outcome'], string> = {
  not_yet: 'Not signed in yet',
  denied: 'Denied; it can be tried again',
  no_accounts: 'Signed in, but not usable',
};

/** How long a step's name may be to stay in one line, in characters. */
const MAX_UNBROKEN = 32;

/** The pane is made as high as the text without its margins: what it cuts off at the bottom shall be this. */
const BOTTOM = '&#160;';

const HEADLINE: Record<Stage, string> = {
  connecting: 'Connecting to Snowflake and LinkedIn Ads',
  awaiting_sign_in: 'Waiting for a person to sign in to LinkedIn',
  awaiting_choice: 'Waiting for a person to choose',
  blocked: 'Blocked until a person mends a step',
  preparing: 'Preparing models, ad accounts and audiences',
  syncing: 'Creating the syncs',
  undoing: 'Deleting what was made',
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

/** The current details of a run in this state. */
export function currentDetails(status: ProvisioningStatus): string {
  const requester = status.requester === undefined ? '' : ` · for ${escapeMarkdown(status.requester)}`;
  const first = [`**${HEADLINE[status.stage]}**${requester}`, ...askLines(status)];
  const { questions, steps, warnings } = status;
  const texts = [
    ...questions.map((question) => () => questionText(question)),
    ...steps.flatMap(({ failure, ...step }) => (failure === undefined ? [] : [() => failureText(step, failure)])),
    ...warnings.map((warning) => () => `⚠ ${excerpt(warning)}`),
  ];
  const told = asMany(texts, MAX_TOLD_URL_BYTES - urlBytes(first.join(PARAGRAPH)));
  const above = [...first, ...told].join(PARAGRAPH);
  return [above, ...stepLines(status.steps, MAX_URL_BYTES - urlBytes(above)), BOTTOM].join(PARAGRAPH);
}

function askLines({ signIn }: ProvisioningStatus): string[] {
  if (signIn === undefined) return [];
  const ask =
    signIn.url === undefined
      ? escapeMarkdown(signIn.hint ?? 'Sign in to LinkedIn in Polytomic.')
      : linkOf(signIn.url, 'Sign in to LinkedIn');
  const steps = `1. ${ask}\n2. Say so: *More Actions → Send a Signal →* \`oauthCompleted\`, no input needed`;
  const { lastCheck } = signIn;
  return lastCheck === undefined ? [steps] : [`⚠ ${CHECKED[lastCheck.outcome]}: ${excerpt(lastCheck.reason)}`, steps];
}

/** What is asked, how it is answered, and the first of the answers there are. */
function questionText({ step, answer, choices, total, why }: Question): string {
  const example =
    answer === 'selectAccounts'
      ? '{"accounts": ["…"]}'
      : JSON.stringify({ sync: step.replace(/^sync /, ''), audience: { existing: '…' } });
  const shown = choices.slice(0, MAX_SHOWN).map(({ label }) => excerpt(label, MAX_LABEL));
  const more = total > shown.length ? ` and ${total - shown.length} more` : '';
  return [
    ...(why === undefined ? [] : [`⚠ ${excerpt(why)}`]),
    `Choose for ${escapeMarkdown(step)}: ${shown.join(', ') || 'there is nothing'}${more}`,
    `*More Actions → Send an Update →* \`${answer}\` with ${code(example)}`,
  ].join(PARAGRAPH);
}

function failureText({ id, state, piece }: StepStatus, failure: StepFailure): string {
  const what = `✕ ${escapeMarkdown(id)}: ${excerpt(failure.message)}`;
  if (state !== 'blocked') return what;
  const mend = piece === undefined ? '' : `; \`change\` replaces ${code(piece)} of the request`;
  const example = JSON.stringify({ step: id, ...(piece === undefined ? {} : { change: '…' }) });
  const how = `*More Actions → Send an Update →* \`retryStep\` with ${code(example)}${mend}, or \`giveUp\``;
  return [what, how].join(PARAGRAPH);
}

function stepLines(steps: StepStatus[], maxBytes: number): string[] {
  const telling = mostTelling(steps, MAX_ROWS).shown;
  const rows = telling.map(cellsOf);
  // Without headings, to save a line.
  const { markdown, shown } = table(['', '', ''], rows, maxBytes);
  const listed = new Set(telling.slice(0, shown));
  const rest = steps.filter((step) => !listed.has(step));
  return [...(shown > 0 ? [markdown] : []), ...(rest.length > 0 ? [restText(rest)] : [])];
}

/** Rows that have been made. A change makes a new step, and at each change most steps are as they were. */
const made = new WeakMap<StepStatus, string[]>();

function cellsOf(step: StepStatus): string[] {
  const known = made.get(step);
  if (known !== undefined) return known;
  const cells = [MARK[step.state], inOneLine(escapeMarkdown(step.id)), outcomesOf(step, escapeMarkdown).join(' · ')];
  made.set(step, cells);
  return cells;
}

/** A piece of code to type. Text that came from outside may stand in it: a backquote would end it. */
function code(text: string): string {
  return `\`${text.replace(/[`\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')}\``;
}

/** A short name does not break: what came of the step has the room for it, and names in one line are found at a glance. */
function inOneLine(name: string): string {
  return name.length > MAX_UNBROKEN ? name : name.replaceAll(' ', '\u00a0');
}

function excerpt(text: string, max = MAX_MESSAGE): string {
  return escapeMarkdown(shorten(text, max));
}
