/** Choosing in an activity: what cannot be chosen is a failure of the step. */
import { type Choice, chooseAll } from '../request/choice.ts';
import { ActivityProblem } from './failures.ts';

/** The choices that `texts` mean, in their order, each once. Throws one problem that names everything that is wrong. */
export function choose(texts: readonly string[], allowed: readonly Choice[], what: string): Choice[] {
  const chosen = chooseAll(texts, allowed, what);
  if ('message' in chosen) throw new ActivityProblem('NotAllowed', `${chosen.message}.`);
  return chosen.choices;
}
