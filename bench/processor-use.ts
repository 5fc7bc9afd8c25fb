/** What each part of a site does with the processors. */
import type { Site } from './bench.ts';
import { rounded } from './measure.ts';
import { busySeconds, processorSeconds, type RunningWorker } from './processes.ts';

/** Processor time in seconds, in all so far or of a while. */
export interface ProcessorUse {
  /** Of the Temporal server; absent where it is not ours. */
  server?: number;
  sandbox: number;
  workers: number;
  /** Of the bench itself, which starts the runs and asks after them. */
  bench: number;
  /** Of all that runs on the machine. */
  machine: number;
}

/** What the work takes, and for how many seconds it goes on. */
export async function processorUseOf(
  { serverPid, sandboxPid }: Site,
  workers: readonly RunningWorker[],
  work: () => Promise<unknown>,
): Promise<{ seconds: number; use: ProcessorUse }> {
  const used = async () => ({
    server: serverPid === undefined ? 0 : await processorSeconds(serverPid),
    sandbox: await processorSeconds(sandboxPid),
    workers: (await Promise.all(workers.map(({ pid }) => processorSeconds(pid)))).reduce((sum, one) => sum + one, 0),
    bench: await processorSeconds(process.pid),
    machine: await busySeconds(),
  });
  const before = await used();
  const startedAt = performance.now();
  await work();
  const seconds = (performance.now() - startedAt) / 1000;
  const after = await used();
  const of = (part: keyof ProcessorUse) => after[part] - before[part];
  return {
    seconds,
    use: {
      ...(serverPid === undefined ? {} : { server: of('server') }),
      sandbox: of('sandbox'),
      workers: of('workers'),
      bench: of('bench'),
      machine: of('machine'),
    },
  };
}

/** The same for one of `runs`, in ms. */
export function msARun(use: ProcessorUse, runs: number): Record<string, number> {
  return Object.fromEntries(Object.entries(use).map(([part, seconds]) => [part, rounded((seconds * 1000) / runs)]));
}
