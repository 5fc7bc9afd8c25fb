/**
 * `npm run record-histories`: provisions in every way that test/workflows/replay.test.ts lists, on a server and a sandbox of
 * its own, and writes what Temporal recorded to test/histories. Replaying them tells whether new code goes on with old
 * runs: so a history is added when a run can go a new way, and replaced only where no run of that kind can be under way.
 * Names of histories after `--` record only those.
 *
 * Two are of code before this and cannot be recorded again: `accounts-with-the-sign-in` began as `connecting`, and of
 * `given-up-after-a-kill` the worker was killed, before there was the patch `silence-is-no-failure`.
 *
 * Uses what `npm run build` made.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import fetch from 'node-fetch';
import { AudienceClient } from '../../dist/client.js';
import { loadRequest } from '../../dist/request/load.js';
import { startSandbox } from '../../dist/sandbox/listen.js';
import { connectClient, temporalSettings } from '../../dist/temporal/connection.js';
import { startEmbeddedTemporal } from '../../dist/temporal/embedded-server.js';
import { historyToJson } from '../../dist/temporal/history-json.js';
import { startWorker } from '../../dist/worker.js';
import { workerSettings } from '../../dist/worker-settings.js';
import { workflowIdOf } from '../../dist/workflows/messages.js';

const API_KEY = 'key-of-the-recording';
const TASK_QUEUE = 'recording';
const HISTORIES = fileURLToPath(new URL('../histories/', import.meta.url));
const WALKTHROUGH = fileURLToPath(new URL('../../examples/walkthrough.yaml', import.meta.url));

/** What fails for good fails the run, instead of waiting for a person. */
const FAILS = { options: { onBlocked: 'fail' } };

const WRONG_QUERY = { 'active-users': { name: 'Active Users', query: 'SELECT nothing FROM nowhere' } };

/** The ways in which a run can go, by the name of its history. */
const STORIES = {
  'waited-then-completed': async (run) => {
    await run.start();
    const url = await run.withWorker(() => run.untilDone('model active-users').then(run.untilAsked));
    // The second worker replays the first one's part.
    await run.allow(url);
    await run.claim();
    await run.withWorker(run.end);
  },
  'signal-before-the-wait': async (run) => {
    await run.start();
    await run.claim();
    await run.withWorker(async () => {
      await run.untilChecked(1);
      await run.allow(await run.untilAsked());
      await run.claim();
      await run.end();
    });
  },
  'false-claims': async (run) => {
    await run.start();
    await run.withWorker(async () => {
      const url = await run.untilAsked();
      for (const count of [1, 2]) {
        await run.claim();
        await run.untilChecked(count);
      }
      await run.allow(url);
      await run.claim();
      await run.end();
    });
  },
  'two-models-and-syncs': async (run) => {
    const [first, second] = run.request.syncs;
    const query = 'SELECT first_name, last_name, email FROM users WHERE user_id <= 100';
    await run.start({
      models: { ...run.request.models, 'first-users': { name: 'First Users', query } },
      syncs: [first, { ...second, model: 'first-users' }],
    });
    await run.withWorker(async () => {
      await run.allow(await run.untilAsked());
      await run.claim();
      await run.end();
    });
  },
  'failed-while-asking': async (run) => {
    await run.start({ ...FAILS, models: WRONG_QUERY });
    await run.withWorker(run.end);
  },
  'failed-in-a-sync': async (run) => {
    const [first, second] = run.request.syncs;
    await run.start({ ...FAILS, syncs: [{ ...first, fields: { no_such_column: 'FirstName' } }, second] });
    await run.withWorker(async () => {
      await run.allow(await run.untilAsked());
      await run.claim();
      await run.end();
    });
  },
  'mended-and-chosen': async (run) => {
    const [first] = run.request.syncs;
    const { connection } = run.request.linkedinAds;
    const [change] = Object.values(run.request.models);
    await run.start({
      linkedinAds: { connection, accounts: 'ask' },
      models: WRONG_QUERY,
      syncs: [{ ...first, audience: 'ask' }],
    });
    await run.withWorker(async () => {
      await run.untilBlocked('model active-users');
      await run.client.retryStep(run.name, { step: 'model active-users', change });
      await run.allow(await run.untilAsked());
      await run.claim();
      await run.untilQuestion('ad accounts');
      await run.client.selectAccounts(run.name, run.request.linkedinAds.accounts);
      await run.untilQuestion(`sync ${first.name}`);
      await run.client.chooseAudience(run.name, { sync: first.name, audience: first.audience });
      await run.end();
    });
  },
  // As `working` by its client, which earlier ones were not.
  'begun-as-working': async (run) => {
    const { connection } = run.request.linkedinAds;
    const [change] = Object.values(run.request.models);
    await run.start({
      linkedinAds: { connection, accounts: 'ask' },
      models: WRONG_QUERY,
      options: { firstRun: 'await' },
    });
    await run.withWorker(async () => {
      await run.untilBlocked('model active-users');
      await run.allow(await run.untilAsked());
      await run.claim();
      await run.untilQuestion('ad accounts');
      await run.client.retryStep(run.name, { step: 'model active-users', change });
      await run.untilDone('model active-users');
      await run.client.selectAccounts(run.name, run.request.linkedinAds.accounts);
      await run.end();
    });
  },
  'given-up-and-undone': async (run) => {
    await run.start({ models: WRONG_QUERY, options: { onFailure: 'undo' } });
    await run.withWorker(async () => {
      await run.untilAsked();
      await run.untilBlocked('model active-users');
      await run.client.giveUp(run.name, { reason: 'recorded' });
      await run.end();
    });
  },
  'first-executions': async (run) => {
    await run.start({ options: { firstRun: 'await' } });
    await run.withWorker(async () => {
      await run.allow(await run.untilAsked());
      await run.claim();
      await run.end();
    });
  },
  'cancelled-while-waiting': async (run) => {
    await run.start();
    await run.withWorker(async () => {
      await run.untilAsked();
      await run.untilDone('model active-users');
      await run.cancel();
      await run.end();
    });
  },
};

