import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import fetch from 'node-fetch';
import { AudienceClient } from '../../src/client.ts';
import { type Stack, type StackOptions, startStack } from '../../src/stack/stack.ts';
import { untilAnswers } from '../../src/stack/until-answers.ts';
import { connectClient, temporalSettings } from '../../src/temporal/connection.ts';
import { DEFAULT_TASK_QUEUE } from '../../src/worker-settings.ts';
import { workflowIdOf } from '../../src/workflows/messages.ts';
import { isAlive } from '../support/is-alive.ts';
import { ownWalkthrough } from '../support/own-walkthrough.ts';
import { temporalEnv } from '../support/temporal.ts';
import { inTemporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';

const options = (directory: string): StackOptions => ({
  directory,
  ui: false,
  snowflakePassword: 'secret',
  onProgress: (line) => process.stderr.write(`${line}\n`),
});

async function withStack(story: (stack: Stack, audiences: AudienceClient) => Promise<void>): Promise<void> {
  await inTemporaryDirectory(async (directory) => {
    const stack = await startStack(options(directory));
    const { client } = await connectClient(temporalSettings(stack.clientEnv));
    const audiences = new AudienceClient({ temporal: client, taskQueue: DEFAULT_TASK_QUEUE });
    try {
      await story(stack, audiences);
    } finally {
      await audiences.close();
      await stack.stop();
    }
  });
}

describe('a stack', () => {
  it('hands the run of a worker that was killed to another one after two seconds, not ten', async () => {
    await withStack(async (stack, audiences) => {
      const worker = await stack.startWorker();
      const { name } = await audiences.start(ownWalkthrough('killed'));
      const waiting = await until('the run waits', async () => {
        const report = await audiences.status(name);
        return report.status?.signIn?.url !== undefined && report.pendingActivities.length === 0 && report;
      });
      worker.kill('SIGKILL');
      await worker.exited;
      await fetch(waiting.status?.signIn?.url ?? '', {
        method: 'POST',
        body: new URLSearchParams({ decision: 'allow' }),
      });
      await audiences.completeSignIn(name);
      await stack.startWorker();
      await audiences.result(name);

      const { client, connection } = await connectClient(temporalSettings(stack.clientEnv));
      const { events } = await client.workflow.getHandle(workflowIdOf(name)).fetchHistory();
      await connection.close();
      const timedOut = events?.find((event) => event.workflowTaskTimedOutEventAttributes);
      const scheduled = events?.find(
        ({ eventId }) => String(eventId) === String(timedOut?.workflowTaskTimedOutEventAttributes?.scheduledEventId),
      );
      // As Temporal recorded it: how long the run was kept for the dead worker.
      const kept = Number(timedOut?.eventTime?.seconds) - Number(scheduled?.eventTime?.seconds);
      expect(kept).toBeGreaterThanOrEqual(1);
      expect(kept).toBeLessThan(9);
    });
  });

  it('is gone when it is stopped, workers first', async () => {
    const pids: number[] = [];
    await withStack(async (stack) => {
      const worker = await stack.startWorker();
      pids.push(worker.pid, stack.sandbox.pid, stack.temporal?.pid ?? Number.NaN);
      await stack.stop();
      // It drained, rather than being killed.
      expect(await worker.exited).toEqual({ code: 0, signal: null });
    });
    expect(pids.filter(isAlive)).toEqual([]);
  });

  it('hands nothing of our own settings to its workers', async () => {
    process.env['AUDIENCE_SECRETS_ENV_PREFIXES'] = ',';
    process.env['POLYTOMIC_API_KEY'] = 'key-of-production';
    try {
      await withStack(async (stack) => {
        // With an empty prefix it would refuse to start.
        expect((await stack.startWorker()).pid).toBeGreaterThan(0);
      });
    } finally {
      delete process.env['AUDIENCE_SECRETS_ENV_PREFIXES'];
      delete process.env['POLYTOMIC_API_KEY'];
    }
  });

  it('stops what it has started when the rest cannot be: a sandbox that does not start is named with its log', async () => {
    await inTemporaryDirectory(async (directory) => {
      const holding = await startStack({ ...options(directory), temporal: { env: temporalEnv } });
      // The same directory: the sandbox's state is taken.
      const second = startStack({ ...options(directory), temporal: { env: temporalEnv } });
      await expect(second).rejects.toThrow(
        /^Starting the sandbox: it ended at once, with code 1\. Its log: .*sandbox\.log$/,
      );
      await holding.stop();
    });
  });
});

describe('waiting for a process that was just started', () => {
  it('goes on past answers that are no success', async () => {
    let asked = 0;
    const server = createServer((_, response) => {
      asked += 1;
      response.writeHead(asked < 3 ? 503 : 200).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await untilAnswers(`http://127.0.0.1:${port}/`, new Promise(() => undefined));
    expect(asked).toBe(3);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});
