/** Taking back what a run made, last first. Shared by a run that ends and by the workflow that cleans up after one. */

import { linesWithin, shorten, WORDS_BYTES } from '../request/schema.ts';
import { findingActivities, undoActivities } from './activity-proxies.ts';
import { failureOf } from './run.ts';
import { isOpen, type KeptOutcome, type UndoEntry, type UndoOutcome } from './undo-entries.ts';

/** Undoes every entry in reverse order. What cannot be undone is told, and stops nothing. Call it in a scope that cannot be cancelled. */
export function undoAll(
  entries: readonly UndoEntry[],
  told: (entry: UndoEntry, outcome: UndoOutcome) => void,
): Promise<void> {
  return inTurn<UndoOutcome>(entries.toReversed(), {
    work: (entry, what) =>
      undoActivities.undoEntry.executeWithOptions({ summary: shorten(`Undo ${what}`, 100) }, [entry]),
    failed: ': could not be undone',
    told,
  });
}

/** Looks for what the entries of unknown outcome have made. What cannot be looked for is told. Call it as {@link undoAll}. */
export function findAllKept(
  entries: readonly UndoEntry[],
  told: (entry: UndoEntry, outcome: KeptOutcome) => void,
): Promise<void> {
  return inTurn<KeptOutcome>(entries.filter(isOpen), {
    work: (entry, what) =>
      findingActivities.findKept.executeWithOptions({ summary: shorten(`Look for ${what}`, 100) }, [entry]),
    failed: ' may have been made, and could not be looked for',
    told,
  });
}

/** Works on one entry after the other, and tells of each; what `failed`, in words that follow its name, is told with the reason. */
async function inTurn<O extends { left: string[] }>(
  entries: readonly UndoEntry[],
  {
    work,
    failed,
    told,
  }: {
    work: (entry: UndoEntry, what: string) => Promise<O>;
    failed: string;
    told: (entry: UndoEntry, outcome: O | { left: string[] }) => void;
  },
): Promise<void> {
  const room = Math.floor(WORDS_BYTES / entries.length);
  for (const entry of entries) {
    const what = whatOf(entry);
    try {
      const outcome = await work(entry, what);
      told(entry, { ...outcome, left: linesWithin(outcome.left, room) });
    } catch (error) {
      const reason = failureOf(entry.step, error)?.message;
      if (reason === undefined) throw error;
      told(entry, { left: linesWithin([`${what}${failed}: ${reason}`], room) });
    }
  }
}

function whatOf(entry: UndoEntry): string {
  return 'name' in entry ? `${entry.kind} ${entry.name}` : `accounts of ${entry.connection.name}`;
}
