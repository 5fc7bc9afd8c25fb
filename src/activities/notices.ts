/** Tells the requester's own service what happens to a run. */
import { cancellationSignal } from '@temporalio/activity';
import { deliver } from '../notices/deliver.ts';
import type { Notice, NoticeTarget } from '../notices/notice.ts';
import { retryAfterMs } from '../polytomic/retry-after.ts';
import { attempt } from './attempt.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { ActivityProblem, retryDelay } from './failures.ts';

/** How long a delivery may take, in ms. */
const TIMEOUT_MS = 10_000;

/** Makes the activities of this file. */
export function noticeActivities({ resolveNoticeKey, noticeNetworks }: ActivityDependencies) {
  return {
    /**
     * Posts one notice to its target, signed. It may arrive more than once, always under the same id: an answer can be lost.
     * What the target answers counts by its status alone.
     */
    async sendNotice({ notice, target }: { notice: Notice; target: NoticeTarget }): Promise<void> {
      // Of the target only the host is named: paths of webhooks are often secrets.
      const where = URL.canParse(target.url) ? new URL(target.url).host : 'its target';
      return attempt(`sending notice ${notice.event} to ${where}`, async () => {
        const result = await deliver({
          id: notice.id,
          url: target.url,
          body: JSON.stringify(notice),
          secret: await resolveNoticeKey(target.secret),
          allowed: noticeNetworks,
          timeoutMs: TIMEOUT_MS,
          signal: cancellationSignal(),
        });
        if (result.kind === 'refused') throw new ActivityProblem('NoticeRefused', `${result.why}.`);
        if (result.kind === 'none') throw new ActivityProblem('NoAnswer', `${result.why}. Trying again.`);
        const { status, retryAfter } = result;
        if (status >= 200 && status < 300) return;
        const said = `it answered ${status}`;
        const wait = retryDelay(retryAfterMs(retryAfter));
        if (status === 429) throw new ActivityProblem('RateLimited', `${said}. Trying again.`, wait);
        if (status === 408 || status === 425 || status >= 500)
          throw new ActivityProblem('Unavailable', `${said}. Trying again.`, wait);
        if (status < 400) throw new ActivityProblem('NoticeRefused', `${said}, a redirect, which is not followed.`);
        throw new ActivityProblem('NoticeRefused', `${said}. Check the target and its secret.`);
      });
    },
  };
}
