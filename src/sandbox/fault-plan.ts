/**
 * A fault plan: which calls are struck by which fault, by seed and share. Whether the n-th call of an endpoint about a thing
 * is struck follows from the seed, the endpoint, the fault, the thing's name and n alone, so that neither the order in which
 * things are done nor their random ids change it. Pure; `planned-faults.ts` counts.
 */
import { createHash } from 'node:crypto';
import { isObject, type JsonObject } from './body.ts';
import { unprocessable } from './failure.ts';
import type { Effect } from './faults.ts';

/** Every kind of fault, in the order in which they are drawn: of all but `latency`, the first that is drawn strikes alone. */
export const PLANNED_FAULTS = [
  'latency',
  '429',
  'drop before',
  'html before',
  '500 before',
  '503 before',
  '500 partly',
  '500 after',
  '503 after',
  'drop after',
  'html after',
  'truncated',
  'late',
  'slow body',
] as const;

export type PlannedFault = (typeof PLANNED_FAULTS)[number];

export interface FaultPlan {
  seed: string;
  /** With what probability each fault strikes a call, 0 to 1. */
  share: number;
  faults: readonly PlannedFault[];
  /** What is different for an endpoint: its method and path, as in `POST /api/models`. */
  endpoints: Readonly<Record<string, { share?: number; faults?: readonly PlannedFault[] }>>;
  /** How long `latency` holds a call up, and how long a `slow body` takes, in ms. */
  latencyMs: number;
  /** How long an answer is held back that is `late`, in ms. */
  lateMs: number;
}

/** A call, as far as a plan looks at it. */
export interface PlannedCall {
  /** Method and path in fastify's notation, e.g. `GET /api/models/:id`. */
  endpoint: string;
  /** Name of the thing that the call is about; empty when it is about none. */
  subject: string;
  /** Whether the call's idempotency key has been answered already. */
  replay: boolean;
  /** Whether the call is to make an audience together with a sync. */
  makesAudience: boolean;
}

/** Longer than our client's 15 s. */
const LATE_MS = 16_000;

/** The faults that can strike an endpoint under this plan, in the order in which they are drawn. */
export function faultsOf(plan: FaultPlan, endpoint: string): PlannedFault[] {
  const chosen = plan.endpoints[endpoint]?.faults ?? plan.faults;
  return PLANNED_FAULTS.filter((fault) => chosen.includes(fault) && fits(fault, endpoint));
}

/** The same, for one call. */
export function possibleFaults(plan: FaultPlan, { endpoint, replay, makesAudience }: PlannedCall): PlannedFault[] {
  return faultsOf(plan, endpoint).filter(
    (fault) =>
      // The key's first answer stands, so what would be Polytomic's own answer waits for a call that is carried out.
      !(replay && /^50/.test(fault)) && (makesAudience || fault !== '500 partly'),
  );
}

/** The faults that strike the `n`-th call of this endpoint about this thing: `latency`, another, both or none. */
export function strikes(plan: FaultPlan, call: PlannedCall, n: number): PlannedFault[] {
  const share = plan.endpoints[call.endpoint]?.share ?? plan.share;
  const drawn = possibleFaults(plan, call).filter((fault) => chance(plan, call, n, fault) < share);
  const failing = drawn.find((fault) => fault !== 'latency');
  return [...drawn.filter((fault) => fault === 'latency'), ...(failing === undefined ? [] : [failing])];
}

/** What these faults do to the `n`-th call. */
export function effectOf(
  plan: FaultPlan,
  call: PlannedCall,
  n: number,
  struck: readonly PlannedFault[],
): Effect | undefined {
  if (struck.length === 0) return undefined;
  const effect: Effect = {
    latencyMs: struck.includes('latency') ? plan.latencyMs : 0,
    message: `the sandbox's fault plan: ${struck.join(', ')}`,
    drop: false,
    when: 'before',
    cacheNotReadyMs: 0,
  };
  const failing = struck.find((fault) => fault !== 'latency');
  switch (failing) {
    case undefined:
      return effect;
    case '429':
      return { ...effect, status: 429, retryAfter: '1' };
    case 'truncated':
      return { ...effect, transit: { cut: chance(plan, call, n, 'flavour') < 0.5 ? 'complete' : 'broken' } };
    case 'late':
      return { ...effect, transit: { lateMs: plan.lateMs } };
    case 'slow body':
      return { ...effect, transit: { slowMs: plan.latencyMs } };
    default: {
      const [what, when] = failing.split(' ') as ['500' | '503' | 'drop' | 'html', Effect['when']];
      if (what === 'drop') return { ...effect, drop: true, when };
      if (what === 'html') return { ...effect, transit: { page: true }, when };
      return { ...effect, status: Number(what), when };
    }
  }
}

