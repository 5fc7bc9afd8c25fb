/** What the client library throws besides Temporal's own errors. One class a meaning; each message says what to do next. */
import type { Fault } from '../request/schema.ts';
import type { KindOfResource, StepFailure } from '../workflows/messages.ts';
import type { ExecutionState } from './report.ts';

/** The request is not valid; nothing was started. */
export class InvalidRequestError extends Error {
  override readonly name = 'InvalidRequestError';
  readonly faults: Fault[];

  constructor(faults: Fault[]) {
    const lines = faults.map(({ path, message }) => `- ${path.join('.') || '(request)'}: ${message}`);
    super(`The request is not valid:\n${lines.join('\n')}`);
    this.faults = faults;
  }
}

/** There is no provisioning of this name; or where one must be running, none that does. */
export class NotFoundError extends Error {
  override readonly name = 'NotFoundError';

  constructor(name: string, namespace: string, ended?: ExecutionState) {
    super(
      ended === undefined
        ? `There is no provisioning “${name}” in namespace ${namespace}. \`audience list\` shows those there are.`
        : `Provisioning “${name}” ${endedText(ended)} already. \`audience result ${name}\` tells what came of it.`,
    );
  }
}

/** A provisioning of this name runs, or has completed, with another request. Nothing was started. */
export class RequestDiffersError extends Error {
  override readonly name = 'RequestDiffersError';
  /** What differs, a line each: the earlier request's value, then this one's. */
  readonly difference: string[];

  constructor(name: string, state: ExecutionState, difference: string[]) {
    const how = state === 'running' ? 'is running' : 'has completed';
    super(
      `Provisioning “${name}” ${how} with another request. Give this one another name. What differs (there → here):\n${difference.map((line) => `- ${line}`).join('\n')}`,
    );
    this.difference = difference;
  }
}

/** A provisioning of this name ended without completing. Nothing was started: it may have left things in Polytomic. */
export class EndedBeforeError extends Error {
  override readonly name = 'EndedBeforeError';
  readonly state: ExecutionState;
  /** What it made in Polytomic before it ended; `undefined` where nobody can tell any more. */
  readonly leftBehind: KindOfResource[] | undefined;

  constructor(name: string, state: ExecutionState, leftBehind: KindOfResource[] | undefined) {
    super(
      `Provisioning “${name}” was started before and ${endedText(state)}. ${leftBehindText(leftBehind)} ` +
        'To start it again say `again` (`audience start --again`); what has a unique name then needs `use` or `orUse` in the request. `audience undo` deletes what it left.',
    );
    this.state = state;
    this.leftBehind = leftBehind;
  }
}

/** The provisioning ended without a result. */
export class ProvisioningEndedError extends Error {
  override readonly name = 'ProvisioningEndedError';
  readonly state: ExecutionState;
  /** The steps that failed; empty if it was cancelled, terminated or refused its request. */
  readonly failures: StepFailure[];
  readonly leftBehind: KindOfResource[] | undefined;

  constructor(
    name: string,
    state: ExecutionState,
    ending: { reason: string; failures: StepFailure[]; leftBehind: KindOfResource[] | undefined },
  ) {
    const { reason, leftBehind } = ending;
    // A run that failed says itself what it leaves.
    const left = state === 'failed' ? '' : ` ${leftBehindText(leftBehind)}`;
    const undo = leftBehind?.length ? ` \`audience undo ${name}\` deletes what it left.` : '';
    super(`Provisioning “${name}” ${endedText(state)}. ${sentence(reason)}${left}${undo}`);
    this.state = state;
    this.failures = ending.failures;
    this.leftBehind = ending.leftBehind;
  }
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function endedText(state: ExecutionState): string {
  const said: Partial<Record<ExecutionState, string>> = {
    failed: 'has failed',
    cancelled: 'was cancelled',
    terminated: 'was terminated',
    timed_out: 'timed out',
  };
  return said[state] ?? `is ${state}`;
}

/** The run, or what undoes one, does not take this now. The message says why, and what is allowed. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  /** E.g. `NotNow`, `NotAllowed`, `Ambiguous`, `InvalidAnswer`, `InvalidChange`. */
  readonly type: string;
  /** What is wrong with a change, by paths from the top of the request; empty where something else was refused. */
  readonly faults: Fault[];

  constructor(message: string, { type = 'NotNow', faults = [] }: { type?: string; faults?: Fault[] } = {}) {
    super(message);
    this.type = type;
    this.faults = faults;
  }
}

/** No worker has answered in time. Whether the run has taken what was sent is not known; it is safe to send it again. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';

  constructor(name: string, taskQueue: string) {
    super(
      `No worker on task queue ${taskQueue} has answered for “${name}”. Start one (\`audience worker\`), look at \`audience status ${name}\`, then try again.`,
    );
  }
}

/** What a run left behind, as a sentence. */
function leftBehindText(resources: KindOfResource[] | undefined): string {
  if (resources === undefined)
    return 'What it left in Polytomic is not known: look at its history in the Temporal Web UI.';
  if (resources.length === 0) return 'It left nothing in Polytomic.';
  return `It left in Polytomic: ${resources.map(({ kind, name, id }) => `${kind} “${name}” (${id})`).join(', ')}.`;
}
