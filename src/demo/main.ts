/** `npm run demo`: the walkthrough from end to end, with the worker killed while the sign-in is pending. */
import { parseArgs } from 'node:util';
import { demo } from './demo.ts';

const USAGE = `npm run demo                    plays the person who signs in, and kills a worker meanwhile
npm run demo -- --interactive   shows the sign-in link and the Web UI, and waits for you`;

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (interruption.signal.aborted) process.exit(130);
    interruption.abort();
  });
}
try {
  const { values } = parseArgs({
    options: { interactive: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
  });
  if (values.help) process.stdout.write(`${USAGE}\n`);
  else await demo({ interactive: values.interactive, out: process.stdout, interrupted: interruption.signal });
  if (interruption.signal.aborted) process.exitCode = 130;
} catch (error) {
  process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
