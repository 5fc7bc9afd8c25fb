/** All activities of a provisioning run, one for each step of the walkthrough. */
import { adAccountActivities } from './ad-accounts.ts';
import { audienceActivities } from './audiences.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { executionActivities } from './executions.ts';
import { linkedInConnectionActivities } from './linkedin-connection.ts';
import { modelActivities } from './models.ts';
import { noticeActivities } from './notices.ts';
import { signInActivities } from './sign-in.ts';
import { snowflakeConnectionActivities } from './snowflake-connection.ts';
import { syncActivities } from './syncs.ts';
import { undoActivities } from './undo.ts';

/** Makes the activities that a worker registers. */
export function createActivities(dependencies: ActivityDependencies) {
  return {
    searchAttributesRegistered: dependencies.searchAttributesRegistered,
    ...snowflakeConnectionActivities(dependencies),
    ...modelActivities(dependencies),
    ...linkedInConnectionActivities(dependencies),
    ...signInActivities(dependencies),
    ...adAccountActivities(dependencies),
    ...audienceActivities(dependencies),
    ...syncActivities(dependencies),
    ...executionActivities(dependencies),
    ...undoActivities(dependencies),
    ...noticeActivities(dependencies),
  };
}

/** What the workflow calls. */
export type Activities = ReturnType<typeof createActivities>;
