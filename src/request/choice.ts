/** Choosing among what Polytomic allows, by its value or by the label that people see. Needs nothing, and throws nothing. */

/** How many choices a person is shown at once, in count. */
export const MAX_CHOICES = 50;

/** One allowed value and the label that people see. */
export interface Choice {
  value: string;
  label: string;
}

/** Why a text chooses nothing: it fits none of what is allowed, or several. */
export interface Unchosen {
  message: string;
  /** What it fits: nothing, or two or more. */
  fitting: Choice[];
}

/**
 * The choice that `text` means: by value, else by label. `what` names the kind of thing, e.g. `ad account`; `which` says
 * which of them are allowed, e.g. `that supports mode “update”`.
 */
export function chosenBy(
  text: string,
  allowed: readonly Choice[],
  what: string,
  which = '',
): { choice: Choice } | Unchosen {
  const byValue = allowed.filter(({ value }) => value === text);
  const fitting = byValue.length > 0 ? byValue : allowed.filter(({ label }) => label === text);
  const [choice, ...others] = fitting;
  if (choice === undefined) return { message: fitsNone(text, allowed, what, which), fitting };
  if (others.length > 0) return { message: fitsSeveral(text, fitting, what), fitting };
  return { choice };
}

/** That a text fits nothing, and what there is. */
export function fitsNone(text: string, allowed: readonly Choice[], what: string, which = ''): string {
  const none = `there is no ${what} “${text}”${which === '' ? '' : ` ${which}`}`;
  return `${none}; allowed are ${listed(allowed.map(described))}`;
}

/** That a text fits several, and which. */
export function fitsSeveral(text: string, fitting: readonly Choice[], what: string): string {
  return `${what} “${text}” fits several: ${listed(fitting.map(({ value }) => value))}; give the value instead`;
}

/** The choices that `texts` mean, in their order, each once; or everything that is wrong, also as one message. */
export function chooseAll(
  texts: readonly string[],
  allowed: readonly Choice[],
  what: string,
): { choices: Choice[] } | { message: string; problems: Unchosen[] } {
  const answers = texts.map((text) => chosenBy(text, allowed, what));
  const problems = answers.filter((answer) => 'message' in answer);
  if (problems.length > 0) return { message: problems.map(({ message }) => message).join('; '), problems };
  return { choices: [...new Set(answers.flatMap((answer) => ('choice' in answer ? [answer.choice] : [])))] };
}

/** The choices whose label or value have all words of `search`, in upper or lower case; all choices where it has none. */
export function matching(choices: readonly Choice[], search: string): Choice[] {
  const words = search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  return choices.filter(({ label, value }) => {
    const text = `${label}\n${value}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function described({ value, label }: Choice): string {
  return value === label ? value : `${label} = ${value}`;
}

/** A list for a message: the first ones, quoted, and how many more there are. */
export function listed(items: readonly string[], max = 20): string {
  if (items.length === 0) return 'none';
  const rest = items.length - max;
  return (
    items
      .slice(0, max)
      .map((item) => `“${item}”`)
      .join(', ') + (rest > 0 ? ` and ${rest} more` : '')
  );
}
