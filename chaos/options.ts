/** What the command line asks for. */
import { parseArgs } from 'node:util';

/** How patient the workers are: as they ship, or about four times less so. */
export type Patience = 'short' | 'shipped';

/** What is taken away from the workers, so that the run must find duplicates. */
export type Sabotage = (typeof SABOTAGES)[number];

/** `nothing`: for comparison, with the faults of both. */
const SABOTAGES = ['keys', 'look-up', 'nothing'] as const;

export interface Options {
  runs: number;
  seed: string;
  /** How many runs are under way at once. */
  atOnce: number;
  /** Share of each kind of fault, from 0 to 1. */
  share: number;
  patience: Patience;
  sabotage?: Sabotage;
  /** Whether anything is killed. */
  kills: boolean;
  /** Where the report goes as JSON. */
  report?: string;
  /** Whether the files are kept though all is well. */
  keep: boolean;
  help: boolean;
}

export const USAGE = `Usage: npm run chaos -- [option…]
  --runs N          how many provisionings; default: 50
  --seed TEXT       the same seed gives the same requests, people, kills and
                    faults; default: 1
  --at-once N       how many are under way at once; default: 150
  --share SHARE     of all calls that each kind of fault strikes; default: 0.05
  --patience WHOSE  short: workers with shorter pauses and time-outs (default);
                    shipped: as they ship
  --sabotage WHAT   keys, look-up: take that from the workers and lose answers,
                    so that duplicates must be found; nothing: only lose answers
  --no-kills        nothing is killed
  --report FILE     the report as JSON
  --keep            keep logs, histories and states though all is well
  --help            this`;

/** The command line cannot be understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Reads the command line, without the program's own name. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parsed(args);
  const patience = values.patience ?? 'short';
  if (patience !== 'short' && patience !== 'shipped') throw new UsageError('--patience is short or shipped');
  const sabotage = SABOTAGES.find((one) => one === values.sabotage);
  if (values.sabotage !== undefined && sabotage === undefined)
    throw new UsageError(`--sabotage is one of ${SABOTAGES.join(', ')}`);
  return {
    runs: whole('--runs', values.runs ?? '50', 9999),
    seed: values.seed ?? '1',
    atOnce: whole('--at-once', values['at-once'] ?? '150', 1000),
    share: shareOf(values.share ?? '0.05'),
    patience,
    ...(sabotage === undefined ? {} : { sabotage }),
    kills: values['no-kills'] !== true,
    ...(values.report === undefined ? {} : { report: values.report }),
    keep: values.keep === true,
    help: values.help === true,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        runs: { type: 'string' },
        seed: { type: 'string' },
        'at-once': { type: 'string' },
        share: { type: 'string' },
        patience: { type: 'string' },
        sabotage: { type: 'string' },
        'no-kills': { type: 'boolean' },
        report: { type: 'string' },
        keep: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function whole(name: string, text: string, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= most) return value;
  throw new UsageError(`${name} must be a whole number from 1 to ${most}`);
}

function shareOf(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 1) return value;
  throw new UsageError('--share must be a number from 0 to 1');
}
