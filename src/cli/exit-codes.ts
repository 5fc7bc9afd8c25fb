/** How the program ends: a number for scripts, listed in `audience --help` and docs/cli.md. */
import { CommanderError } from 'commander';
import {
  EndedBeforeError,
  InvalidRequestError,
  NoAnswerError,
  NotFoundError,
  ProvisioningEndedError,
  RefusedError,
  RequestDiffersError,
} from '../client/errors.ts';
import { TemporalSettingsError, TemporalUnreachableError } from '../temporal/connection.ts';
import { WorkerSettingsError } from '../worker-settings.ts';

/** Exit codes with their meaning. */
export const EXIT = {
  ok: 0,
  /** Something unexpected; the message says what. */
  error: 1,
  /** The request, the command line or the settings are wrong. */
  badRequest: 2,
  /** There is no such provisioning, or it has ended. */
  notFound: 3,
  /** The provisioning ended without a result, or one of this name did before; or an undo left something. */
  failed: 4,
  /** Temporal cannot be reached. */
  unreachable: 5,
  /** One of this name runs, or has completed, with another request. */
  conflict: 6,
  /** It still runs. */
  notYet: 7,
  /** The provisioning does not take this now; the message says why. */
  refused: 8,
  /** No worker has answered in time. */
  noAnswer: 9,
  /** Ctrl-C. */
  interrupted: 130,
} as const;

/** One of {@link EXIT}. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What an error means for whoever called the program. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.badRequest;
  if (error instanceof InvalidRequestError || error instanceof WorkerSettingsError) return EXIT.badRequest;
  if (error instanceof TemporalSettingsError) return EXIT.badRequest;
  if (error instanceof NotFoundError) return EXIT.notFound;
  if (error instanceof ProvisioningEndedError || error instanceof EndedBeforeError) return EXIT.failed;
  if (error instanceof TemporalUnreachableError) return EXIT.unreachable;
  if (error instanceof RequestDiffersError) return EXIT.conflict;
  if (error instanceof RefusedError) return EXIT.refused;
  if (error instanceof NoAnswerError) return EXIT.noAnswer;
  return EXIT.error;
}
