/** What a run tells a service of its requester's. Data only: it crosses Temporal. */
import type { SecretReference } from '../request/secret-reference.ts';
import type { Question, StepFailure } from '../workflows/messages.ts';

/** What notices are about. */
export const NOTICE_EVENTS = [
  'sign_in_needed',
  'sign_in_reminder',
  'choice_needed',
  'blocked',
  'done',
  'failed',
  'cancelled',
] as const;

/** What a notice is about. */
export type NoticeEvent = (typeof NOTICE_EVENTS)[number];

/** One notice, as it is posted. */
export interface Notice {
  /** The same over all deliveries of one notice, so that a receiver can drop what it has had already. */
  id: string;
  event: NoticeEvent;
  /** When it happened, RFC 3339. */
  at: string;
  /** Of the provisioning. */
  name: string;
  workflowId: string;
  runId: string;
  requester?: string;
  /** Where to sign in; whoever has it can connect an account. */
  url?: string;
  /** The step that waits, or is blocked. */
  step?: string;
  question?: Question;
  failure?: StepFailure;
  /** What happened, in a sentence for people. */
  message?: string;
}

/** Where notices go, and with what they are signed. */
export interface NoticeTarget {
  url: string;
  secret: SecretReference;
}
