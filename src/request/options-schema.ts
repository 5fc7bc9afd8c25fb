/** The options of a request: how long it waits for people, and what it does when something fails or is done. */
import * as z from 'zod';
import { duration, durationMs } from './duration.ts';
import { expected } from './faults.ts';
import type { SecretReference } from './secret-reference.ts';
import { noticeKey } from './secret-schema.ts';
import { choice, keyed, oneOf, webAddress } from './strict-shapes.ts';

const ON_TIMEOUT = ['block', 'fail'] as const;
const ON_BLOCKED = ['wait', 'fail'] as const;
const ON_FAILURE = ['keep', 'undo'] as const;
const FIRST_RUN = ['none', 'start', 'await'] as const;

/** How long a sign-in is waited for where the request does not say, and how long its link is taken for good. */
const DEFAULT = { timeout: '7d', linkTtl: '1h' };

const OR_OFF = 'the word off, or ';

const poll = choice(
  // Other readers than ours, those of YAML 1.1, take the bare word for false.
  ({ input }) => expected(`${OR_OFF}a length of time`, input, input === false ? '; write off in quotes' : ''),
  [z.literal('off'), duration('How often Polytomic is asked.', OR_OFF)],
  (value) => (typeof value === 'boolean' ? undefined : 1),
).describe(
  'How often Polytomic is asked whether the sign-in is there, or off: only when somebody says so. Default: off.',
);

const signIn = keyed('options of the sign-in', {
  timeout: duration('How long the LinkedIn sign-in is waited for, e.g. 4h. Default: 7d.').exactOptional(),
  onTimeout: oneOf(
    ON_TIMEOUT,
    'What happens when nobody has signed in by then: the step blocks, until a person tries it again, or the run fails. Default: block.',
  ).exactOptional(),
  linkTtl: duration(
    'How old a sign-in link may be before whoever asks for it is given a fresh one. Default: 1h.',
  ).exactOptional(),
  remindEvery: duration(
    'How often a reminder is sent while the sign-in is waited for; not longer than the timeout, and needs notify. Default: no reminders.',
  ).exactOptional(),
  poll: poll.exactOptional(),
}).describe('How the LinkedIn sign-in is waited for.');

const notify = keyed('where to send notices', {
  url: webAddress('Where notices are sent by POST: sign-in needed, reminder, choice needed, blocked, done, failed.'),
  secret: noticeKey('Key that notices are signed with (HMAC-SHA256): a reference, never the key itself.'),
}).describe('Where to send notices of what the run needs or has come to. Default: nowhere.');

/** The schema of the options. It has no defaults, so that a parsed request is what was written: {@link settingsOf} has. */
export const optionsSchema = keyed('options', {
  signIn: signIn.exactOptional(),
  onBlocked: oneOf(
    ON_BLOCKED,
    'What happens when a step fails for good: the run waits for a person to mend it, or fails. Default: wait.',
  ).exactOptional(),
  onFailure: oneOf(
    ON_FAILURE,
    'What happens to what the run made when it fails or is cancelled: it is kept, or undone. Default: keep.',
  ).exactOptional(),
  firstRun: oneOf(
    FIRST_RUN,
    'Whether the first execution of each sync is started, or started and followed to its end. Default: none.',
  ).exactOptional(),
  notify: notify.exactOptional(),
}).describe('What has a good default: waiting for people, what happens on failure, the first execution, notices.');

/** The options, as they are written. */
export type RequestOptions = z.infer<typeof optionsSchema>;

/** The options of a request with all defaults filled in. Lengths of time are in ms. */
export interface RunSettings {
  signIn: {
    timeoutMs: number;
    onTimeout: (typeof ON_TIMEOUT)[number];
    linkTtlMs: number;
    /** Absent: no reminders. */
    remindEveryMs?: number;
    /** Absent: Polytomic is asked only when somebody says that the sign-in is done. */
    pollMs?: number;
  };
  onBlocked: (typeof ON_BLOCKED)[number];
  onFailure: (typeof ON_FAILURE)[number];
  firstRun: (typeof FIRST_RUN)[number];
  /** Absent: no notices. */
  notify?: { url: string; secret: SecretReference };
}

/**
 * The settings that a checked request asks for. Replays of old runs come through here too: another default, or another
 * meaning of what is written, changes what they do.
 */
export function settingsOf({ options = {} }: { options?: RequestOptions }): RunSettings {
  const { signIn = {}, onBlocked = 'wait', onFailure = 'keep', firstRun = 'none', notify } = options;
  const { timeout = DEFAULT.timeout, onTimeout = 'block', linkTtl = DEFAULT.linkTtl, remindEvery, poll } = signIn;
  return {
    signIn: {
      timeoutMs: msOf(timeout),
      onTimeout,
      linkTtlMs: msOf(linkTtl),
      ...(remindEvery === undefined ? {} : { remindEveryMs: msOf(remindEvery) }),
      ...(poll === undefined || poll === 'off' ? {} : { pollMs: msOf(poll) }),
    },
    onBlocked,
    onFailure,
    firstRun,
    ...(notify === undefined ? {} : { notify }),
  };
}

/** How long the sign-in is waited for, in ms, by what was written under `timeout`; `undefined` where that is faulty. */
export function signInTimeoutMs(written: unknown): number | undefined {
  return durationMs(written === undefined ? DEFAULT.timeout : written);
}

function msOf(written: string): number {
  const ms = durationMs(written);
  if (ms === undefined) throw new RangeError('settings of a request that was not checked');
  return ms;
}
