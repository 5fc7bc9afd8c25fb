/**
 * The run as Markdown, for the *User Metadata* tab of the Temporal Web UI. Its pane may be no more than ten lines high, so
 * what is asked of whom comes first, then what went wrong, then the steps.
 */
import { escapeMarkdown, linkOf, table } from './markdown.ts';
import type { ProvisioningStatus, Stage, StepStatus } from './messages.ts';
import { MARK, outcomesOf } from './step-text.ts';

/** How much of a failure's message, or of a warning, is shown, in characters. Query `status` has all of it. */
const MAX_MESSAGE = 300;

/** How long a step's name may be to stay in one line, in characters. */
const MAX_UNBROKEN = 32;

/** The pane is made as high as the text without its margins: what it cuts off at the bottom shall be this. */
const BOTTOM = '&#160;';

const HEADLINE: Record<Stage, string> = {
  connecting: 'Connecting to Snowflake and LinkedIn Ads',
  awaiting_sign_in: 'Waiting for a person to sign in to LinkedIn',
  preparing: 'Preparing models, ad accounts and audiences',
  syncing: 'Creating the syncs',
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

/** The current details of a run in this state. */
export function currentDetails(status: ProvisioningStatus): string {
  const requester = status.requester === undefined ? '' : ` · for ${escapeMarkdown(status.requester)}`;
  return [
    `**${HEADLINE[status.stage]}**${requester}`,
    ...askLines(status),
    ...failureLines(status.steps),
    ...status.warnings.map((warning) => `⚠ ${excerpt(warning)}`),
    ...stepLines(status.steps),
    BOTTOM,
  ].join('\n\n');
}

function askLines({ signIn }: ProvisioningStatus): string[] {
  if (signIn === undefined) return [];
  const ask =
    signIn.url === undefined
      ? escapeMarkdown(signIn.hint ?? 'Sign in to LinkedIn in Polytomic.')
      : linkOf(signIn.url, 'Sign in to LinkedIn');
  const steps = `1. ${ask}\n2. Say so: *More Actions → Send a Signal →* \`oauthCompleted\`, no input needed`;
  return signIn.lastCheck === undefined ? [steps] : [`⚠ Not signed in yet: ${excerpt(signIn.lastCheck.reason)}`, steps];
}

function failureLines(steps: StepStatus[]): string[] {
  return steps.flatMap(({ failure }) =>
    failure === undefined ? [] : [`✕ ${escapeMarkdown(failure.step)}: ${excerpt(failure.message)}`],
  );
}

function stepLines(steps: StepStatus[]): string[] {
  const rows = steps.map((step) => [
    MARK[step.state],
    inOneLine(escapeMarkdown(step.id)),
    outcomesOf(step, escapeMarkdown).join(' · '),
  ]);
  // Without headings, to save a line.
  const { markdown, shown } = table(['', '', ''], rows);
  const rest = steps.slice(shown);
  const open = rest.filter((step) => step.state !== 'done').length;
  return [
    ...(shown > 0 ? [markdown] : []),
    ...(rest.length > 0 ? [`and ${rest.length} more, ${open} of them not done`] : []),
  ];
}

/** A short name does not break: what came of the step has the room for it, and names in one line are found at a glance. */
function inOneLine(name: string): string {
  return name.length > MAX_UNBROKEN ? name : name.replaceAll(' ', '\u00a0');
}

function excerpt(text: string): string {
  return escapeMarkdown(text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE - 1)}…` : text);
}
