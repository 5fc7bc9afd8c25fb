/**
 * The run as Markdown, for the *User Metadata* tab of the Temporal Web UI. Its pane is about ten lines high, so what is
 * asked of whom comes first, then what went wrong, then the steps.
 */
import type { ProvisioningStatus, Stage, StepState, StepStatus } from './messages.ts';

/** How many steps are listed, in count; the rest are summed up in one line. */
const MAX_STEPS = 30;

const HEADLINE: Record<Stage, string> = {
  connecting: 'Connecting to Snowflake and LinkedIn Ads',
  awaiting_sign_in: 'Waiting for a person to sign in to LinkedIn',
  preparing: 'Preparing models, ad accounts and audiences',
  syncing: 'Creating the syncs',
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

const MARK: Record<StepState, string> = { pending: '○', running: '◐', waiting: '⏸', done: '●', failed: '✕' };

/** Text that came from outside, harmless in Markdown: no markup, no link, no line of its own. */
export function escapeMarkdown(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
    .replace(/[\\`*_{}[\]()#+\-.!|~<>&:@]/g, (mark) => `\\${mark}`);
}

/**
 * A link, if it is safe to make one: `https:`, or `http:` on loopback, where the sandbox lives. Anything else is shown as
 * text, so that nobody is led by the run to an address that its page does not show.
 */
export function linkOf(url: string, text: string): string {
  const safe = /^https:\/\/[^\s<>()\\"'`]+$|^http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(\/[^\s<>()\\"'`]*)?$/;
  return safe.test(url) ? `[${text}](${url})` : escapeMarkdown(url);
}

/** The current details of a run in this state. */
export function currentDetails(status: ProvisioningStatus): string {
  const requester = status.requester === undefined ? '' : ` · for ${escapeMarkdown(status.requester)}`;
  return [
    `**${HEADLINE[status.stage]}**${requester}`,
    ...askLines(status),
    ...failureLines(status.steps),
    ...status.warnings.map((warning) => `⚠ ${escapeMarkdown(warning)}`),
    stepLines(status.steps),
  ].join('\n\n');
}

function askLines({ signIn }: ProvisioningStatus): string[] {
  if (signIn === undefined) return [];
  const ask =
    signIn.url === undefined
      ? escapeMarkdown(signIn.hint ?? 'Sign in to LinkedIn in Polytomic.')
      : `👉 ${linkOf(signIn.url, 'Sign in to LinkedIn')}`;
  const then = `${ask} – then send signal \`oauthCompleted\` (*More Actions*, no input needed).`;
  return signIn.lastCheck === undefined
    ? [then]
    : [then, `Not signed in yet: ${escapeMarkdown(signIn.lastCheck.reason)}`];
}

function failureLines(steps: StepStatus[]): string[] {
  return steps.flatMap(({ failure }) =>
    failure === undefined ? [] : [`✕ **${escapeMarkdown(failure.step)}**: ${escapeMarkdown(failure.message)}`],
  );
}

function stepLines(steps: StepStatus[]): string {
  const shown = steps.slice(0, MAX_STEPS).map((step) => {
    const what = step.resources.map(
      ({ kind, made, id }) => ` · ${kind} ${made ? 'made' : 'used'} ${escapeMarkdown(id)}`,
    );
    const why = step.note === undefined || step.state === 'waiting' ? '' : ` · ${escapeMarkdown(step.note)}`;
    return `- ${MARK[step.state]} ${escapeMarkdown(step.id)}${what.join('')}${why}`;
  });
  const rest = steps.length - shown.length;
  const open = steps.slice(MAX_STEPS).filter((step) => step.state !== 'done').length;
  return [...shown, ...(rest > 0 ? [`- and ${rest} more, ${open} of them not done`] : [])].join('\n');
}