/** What a story does, on a sandbox of its own. */
class Run {
  constructor(name, { request, client, temporal, server, sandbox }) {
    this.name = name;
    this.request = { ...request, name };
    this.client = client;
    this.temporal = temporal;
    this.server = server;
    this.sandbox = sandbox;
  }

  start = (changes = {}) => this.client.start({ ...this.request, ...changes });

  claim = () => this.client.completeSignIn(this.name);

  cancel = () => this.client.cancel(this.name);

  /** However it ends. */
  end = () => this.until('its end', ({ state }) => state !== 'running');

  untilAsked = () => this.until('the sign-in link', ({ status }) => status?.signIn?.url);

  untilChecked = (count) =>
    this.until('a check', ({ status }) => status?.signIn?.lastCheck && status.signIn.claims === count);

  untilDone = (id) => this.untilState(id, 'done');

  untilBlocked = (id) => this.untilState(id, 'blocked');

  untilState = (id, state) =>
    this.until(id, ({ status }) => status?.steps.some((step) => step.id === id && step.state === state));

  untilQuestion = (step) =>
    this.until(`the question of ${step}`, ({ status }) => status?.questions.some((one) => one.step === step));

  allow = (url) => fetch(url, { method: 'POST', body: new URLSearchParams({ decision: 'allow' }) });

  async until(what, look) {
    const deadline = Date.now() + 30_000;
    while (Date.now() < deadline) {
      const seen = look(await this.client.status(this.name));
      if (seen) return seen;
      await sleep(20);
    }
    throw new Error(`${this.name}: waited in vain for ${what}`);
  }

  async withWorker(story) {
    const env = {
      POLYTOMIC_API_KEY: API_KEY,
      POLYTOMIC_BASE_URL: this.sandbox.url,
      AUDIENCE_TASK_QUEUE: TASK_QUEUE,
      SNOWFLAKE_PASSWORD: 'secret',
    };
    const worker = await startWorker({
      temporal: temporalSettings(this.server.env),
      settings: workerSettings(env, 'recording'),
      env,
    });
    try {
      return await story();
    } finally {
      worker.stop();
      await worker.ended;
    }
  }

  history = () => this.temporal.workflow.getHandle(workflowIdOf(this.name)).fetchHistory();
}

/** What no replay looks at, and what tells of the machine that recorded it, is left out. */
function portable(history) {
  const withoutStacks = (key, value) => (key === 'stackTrace' ? undefined : value);
  const text = JSON.stringify(historyToJson(history), withoutStacks, 1);
  return `${text.replaceAll(`${process.pid}@${hostname()}`, 'recording').replaceAll(hostname(), 'recording')}\n`;
}

Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
const loaded = await loadRequest(WALKTHROUGH);
if (!loaded.ok) throw new Error(JSON.stringify(loaded.faults));
const directory = await mkdtemp(join(tmpdir(), 'audience-recording-'));
const server = await startEmbeddedTemporal({ directory: join(directory, 'temporal') });
const { client: temporal, connection } = await connectClient(temporalSettings(server.env));
const client = new AudienceClient({ temporal, taskQueue: TASK_QUEUE });
const wanted = process.argv.slice(2);
try {
  await mkdir(HISTORIES, { recursive: true });
  for (const [name, story] of Object.entries(STORIES)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const sandbox = await startSandbox({ stateDir: join(directory, name), apiKey: API_KEY, executionPaceMs: 5 });
    try {
      const run = new Run(name, { request: loaded.request, client, temporal, server, sandbox });
      await story(run);
      const history = await run.history();
      await writeFile(join(HISTORIES, `${name}.json`), portable(history));
      process.stdout.write(`${name}: ${history.events.length} events\n`);
    } finally {
      await sandbox.close();
    }
  }
} finally {
  await connection.close();
  await server.stop();
  await rm(directory, { recursive: true, force: true });
}
