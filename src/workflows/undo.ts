/** Taking back what a run made, last first. Shared by a run that ends and by the workflow that cleans up after one. */

import { linesWithin, shorten, WORDS_BYTES } from '../request/schema.ts';
import { findingActivities, undoActivities } from './activity-proxies.ts';
import { failureOf } from './run.ts';
import { isOpen, type KeptOutcome, type UndoEntry, type UndoOutcome } from './undo-entries.ts';

/** Undoes every entry in reverse order. What cannot be undone is told, and stops nothing. Call it in a scope that cannot be cancelled. */
export async function undoAll(
  entries: readonly UndoEntry[],
  told: (entry: UndoEntry, outcome: UndoOutcome) => void,
): Promise<void> {
  const room = Math.floor(WORDS_BYTES / entries.length);
  for (const entry of entries.toReversed()) {
    const what = whatOf(entry);
    try {
      const outcome = await undoActivities.undoEntry.executeWithOptions({ summary: shorten(`Undo ${what}`, 100) }, [
        entry,
      ]);
      told(entry, { ...outcome, left: linesWithin(outcome.left, room) });
    } catch (error) {
      const reason = failureOf(entry.step, error)?.message;
      if (reason === undefined) throw error;
      told(entry, { left: linesWithin([`${what}: could not be undone: ${reason}`], room) });
    }
  }
}

/** Looks for what the entries of unknown outcome have made. What cannot be looked for is told. Call it as {@link undoAll}. */
export async function findAllKept(
  entries: readonly UndoEntry[],
  told: (entry: UndoEntry, outcome: KeptOutcome) => void,
): Promise<void> {
  const open = entries.filter(isOpen);
  const room = Math.floor(WORDS_BYTES / open.length);
  for (const entry of open) {
    const what = whatOf(entry);
    try {
      const outcome = await findingActivities.findKept.executeWithOptions(
        { summary: shorten(`Look for ${what}`, 100) },
        [entry],
      );
      told(entry, { ...outcome, left: linesWithin(outcome.left, room) });
    } catch (error) {
      const reason = failureOf(entry.step, error)?.message;
      if (reason === undefined) throw error;
      told(entry, { left: linesWithin([`${what} may have been made, and could not be looked for: ${reason}`], room) });
    }
  }
}

function whatOf(entry: UndoEntry): string {
  return 'name' in entry ? `${entry.kind} ${entry.name}` : `accounts of ${entry.connection.name}`;
}
