/** What was asked for, as Markdown: the details that the Temporal Web UI shows beside the run's own. */
import type { ProvisioningRequest, SyncRequest } from '../request/schema.ts';
import { escapeMarkdown, table } from '../workflows/markdown.ts';

/** The syncs of a request, each with where its records come from and go to. */
export function requestDetails({ syncs }: ProvisioningRequest): string {
  const rows = syncs.map(({ model, audience, mode, schedule }) => [
    escapeMarkdown(model),
    escapeMarkdown(audienceText(audience)),
    mode,
    schedule.frequency,
  ]);
  const { markdown, shown } = table(['Model', 'Audience', 'Mode', 'Schedule'], rows);
  const rest = rows.length - shown;
  return rest === 0 ? markdown : `${markdown}\n\nand ${rest} more`;
}

function audienceText(audience: SyncRequest['audience']): string {
  if (audience === 'ask') return '(a person chooses)';
  return 'existing' in audience ? audience.existing : `${audience.create.name} (new)`;
}
