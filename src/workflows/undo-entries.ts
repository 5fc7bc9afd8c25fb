/**
 * What a run has made or may have made: an entry is on the list before its step runs, so that a step whose outcome is
 * unknown is undone too, or found and named where the run keeps what it made. It crosses Temporal.
 */
import type { AdAccount, Resource } from './messages.ts';

/** What every entry knows of the step that makes the thing. */
interface OfStep {
  /** The step's id. */
  step: string;
  /** When the run first tried it, RFC 3339: what is older was not made by it. */
  since: string;
  /** When the run ended, RFC 3339, where it could not undo anything itself: what is younger was not made by it. */
  until?: string;
  /** The step ended `Unclear` or `NotKept`: what is there may be the run's own or not, and nobody can tell. */
  unclear?: true;
  /** Ids of what a person told the step to use afterwards: of this name perhaps, and not the run's to delete. */
  uses?: string[];
}

/** A connection to delete: the one of this id, or, where the id never came back, the one of this name, if it is ours. */
export interface ConnectionEntry extends OfStep {
  kind: 'connection';
  name: string;
  /** Polytomic's type id, e.g. `snowflake`. */
  type: string;
  /** The request would take one of this name from others, so others may ask for it too, and evidence is not enough. */
  shared?: true;
  made?: Resource;
}

/** A model to delete: the one of this id, or else the one of this name and query on `connection`. */
export interface ModelEntry extends OfStep {
  kind: 'model';
  name: string;
  query: string;
  connection: Resource;
  made?: Resource;
}

/** A sync to delete, and an audience to report: there is no call that deletes one. */
export interface SyncEntry extends OfStep {
  kind: 'sync';
  name: string;
  /** The LinkedIn Ads connection. */
  connection: Resource;
  model: Resource;
  /** The audience that the sync was to create, if any; `account` is the ad account's value. */
  audience?: { name: string; account: string };
  made?: Resource;
  madeAudience?: Resource;
  /** The create was refused: there is no sync, but there may be an audience. */
  refused?: boolean;
}

/** Ad accounts to take back from a connection that existed before; of a connection that this run made, nothing is left. */
export interface AccountsEntry extends OfStep {
  kind: 'accounts';
  connection: Resource;
  /** What this run added, once it is known; never, if an earlier try of the step ended unclear. */
  added?: AdAccount[];
}

/** One thing to undo. */
export type UndoEntry = ConnectionEntry | ModelEntry | SyncEntry | AccountsEntry;

/** What came of undoing one entry. */
export interface UndoOutcome {
  /** What was deleted or taken back; absent where there was nothing. */
  undone?: { kind: 'connection' | 'model' | 'sync'; id: string; name: string } | { kind: 'accounts'; labels: string[] };
  /** What is still there, or may be, and why: a sentence each. */
  left: string[];
}

/** What came of looking for what an entry of unknown outcome made. */
export interface KeptOutcome {
  /** What is the run's own. */
  found?: { kind: 'connection' | 'model' | 'sync'; id: string; name: string };
  /** What is there besides, or may be, and why nobody can tell: a sentence each. */
  left: string[];
}

/** Whether nobody knows what came of it. */
export function isOpen(entry: UndoEntry): boolean {
  return entry.kind === 'accounts' ? entry.added === undefined : entry.made === undefined;
}
