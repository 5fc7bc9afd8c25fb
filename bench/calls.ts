/** The calls of one run as the sandbox logged them. */
import type { LoggedRequest } from '../src/sandbox/request-log.ts';

/** A call of a run. */
export interface Call {
  /** When it was answered, from the first answer, in ms. */
  atMs: number;
  /** Method and path, with `:id` for ids. */
  call: string;
  status: number | null;
}

/** The calls in the order of their answers. */
export function callsOf(requests: readonly LoggedRequest[]): Call[] {
  const from = Date.parse(requests[0]?.at ?? '');
  return requests.map(({ at, method, path, status }) => ({
    atMs: Date.parse(at) - from,
    call: `${method} ${withoutIds(path)}`,
    status,
  }));
}

/** How often each call was made, in the order of their names. */
export function countsOf(requests: readonly LoggedRequest[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { call } of callsOf(requests).toSorted((a, b) => a.call.localeCompare(b.call))) {
    counts[call] = (counts[call] ?? 0) + 1;
  }
  return counts;
}

function withoutIds(path: string): string {
  return path
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, ':id')
    .replace(/(target|page_token)=[^&]+/g, '$1=…')
    .replace(/&page_token=…|\?page_token=…/, '');
}

/** How often a job is looked at depends on how long it takes. */
const JOB = 'GET /api/jobs/createmodel/:id';

/** Fails if the program and the bare steps make other calls: the comparison would be of different work. */
export function requireSame(ours: Record<string, number> = {}, theirs: Record<string, number> = {}): void {
  const [a, b] = [ours, theirs].map((counts) => JSON.stringify({ ...counts, [JOB]: 'any' }, null, 1));
  if (a !== b) throw new Error(`The program's calls are not those of bench/bare/activities.ts: ${a} and ${b}`);
}
