/** What the routes of the sandbox share. */
import type { ExecutionRunner } from './execution-runner.ts';
import type { FaultList } from './faults.ts';
import type { JobRunner } from './job-runner.ts';
import type { PlannedFaults } from './planned-faults.ts';
import type { QueryEngine } from './query-engine.ts';
import type { RequestLog } from './request-log.ts';
import type { Store } from './store.ts';

export interface Settings {
  /** The only key that is accepted. */
  apiKey: string;
  /** The password of Snowflake's `user`. */
  snowflakePassword: string;
  /** Where people's browsers reach the sandbox; absent, where its callers do. */
  publicUrl?: string;
  /** How long work on a request may take before it is a 500, in ms. Polytomic documents 10 s. */
  requestLimitMs: number;
  /** How long an execution stays in each status, in ms. */
  executionPaceMs: number;
  /** Items on a page of a list, at most. */
  pageSize: number;
  /** Takes one line of log, with no secret in it. */
  log: (line: string) => void;
}

export interface World {
  settings: Settings;
  store: Store;
  queries: QueryEngine;
  faults: FaultList;
  plannedFaults: PlannedFaults;
  requests: RequestLog;
  jobs: JobRunner;
  executions: ExecutionRunner;
  /** Aborted when the sandbox stops, so that nothing sleeps on. */
  stopping: AbortSignal;
}

/** The organization and user of every key; the organization is the walkthrough's. */
export const ORGANIZATION_ID = 'd63a93bd-dfbd-4431-9006-63eb445d30a4';
export const ORGANIZATION_NAME = 'Sandbox';
export const USER = { id: '5b3c1f5e-6a0f-4a3c-9d55-0f8f5b1f7a10', email: 'sandbox@example.com', role: 'admin' };

/** Who made and changed what the answers show. */
export const ACTOR = { id: USER.id, name: USER.email, type: 'user' };
