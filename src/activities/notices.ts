/** Tells the requester's own service what happens to a run. */
import { cancellationSignal } from '@temporalio/activity';
import { deliver } from '../notices/deliver.ts';
import type { Notice, NoticeTarget } from '../notices/notice.ts';
import { retryAfterMs } from '../polytomic/retry-after.ts';
import { attempt } from './attempt.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { failure, withJitter } from './failures.ts';

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
      const doing = `Sending notice ${notice.event} to ${where}`;
      return attempt(doing, async () => {
        const result = await deliver({
          id: notice.id,
          url: target.url,
          body: JSON.stringify(notice),
          secret: await resolveNoticeKey(target.secret),
          allowed: noticeNetworks,
          timeoutMs: TIMEOUT_MS,
          signal: cancellationSignal(),
        });
        if (result.kind === 'refused') throw failure('NoticeRefused', `${doing}: ${result.why}.`);
        if (result.kind === 'none') throw failure('NoAnswer', `${doing}: ${result.why}. Trying again.`);
        const { status, retryAfter } = result;
        if (status >= 200 && status < 300) return;
        const said = `${doing}: it answered ${status}`;
        const wait = retryAfterMs(retryAfter);
        const again = wait === undefined ? {} : { nextRetryDelayMs: withJitter(wait) };
        if (status === 429) throw failure('RateLimited', `${said}. Trying again.`, again);
        if (status === 408 || status === 425 || status >= 500)
          throw failure('Unavailable', `${said}. Trying again.`, again);
        if (status < 400) throw failure('NoticeRefused', `${said}, a redirect, which is not followed.`);
        throw failure('NoticeRefused', `${said}. Check the target and its secret.`);
      });
    },
  };
}
