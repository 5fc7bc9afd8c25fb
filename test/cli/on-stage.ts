/** Commands of people who use the task queue of a stage. */
import type { Stage } from '../support/provisioning.ts';
import { audience, begin, type Given } from './in-memory.ts';

/** {@link audience} and {@link begin} with the stage's task queue. */
export function commandsOf({ worker: { taskQueue } }: Stage): { audience: typeof audience; begin: typeof begin } {
  const own = ({ env = {}, ...given }: Given): Given => ({ ...given, env: { AUDIENCE_TASK_QUEUE: taskQueue, ...env } });
  return {
    audience: (args, given = {}) => audience(args, own(given)),
    begin: (args, given = {}) => begin(args, own(given)),
  };
}
