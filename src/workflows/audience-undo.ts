/** Cleans up after a provisioning that ended without undoing anything itself, as after a `terminate`. */
import { ApplicationFailure, CancellationScope, setCurrentDetails, setHandler } from '@temporalio/workflow';
import { stepActivities } from './activity-proxies.ts';
import { escapeMarkdown } from './markdown.ts';
import { type RunToUndo, type UndoResult, undoStatusQuery } from './messages.ts';
import { undoAll } from './undo.ts';

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
  return CancellationScope.nonCancellable(async () => {
    const entries = await stepActivities.readUndoEntries.executeWithOptions({ summary: 'Read what the run made' }, [
      { workflowId: input.workflowId, runId: input.runId },
    ]);
    await undoAll(entries, (_, { undone, left }) => {
      if (undone !== undefined) result.undone.push(undone);
      result.left.push(...left);
      setCurrentDetails(
        [
          `**Undone: ${result.undone.length} of ${entries.length}**`,
          ...result.left.map((line) => `⚠ ${escapeMarkdown(line)}`),
        ].join('\n\n'),
      );
    });
    return result;
  });
}
