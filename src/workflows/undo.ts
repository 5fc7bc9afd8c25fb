/** Taking back what a run made, last first. Shared by a run that ends and by the workflow that cleans up after one. */

import { linesWithin, shorten, WORDS_BYTES } from '../request/schema.ts';
import { undoActivities } from './activity-proxies.ts';
import { failureOf } from './run.ts';
import type { UndoEntry, UndoOutcome } from './undo-entries.ts';

/** Undoes every entry in reverse order. What cannot be undone is told, and stops nothing. Call it in a scope that cannot be cancelled. */
export async function undoAll(
  entries: readonly UndoEntry[],
  told: (entry: UndoEntry, outcome: UndoOutcome) => void,
): Promise<void> {
  const room = Math.floor(WORDS_BYTES / entries.length);
  for (const entry of entries.toReversed()) {
    const what = 'name' in entry ? `${entry.kind} ${entry.name}` : `accounts of ${entry.connection.name}`;
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
