/** What there is to choose from, as much of it as a person is shown at once. */
import { type Choice, MAX_CHOICES, matching } from '../request/choice.ts';
import { LIMITS } from '../request/limits.ts';
import { shorten } from '../request/shorten.ts';
import type { Choices } from '../workflows/messages.ts';

/** A choice that is left to a person: because the request says so, or because of `why`. */
export interface Ask extends Choices {
  /** What the request named, and why that does not decide it. */
  why?: string;
}

/** The first choices whose label or value has every word of `search`, and how many those are in all. */
export function choicesOf(all: readonly Choice[], search = ''): Choices {
  const fitting = matching(all, search);
  return {
    choices: fitting
      .slice(0, MAX_CHOICES)
      .map(({ value, label }) => ({ value, label: shorten(label, LIMITS.nameLength) })),
    total: fitting.length,
  };
}

/** Leaves the choice among `all` to a person; those that one of `names` may mean come first. */
export function ask(all: readonly Choice[], names: readonly string[] = [], why?: string): Ask {
  const meant = ({ label }: Choice) => names.includes(label);
  const ordered = [...all.filter(meant), ...all.filter((choice) => !meant(choice))];
  return { ...choicesOf(ordered), ...(why === undefined ? {} : { why }) };
}
