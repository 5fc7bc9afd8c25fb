/** What the sandbox keeps. Each document is replaced as a whole when it changes. Times are RFC 3339. */
import type { JsonObject } from './body.ts';
import type { FaultPlan } from './fault-plan.ts';
import type { LinkedInUser } from './linkedin.ts';
import type { Sites } from './planned-faults.ts';

interface Document {
  id: string;
  /** Orders documents by when they were made. */
  sequence: number;
}

/** A sign-in that was begun and that a person has not decided yet. */
export interface PendingSignIn {
  /** The unguessable part of the link. Only the newest link of a connection works, and only once. */
  state: string;
  /** Where the person is sent afterwards. */
  redirect_url?: string;
}

export interface ConnectionDocument extends Document {
  name: string;
  type: 'snowflake' | 'linkedinads';
  /** What was sent, less the secrets. */
  configuration: JsonObject;
  /** Kept apart, so that no answer can show them by accident. */
  secrets: Record<string, string>;
  signed_in: boolean;
  /** As whom; the usual user where it does not say. */
  user?: LinkedInUser;
  sign_in?: PendingSignIn;
  redirect_url?: string;
  healthcheck_interval?: string;
  policies?: string[];
  /** Until then, what needs the connection's schema is answered "cache refresh in progress". */
  cache_ready_at?: string;
  created_at: string;
  updated_at: string;
}

/** A column of a model. */
export interface ModelField {
  id: string;
  name: string;
  label: string;
  type: string;
  remote_type?: string;
  example?: unknown;
  unique?: boolean;
  user_added: boolean;
}

export interface ModelDocument extends Document {
  name: string;
  connection_id: string;
  configuration: { query: string };
  fields: ModelField[];
  /** What else was sent, echoed as it came: identifier, tracking_columns, relations, labels, policies. */
  echoed: JsonObject;
  created_at: string;
  updated_at: string;
}

/** A model that is being made in the background. */
export interface JobDocument extends Document {
  status: 'created' | 'running' | 'done' | 'failed';
  /** The body of the call. */
  request: JsonObject;
  /** Id of the model that was made. */
  model_id?: string;
  error?: string;
}

export type AudienceType = 'company_audience' | 'user_audience';

/** An audience in a LinkedIn ad account. It belongs to the account: every connection with that account sees it. */
export interface AudienceDocument extends Document {
  account: string;
  type: AudienceType;
  name: string;
}

/** Who is in an audience, kept apart because it is large. Has the id of the audience. Each member: field id to value. */
export interface MembersDocument extends Document {
  members: Array<Record<string, string>>;
}

export type SyncMode = 'create' | 'update' | 'updateOrCreate' | 'replace' | 'append' | 'remove' | 'snapshot';

/** One field of a sync, resolved. */
export interface Mapping {
  /** Id of the audience's field. */
  target: string;
  /** Name of the model's column; none when the value is given. */
  column?: string;
  /** The same value for every row; goes before the column's. */
  override?: string;
}

/** By what a row and a member are the same. */
export interface IdentityMapping {
  target: string;
  column: string;
  function: 'Equality' | 'DomainMatch' | 'HostnameMatch';
}

export interface SyncDocument extends Document {
  /** What was sent, as it was sent, for the answers; with `target.create` replaced by the object that was made. */
  echoed: JsonObject;
  name: string;
  mode: SyncMode;
  active: boolean;
  sync_all_records: boolean;
  /** Whether it runs by itself when it is made or activated. */
  continuous: boolean;
  model_id: string;
  mappings: Mapping[];
  identity?: IdentityMapping;
  target: { connection_id: string; object: string };
  created_at: string;
  updated_at: string;
}

export type ExecutionStatus =
  | 'created'
  | 'queued'
  | 'running'
  | 'processing'
  | 'canceling'
  | 'canceled'
  | 'completed'
  | 'failed';

/** Numbers of rows. `total` is what the model returned. */
export interface ExecutionCounts {
  total: number;
  insert: number;
  update: number;
  upserts: number;
  delete: number;
  error: number;
  warnings: number;
}

export interface ExecutionDocument extends Document {
  sync_id: string;
  /** Whether a call asked for it, or the sync runs by itself. */
  cause: 'call' | 'schedule';
  status: ExecutionStatus;
  /** Only count what would be done. */
  test: boolean;
  /** Only rows with these identity values. */
  identities?: string[];
  created_at: string;
  started_at?: string;
  completed_at?: string;
  counts?: ExecutionCounts;
  errors?: string[];
}

/** The first answer to an idempotency key, which is the id. */
export interface AnswerDocument extends Document {
  status: number;
  body: unknown;
  /** Milliseconds since the epoch. */
  answered_at: number;
}

/** Something that was made or deleted. The journal has a sequence of its own, 1, 2, 3 and so on. */
export interface EffectDocument extends Document {
  at: string;
  effect: 'created' | 'deleted';
  kind: 'connection' | 'model' | 'sync' | 'audience' | 'execution';
  /** Id of what was made or deleted. */
  of: string;
  /** Its name; that of its sync, for an execution. */
  name: string;
  /** Ids of what it belongs to, by what they are. */
  parent?: Record<string, string>;
  /** Of an execution. */
  cause?: ExecutionDocument['cause'];
}

/** The fault plan; there is one at most. */
export interface FaultPlanDocument extends Document {
  plan: FaultPlan;
}

/** How many calls an endpoint got about one thing. The id says both. */
export interface CallCountDocument extends Document {
  count: number;
}

/** How often the faults of the plan could have struck an endpoint, which is the id, and did. */
export interface FaultSitesDocument extends Document {
  sites: Sites;
}

/** Every kind of document, by the name under which the store keeps it. */
export interface Documents {
  connection: ConnectionDocument;
  model: ModelDocument;
  job: JobDocument;
  audience: AudienceDocument;
  members: MembersDocument;
  sync: SyncDocument;
  execution: ExecutionDocument;
  answer: AnswerDocument;
  effect: EffectDocument;
  'fault-plan': FaultPlanDocument;
  'call-count': CallCountDocument;
  'fault-sites': FaultSitesDocument;
}

export type Kind = keyof Documents;
