/** A bare worker: nothing but the SDK, with the bare workflow from a bundle, and bare activities. */
import { createServer } from 'node:http';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import * as activities from './activities.ts';

const { env } = process;
Runtime.install({ logger: new DefaultLogger('WARN'), shutdownSignals: [] });
const connection = await NativeConnection.connect({ address: env['TEMPORAL_ADDRESS'] ?? '' });
const worker = await Worker.create({
  connection,
  namespace: env['TEMPORAL_NAMESPACE'] ?? '',
  taskQueue: env['BARE_TASK_QUEUE'] ?? '',
  workflowBundle: { codePath: env['BARE_BUNDLE'] ?? '' },
  activities,
  // As the program's worker, so that what is compared is code and not sizes.
  maxCachedWorkflows: 100,
  maxConcurrentActivityTaskExecutions: 50,
  stickyQueueScheduleToStartTimeout: 2_000,
});
const health = createServer((_request, response) => {
  response.writeHead(worker.getState() === 'RUNNING' ? 200 : 503).end();
}).listen(Number(env['AUDIENCE_HEALTH_PORT']), '127.0.0.1');
process.once('SIGTERM', () => worker.shutdown());
await worker.run();
health.close();
await connection.close();
