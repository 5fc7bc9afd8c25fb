/** Choosing among what Polytomic allows, by its value or by the label that people see. */
import { ActivityProblem, listed } from './failures.ts';

/** One allowed value and the label that people see. */
export interface Choice {
  value: string;
  label: string;
}

/** The choice that `text` means: by value, else by label. A text that says what is wrong, where there is none or several. */
export function chosenBy(text: string, allowed: readonly Choice[], what: string): Choice | string {
  const fitting = allowed.filter(({ value }) => value === text);
  if (fitting.length === 0) fitting.push(...allowed.filter(({ label }) => label === text));
  const [choice, ...others] = fitting;
  if (choice === undefined) return `there is no ${what} “${text}”; allowed are ${listed(allowed.map(described))}`;
  if (others.length > 0)
    return `${what} “${text}” fits several: ${listed(fitting.map(({ value }) => value))}; give the value instead`;
  return choice;
}

/** The choices that `texts` mean, each once, in their order. Throws one problem that names everything that is wrong. */
export function choose(texts: readonly string[], allowed: readonly Choice[], what: string): Choice[] {
  const answers = texts.map((text) => chosenBy(text, allowed, what));
  const problems = answers.filter((answer) => typeof answer === 'string');
  if (problems.length > 0) throw new ActivityProblem('NotAllowed', `${problems.join('; ')}.`);
  const choices = answers.filter((answer) => typeof answer !== 'string');
  // The same one may be meant by its value and by its label.
  return [...new Set(choices)];
}

function described({ value, label }: Choice): string {
  return value === label ? value : `${label} = ${value}`;
}