function fits(fault: PlannedFault, endpoint: string): boolean {
  if (fault === '500 partly') return endpoint === 'POST /api/syncs';
  // Those answer without a body.
  return !(endpoint.startsWith('DELETE ') && (fault === 'truncated' || fault === 'slow body'));
}

/** From 0 up to 1, spread evenly. */
function chance({ seed }: FaultPlan, { endpoint, subject }: PlannedCall, n: number, what: string): number {
  const hash = createHash('sha256').update(JSON.stringify([seed, endpoint, what, subject, n]));
  return hash.digest().readUIntBE(0, 6) / 2 ** 48;
}

/** Reads the body of `PUT /_sandbox/fault-plan`. Throws a 422 that says all that is wrong with it. */
export function readFaultPlan(body: JsonObject, endpoints: readonly string[]): FaultPlan {
  const problems: string[] = [];
  onlyKnown(body, ['seed', 'share', 'faults', 'endpoints', 'latencyMs', 'lateMs'], '', problems);
  const { seed, endpoints: sent = {} } = body;
  if (typeof seed !== 'string' || seed === '') problems.push('seed must be a text that is not empty');
  const share = readShare(body['share'], 'share', problems);
  const faults = readFaults(body['faults'], 'faults', problems);
  const latencyMs = readMs(body['latencyMs'], 'latencyMs', problems);
  const lateMs = readMs(body['lateMs'], 'lateMs', problems);
  if (!isObject(sent)) problems.push('endpoints must be an object, e.g. {"POST /api/models":{"share":0.2}}');
  const read = Object.entries(isObject(sent) ? sent : {}).map(([endpoint, change]) => {
    const path = `endpoints[${JSON.stringify(endpoint)}]`;
    if (!endpoints.includes(endpoint)) {
      problems.push(`${path} is no call of the sandbox: docs/sandbox.md lists them, e.g. "GET /api/models/:id"`);
    }
    if (!isObject(change)) {
      problems.push(`${path} must be an object with share, faults or both`);
      return [endpoint, {}] as const;
    }
    onlyKnown(change, ['share', 'faults'], `${path}.`, problems);
    const own = change['share'] === undefined ? undefined : readShare(change['share'], `${path}.share`, problems);
    const only = readFaults(change['faults'], `${path}.faults`, problems);
    for (const fault of only ?? []) {
      if (!fits(fault, endpoint)) problems.push(`${path}.faults: "${fault}" cannot strike there`);
    }
    return [
      endpoint,
      { ...(own === undefined ? {} : { share: own }), ...(only === undefined ? {} : { faults: only }) },
    ] as const;
  });
  if (problems.length > 0) throw unprocessable(problems.join('; '), { problems });
  return {
    seed: String(seed),
    share,
    faults: faults ?? PLANNED_FAULTS,
    endpoints: Object.fromEntries(read),
    latencyMs: latencyMs ?? 300,
    lateMs: lateMs ?? LATE_MS,
  };
}

function onlyKnown(body: JsonObject, known: readonly string[], path: string, problems: string[]): void {
  for (const name of Object.keys(body)) {
    if (!known.includes(name)) problems.push(`${path}${name} is unknown: there are ${known.join(', ')}`);
  }
}

function readShare(value: unknown, path: string, problems: string[]): number {
  if (typeof value === 'number' && value >= 0 && value <= 1) return value;
  problems.push(`${path} must be a number from 0 to 1`);
  return 0;
}

function readFaults(value: unknown, path: string, problems: string[]): PlannedFault[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) {
    problems.push(`${path} must be a list, e.g. ["500 after"]`);
    return undefined;
  }
  return value.filter((item: unknown): item is PlannedFault => {
    const known = PLANNED_FAULTS.some((fault) => fault === item);
    if (!known) problems.push(`${path}: ${JSON.stringify(item)} is none of ${PLANNED_FAULTS.join(', ')}`);
    return known;
  });
}

function readMs(value: unknown, path: string, problems: string[]): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 600_000) return value;
  problems.push(`${path} must be a whole number from 0 to 600000`);
  return undefined;
}
