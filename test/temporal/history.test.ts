import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  bundleWorkflowCode,
  DefaultLogger,
  makeTelemetryFilterString,
  Runtime,
  Worker,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import { connectClient, connectWorker, temporalSettings } from '../../src/temporal/connection.ts';
import { dataConverter } from '../../src/temporal/data-converter.ts';
import { type EmbeddedTemporal, startEmbeddedTemporal } from '../../src/temporal/embedded-server.ts';
import { decodedHistory, type History, readHistory, writeHistory } from '../../src/temporal/history.ts';
import { historyPrefixes } from '../../src/temporal/history-prefixes.ts';
import { PROVISIONING_STAGE } from '../../src/temporal/search-attributes.ts';
import { until } from '../support/until.ts';

const QUEUE = 'history';

describe('a recorded history', () => {
  let directory: string;
  let server: EmbeddedTemporal;
  let bundle: WorkflowBundleWithSourceMap;
  let otherBundle: WorkflowBundleWithSourceMap;
  let history: History;

  beforeAll(async () => {
    // What replay finds out is asserted on; the SDK's own words about it are noise here.
    Runtime.install({
      logger: new DefaultLogger('ERROR', () => {}),
      telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) } },
    });
    directory = await mkdtemp(join(tmpdir(), 'audience-temporal-'));
    const logger = new DefaultLogger('ERROR');
    bundle = await bundleWorkflowCode({ workflowsPath: join(import.meta.dirname, 'recorded-workflow.ts'), logger });
    otherBundle = await bundleWorkflowCode({ workflowsPath: join(import.meta.dirname, 'changed-workflow.ts'), logger });
    server = await startEmbeddedTemporal({ directory });
    history = await record(server, bundle);
  }, 30 * 60_000);

  afterAll(async () => {
    await server.stop();
    await rm(directory, { recursive: true });
  });

  it('comes back from its file as it was', async () => {
    const file = join(directory, 'history.json');
    await writeHistory(file, history);
    const read = await readHistory(file);
    expect(await decodedHistory(read)).toEqual(await decodedHistory(history));
    expect(read.events).toHaveLength(history.events?.length ?? 0);
    await Worker.runReplayHistory({ workflowBundle: bundle }, read, 'recorded');
  });

  it('shows every word that a payload holds', async () => {
    const text = JSON.stringify(await decodedHistory(history));
    for (const place of [
      'input',
      'memo',
      'stage',
      'activity-input',
      'result',
      'failure-detail',
      'heartbeat',
      'summary',
      'signal',
      'bytes',
      'details',
    ]) {
      expect(text).toContain(`word-in-${place}`);
    }
    expect(text).not.toContain('"encoding"');
  });

  it('is not read from a file that holds something else', async () => {
    const file = join(directory, 'wrong.json');
    await writeFile(file, '{"events": [{"eventId": {}}]}');
    await expect(readHistory(file)).rejects.toThrow(`${file} holds no workflow history in Temporal's JSON form`);
    await writeFile(file, 'not json');
    await expect(readHistory(file)).rejects.toThrow('holds no workflow history');
  });

  it('replays from every prefix with the code that made it', async () => {
    const prefixes = historyPrefixes(history);
    expect(prefixes.length).toBeGreaterThan(6);
    for (const prefix of prefixes) await Worker.runReplayHistory({ workflowBundle: bundle }, prefix, 'recorded');
  });

  it('has a prefix at which changed code is found out, before the run is over', async () => {
    const outcomes: boolean[] = [];
    for (const prefix of historyPrefixes(history)) {
      const replay = Worker.runReplayHistory({ workflowBundle: otherBundle }, prefix, 'recorded');
      outcomes.push(
        await replay.then(
          () => true,
          (error: unknown) => {
            expect(error).toMatchObject({ name: 'DeterminismViolationError' });
            return false;
          },
        ),
      );
    }
    expect(outcomes[0]).toBe(true);
    // The changed command is the last one: only a prefix that has the events of its task can tell.
    expect(outcomes.at(-1)).toBe(false);
  });

  it('that holds what cannot be decoded is refused, so that no look through it passes in error', async () => {
    const [first] = history.events ?? [];
    const payload = { metadata: { encoding: Buffer.from('binary/encrypted') }, data: Buffer.from('?') };
    const encrypted = {
      events: [{ ...first, workflowExecutionStartedEventAttributes: { input: { payloads: [payload] } } }],
    };
    await expect(decodedHistory(encrypted)).rejects.toThrow('binary/encrypted');
  });
});

describe('the prefixes of a history', () => {
  it('end with the workflow task that began or with all that one led to', () => {
    const history = {
      events: [
        { eventId: 1, workflowExecutionStartedEventAttributes: {} },
        { eventId: 2, workflowTaskScheduledEventAttributes: {} },
        { eventId: 3, workflowTaskStartedEventAttributes: {} },
        { eventId: 4, workflowTaskCompletedEventAttributes: {} },
        { eventId: 5, workflowExecutionUpdateAcceptedEventAttributes: {} },
        { eventId: 6, activityTaskScheduledEventAttributes: { workflowTaskCompletedEventId: 4 } },
        { eventId: 7, workflowExecutionSignaledEventAttributes: {} },
        { eventId: 8, workflowTaskScheduledEventAttributes: {} },
        { eventId: 9, workflowTaskStartedEventAttributes: {} },
        { eventId: 10, workflowTaskFailedEventAttributes: {} },
      ],
    } as unknown as History;
    expect(historyPrefixes(history).map(({ events }) => events?.length)).toEqual([3, 6, 9]);
    expect(historyPrefixes({})).toEqual([]);
  });
});

async function record(server: EmbeddedTemporal, workflowBundle: WorkflowBundleWithSourceMap): Promise<History> {
  const settings = temporalSettings(server.env);
  const native = await connectWorker(settings);
  const { client, connection } = await connectClient(settings);
  const worker = await Worker.create({
    connection: native,
    namespace: settings.namespace,
    taskQueue: QUEUE,
    workflowBundle,
    dataConverter: dataConverter(),
    activities: recordedActivities(),
  });
  const history = await worker.runUntil(async () => {
    const handle = await client.workflow.start('Recorded', {
      taskQueue: QUEUE,
      workflowId: 'recorded',
      args: [{ word: 'word-in-input' }],
      memo: { note: 'word-in-memo' },
      staticDetails: 'word-in-details',
      typedSearchAttributes: [{ key: PROVISIONING_STAGE, value: 'word-in-stage' }],
    });
    await until('the workflow to wait', async () => (await handle.query('waits')) === true);
    await handle.signal('goOn', 'word-in-signal');
    await handle.result();
    return await handle.fetchHistory();
  });
  await native.close();
  await connection.close();
  return history;
}

function recordedActivities() {
  return {
    echo: async (word: string) => word,
    bytes: async () => Buffer.from('word-in-bytes'),
    fails: async () => {
      const { ApplicationFailure } = await import('@temporalio/activity');
      throw ApplicationFailure.create({
        nonRetryable: true,
        message: 'no',
        details: [{ word: 'word-in-failure-detail' }],
      });
    },
    hangs: async () => {
      const { Context } = await import('@temporalio/activity');
      Context.current().heartbeat({ word: 'word-in-heartbeat' });
      await Context.current().cancelled;
    },
  };
}
