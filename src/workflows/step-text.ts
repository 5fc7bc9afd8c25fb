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
