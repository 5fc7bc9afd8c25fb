/** What the activities are made of. */
import type { BlockList } from 'node:net';
import type { PolytomicClient } from '../polytomic/client.ts';
import type { SecretResolver } from '../request/secrets.ts';
import type { RunToUndo } from '../workflows/messages.ts';
import type { UndoEntry } from '../workflows/undo-entries.ts';

/** Given once, when a worker starts. */
export interface ActivityDependencies {
  polytomic: PolytomicClient;
  /** Reads the secret behind a reference, where the worker's configuration allows it. */
  resolveSecret: SecretResolver;
  /** Reads the key that a notice is signed with; no other secret. */
  resolveNoticeKey: SecretResolver;
  /** Networks that are not public and that notices may be sent to all the same. */
  noticeNetworks: BlockList;
  /** What a run of a provisioning has made or may have made, from its history; only of one that has ended without undoing. */
  undoEntriesOf: (run: RunToUndo) => Promise<UndoEntry[]>;
  /** Whether the Temporal namespace has our search attributes. */
  searchAttributesRegistered: () => Promise<boolean>;
}
