/** Cleans up after a provisioning that ended without undoing anything itself, as after a `terminate`. */
import { ApplicationFailure, CancellationScope, setCurrentDetails, setHandler } from '@temporalio/workflow';
import { undoActivities } from './activity-proxies.ts';
import { asMany, escapeMarkdown, MAX_URL_BYTES, PARAGRAPH } from './markdown.ts';
import { type RunToUndo, type UndoResult, undoStatusQuery } from './messages.ts';
import { failureOf } from './run.ts';
import { undoAll } from './undo.ts';
import type { UndoEntry } from './undo-entries.ts';

/** Undoes what the run made, from that run's own history. Input: which run. */
export async function AudienceUndo(input: RunToUndo): Promise<UndoResult> {
  const result: UndoResult = { undone: [], left: [] };
  setHandler(undoStatusQuery, () => result, { description: 'What has been undone so far, and what is left.' });
  if (typeof input?.workflowId !== 'string' || typeof input?.runId !== 'string') {
    throw ApplicationFailure.nonRetryable(
      'The input must be {"workflowId": "audience-provisioning/…", "runId": "…"}: the run to undo.',
      'InvalidRequest',
    );
  }
  // Half an undo is worse than none: whoever really wants that can terminate it.
  return CancellationScope.nonCancellable(async () => {
    const entries = await entriesOf({ workflowId: input.workflowId, runId: input.runId });
    let gone = 0;
    const show = () => setCurrentDetails(details(gone, entries.length, result));
    show();
    await undoAll(entries, (_, { undone, left }) => {
      gone += 1;
      if (undone !== undefined) result.undone.push(undone);
      result.left.push(...left);
      show();
    });
    return result;
  });
}

/** What the run made or may have made; fails with why nobody may undo it, if that is so. */
async function entriesOf(run: RunToUndo): Promise<UndoEntry[]> {
  try {
    return await undoActivities.readUndoEntries.executeWithOptions({ summary: 'Read what the run made' }, [run]);
  } catch (error) {
    const failure = failureOf('undo', error);
    throw failure === undefined ? error : ApplicationFailure.nonRetryable(failure.message, failure.type);
  }
}

function details(gone: number, all: number, { undone, left }: UndoResult): string {
  const texts = [
    () => `**${gone < all ? 'Undoing' : 'Undone'}: ${gone} of ${all}**`,
    ...left.map((line) => () => `⚠ ${escapeMarkdown(line)}`),
    ...undone.map(
      (one) => () =>
        escapeMarkdown('id' in one ? `${one.kind} ${one.name} (${one.id})` : `ad accounts ${one.labels.join(', ')}`),
    ),
  ];
  return asMany(texts, MAX_URL_BYTES).join(PARAGRAPH);
}
