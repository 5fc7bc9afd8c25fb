/** Executions: single runs of a sync. */
import { filledText, list, number, object, text } from './answer-shape.ts';

/**
 * An execution. `status` is one of `created`, `scheduled`, `queued`, `waiting`, `running`, `processing`, `canceling`,
 * `canceled`, `completed`, `failed`, `interrupted`; a text, so that one that Polytomic adds breaks nobody's watching.
 */
export interface Execution {
  id: string;
  status: string;
  created_at?: string;
  started_at?: string;
  completed_at?: string;
  counts?: ExecutionCounts;
  errors?: string[];
}

/** What an execution did, in rows. */
export interface ExecutionCounts {
  total?: number;
  insert?: number;
  update?: number;
  upserts?: number;
  delete?: number;
  error?: number;
  warnings?: number;
}

/** What a sync is doing. */
export interface SyncStatus {
  /** Absent while none is running. */
  current_execution?: Execution;
  last_execution?: Execution;
  /** RFC 3339. */
  next_execution_time?: string;
}

const counts = object<ExecutionCounts>(
  {},
  { total: number, insert: number, update: number, upserts: number, delete: number, error: number, warnings: number },
);

/** Decodes an {@link Execution}. */
export const execution = object<Execution>(
  { id: filledText, status: filledText },
  { created_at: text, started_at: text, completed_at: text, counts, errors: list(text) },
);

/** Decodes a {@link SyncStatus}. */
export const syncStatus = object<SyncStatus>(
  {},
  { current_execution: execution, last_execution: execution, next_execution_time: text },
);
