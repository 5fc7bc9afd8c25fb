/**
 * The run as Markdown, for the *User Metadata* tab of the Temporal Web UI. Its pane is about ten lines high, so what is
 * asked of whom comes first, then what went wrong, then the steps.
 */
import type { ProvisioningStatus, Stage, StepStatus } from './messages.ts';
import { MARK, outcomesOf } from './step-text.ts';

/** How many steps are listed, in count; the rest are summed up in one line. */
const MAX_STEPS = 30;

/**
 * How long the list of steps may get, in bytes of a URL: the Web UI sends the details to its renderer in one, and a proxy
 * before it may take no more than 8 KB.
 */
const MAX_STEPS_URL_BYTES = 5000;

/** How much of a failure's message, or of a warning, is shown, in characters. Query `status` has all of it. */
const MAX_MESSAGE = 300;

const HEADLINE: Record<Stage, string> = {
  connecting: 'Connecting to Snowflake and LinkedIn Ads',
  awaiting_sign_in: 'Waiting for a person to sign in to LinkedIn',
  preparing: 'Preparing models, ad accounts and audiences',
  syncing: 'Creating the syncs',
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

/**
 * Text that came from outside, harmless in Markdown: no markup, no link, no line of its own. Renderers disagree about which
 * signs a backslash escapes; where they do, a character reference stands for the sign.
 */
export function escapeMarkdown(text: string): string {
  return (
    text
      .replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]+/gu, ' ')
      .replace(/[\\`*_{}[\]()#+.!:|&<>~^]/g, (mark) => `\\${mark}`)
      // A hyphen between letters means nothing, and ids are full of them.
      .replace(/(?<![\p{L}\p{N}])-|-(?![\p{L}\p{N}])/gu, '\\-')
      // No backslash escapes these everywhere. They would become formulas, fractions and e-mail addresses.
      .replace(/[$/@]/g, (mark) => `&#${mark.charCodeAt(0)};`)
  );
}

/**
 * A link, if it is safe to make one: `https:`, or `http:` on loopback, where the sandbox lives. Anything else is shown as
 * text, so that nobody is led by the run to an address that its page does not show.
 */
export function linkOf(url: string, text: string): string {
  const safe =
    /^(https:\/\/[\w.~:/?#[\]@!$&*+,;=%-]+|http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d+)?([/?#][\w.~:/?#[\]@!$&*+,;=%-]*)?)$/;
  // Else `&copy=…` in a query would become `©=…`.
  return safe.test(url) ? `[${text}](${url.replaceAll('&', '&amp;')})` : escapeMarkdown(url);
}

/** The current details of a run in this state. */
export function currentDetails(status: ProvisioningStatus): string {
  const requester = status.requester === undefined ? '' : ` · for ${escapeMarkdown(status.requester)}`;
  return [
    `**${HEADLINE[status.stage]}**${requester}`,
    ...askLines(status),
    ...failureLines(status.steps),
    ...status.warnings.map((warning) => `⚠ ${excerpt(warning)}`),
    ...stepLines(status.steps),
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
    failure === undefined ? [] : [`✕ **${escapeMarkdown(failure.step)}**: ${excerpt(failure.message)}`],
  );
}

/** A table, since that is what keeps the marks, steps and outcomes in columns of their own; without headings, to save a line. */
function stepLines(steps: StepStatus[]): string[] {
  const rows: string[] = [];
  let bytes = 0;
  for (const step of steps.slice(0, MAX_STEPS)) {
    const row = `| ${MARK[step.state]} | ${escapeMarkdown(step.id)} | ${outcomesOf(step, escapeMarkdown).join(' · ')} |`;
    bytes += encodeURIComponent(row).length;
    if (bytes > MAX_STEPS_URL_BYTES) break;
    rows.push(row);
  }
  const rest = steps.slice(rows.length);
  const open = rest.filter((step) => step.state !== 'done').length;
  return [
    ...(rows.length > 0 ? [['| | | |', '|-|-|-|', ...rows].join('\n')] : []),
    ...(rest.length > 0 ? [`and ${rest.length} more, ${open} of them not done`] : []),
  ];
}

function excerpt(text: string): string {
  return escapeMarkdown(text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE - 1)}…` : text);
}
