/**
 * How large a request may be. Temporal refuses payloads over 2 MB, and a task that would carry one is retried for ever;
 * a request travels in several of them, so it stays far below.
 */
export const LIMITS = {
  /** A whole request as JSON, in bytes. */
  requestBytes: 256 * 1024,
  /** One `extra` as JSON, in bytes. */
  extraBytes: 16 * 1024,
  /** One query, in bytes of UTF-8. */
  queryBytes: 64 * 1024,
  /** How deep lists and maps may lie within each other. */
  depth: 32,
  /** Names of connections, models, syncs, audiences and accounts, in characters. */
  nameLength: 200,
  /** Columns, target fields and short texts, in characters. */
  textLength: 255,
  /** A filter logic, in characters. */
  logicLength: 2000,
  /** A redirect URL or connection parameters, in characters. */
  urlLength: 2000,
  /** A length of time: 365 days, in ms. */
  durationMs: 365 * 24 * 60 * 60 * 1000,
  models: 50,
  syncs: 200,
  /** Ad accounts of one request. */
  accounts: 100,
  /** Fields, override fields, filters or overrides of one sync, and columns or labels of one model: of each so many. */
  entries: 200,
  /** Faults that one refusal lists. A further one says how many more there are. */
  faults: 100,
  /** How much of a key is shown, in characters. */
  shownKey: 100,
} as const;
