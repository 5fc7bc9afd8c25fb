/** How a step is told in a line, in the Web UI as in a terminal. */
import type { ResourceKind, StepState, StepStatus } from './messages.ts';

/** Signs that every font has, of one width in a terminal. */
export const MARK: Record<StepState, string> = {
  pending: '○',
  running: '◐',
  waiting: '‖',
  blocked: '✕',
  done: '●',
  failed: '✕',
  undone: '↶',
};

/** What a reader looks for first, where there is no room for all. */
const RANK: Record<StepState, number> = {
  waiting: 0,
  blocked: 0,
  failed: 0,
  running: 1,
  undone: 2,
  done: 3,
  pending: 4,
};

/** At most `max` of the steps in the plan's order, those that matter most, and how many more there are in which state. */
export function mostTelling(
  steps: readonly StepStatus[],
  max: number,
): { shown: StepStatus[]; rest: string | undefined } {
  if (steps.length <= max) return { shown: [...steps], rest: undefined };
  const ranked = steps.toSorted((a, b) => RANK[a.state] - RANK[b.state]);
  const shown = new Set(ranked.slice(0, max));
  return { shown: steps.filter((step) => shown.has(step)), rest: restText(ranked.slice(max)) };
}

/** How many more steps there are, and in which state. */
export function restText(steps: readonly StepStatus[]): string {
  const counts = new Map<StepState, number>();
  for (const { state } of steps) counts.set(state, (counts.get(state) ?? 0) + 1);
  return `and ${steps.length} more: ${[...counts].map(([state, count]) => `${count} ${state}`).join(', ')}`;
}

/**
 * What came of a step, in a few words each; `harmless` is applied to what came from outside. A resource is named by its
 * id, since the step's name tells what it is; but a sync's step has its audience too, whose id no line has room for.
 * It comes last, for its name may be long.
 */
export function outcomesOf({ resources, note, state }: StepStatus, harmless: (text: string) => string): string[] {
  const place = (kind: ResourceKind) => (kind === 'audience' ? 1 : 0);
  const told = resources
    .toSorted((a, b) => place(a.kind) - place(b.kind))
    .map(({ kind, made, id, name }) => {
      const what = kind === 'audience' ? `audience ${harmless(name)}` : harmless(id);
      return `${made ? 'made' : 'used'} ${what}`;
    });
  return note === undefined || state === 'waiting' ? told : [...told, harmless(note)];
}
