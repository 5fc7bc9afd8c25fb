/** `npm run demo`: the walkthrough from end to end, with the worker killed while the sign-in is pending. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { resultLines } from '../cli/report-text.ts';
import { columnsOf } from '../cli/terminal.ts';
import { AudienceClient } from '../client.ts';
import { formatFault, loadRequest } from '../request/load.ts';
import { type Stack, startStack } from '../stack/stack.ts';
import { connectClient, temporalSettings } from '../temporal/connection.ts';
import { taskQueueOf } from '../worker-settings.ts';
import { signInByHand, signInWithoutWorker } from './acts.ts';
import { memberCounts } from './member-counts.ts';
import { Teller } from './teller.ts';

const REQUEST = fileURLToPath(new URL('../../examples/walkthrough.yaml', import.meta.url));

const USAGE = `npm run demo                    plays the person who signs in, and kills a worker meanwhile
npm run demo -- --interactive   shows the sign-in link and the Web UI, and waits for you`;

async function demo(interactive: boolean, interrupted: AbortSignal): Promise<void> {
  const teller = new Teller(process.stdout);
  const loaded = await loadRequest(REQUEST);
  if (!loaded.ok) throw new Error(`The demo's own request is not valid:\n${loaded.faults.map(formatFault).join('\n')}`);
  const directory = await mkdtemp(join(tmpdir(), 'audience-demo-'));

  let stack: Stack | undefined;
  let client: AudienceClient | undefined;
  let keepLogs = false;
  try {
    stack = await startStack({
      directory,
      ui: interactive,
      // Nobody needs to know it, and nobody will find it in a history, a log or a database.
      snowflakePassword: randomBytes(18).toString('base64url'),
      onProgress: (line) => teller.aside(line),
    });
    const settings = temporalSettings({ ...process.env, ...stack.clientEnv });
    client = new AudienceClient({ temporal: (await connectClient(settings)).client, taskQueue: taskQueueOf({}) });
    teller.tell(`Temporal server at ${settings.address}, sandbox of the Polytomic API at ${stack.sandboxUrl}`);

    const worker = await stack.startWorker();
    teller.tell(`worker started (process ${worker.pid})`);
    const { name, workflowId } = await client.start(loaded.request);
    teller.tell(`provisioning “${name}” started (workflow ${workflowId})`);
    const scene = { stack, client, name, teller, interrupted };
    const result = await (interactive ? signInByHand(scene) : signInWithoutWorker(scene, worker));
    if (result === undefined) return;
    teller.tell('completed');
    const counts = await memberCounts(result, stack);
    process.stdout.write(`\n${resultLines(result, columnsOf(process.stdout), counts).join('\n')}\n\n`);
    if (!interactive) {
      teller.aside(
        'See it yourself: npm run demo -- --interactive   (you sign in; Temporal Web UI)',
        'Keep it running: npm start                       (then: npx audience --help)',
      );
    } else if (!interrupted.aborted) {
      teller.aside(
        `Temporal Web UI:    ${stack.temporal?.uiUrl}`,
        `The sandbox's state: ${stack.sandboxUrl}/_sandbox/state`,
        'All of it stays up until Ctrl-C.',
      );
      await new Promise((resolve) => interrupted.addEventListener('abort', resolve, { once: true }));
    }
  } catch (error) {
    if (interrupted.aborted) return;
    keepLogs = true;
    teller.aside(`Logs are kept in ${directory}`);
    throw error;
  } finally {
    if (interrupted.aborted) teller.aside('Interrupted. Stopping and removing all of it, the run included.');
    await client?.close();
    await stack?.stop();
    if (!keepLogs) await rm(directory, { recursive: true, force: true });
  }
}

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
  else await demo(values.interactive, interruption.signal);
  if (interruption.signal.aborted) process.exitCode = 130;
} catch (error) {
  process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
