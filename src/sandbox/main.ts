/** The sandbox as a process: `node dist/sandbox/main.js --port 4000 --state .dev/sandbox --api-key KEY`. */
import { parseArgs } from 'node:util';
import { messageOf } from './failure.ts';
import { startSandbox } from './listen.ts';

const USAGE = `Usage: node dist/sandbox/main.js --state DIR --api-key KEY [--port N] [--host HOST] [--page-size N]
                                    [--verbose]
  --state DIR     directory of the state; made if it is not there
  --api-key KEY   the key that callers must send (or SANDBOX_API_KEY)
  --port N        default: any free port
  --host HOST     default: 127.0.0.1
  --page-size N   items on a page of a list, at most; default: 50, as Polytomic has it
  --verbose       log each call to stderr
SANDBOX_SNOWFLAKE_PASSWORD sets the password of Snowflake's "user"; default: secret.`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      state: { type: 'string' },
      'api-key': { type: 'string' },
      port: { type: 'string', default: '0' },
      host: { type: 'string', default: '127.0.0.1' },
      'page-size': { type: 'string' },
      verbose: { type: 'boolean', default: false },
    },
  });
  const stateDir = values.state;
  const apiKey = values['api-key'] ?? process.env['SANDBOX_API_KEY'];
  if (stateDir === undefined) throw new Error('--state is missing');
  if (apiKey === undefined || apiKey === '') throw new Error('--api-key or SANDBOX_API_KEY is missing');
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`--port must be 0 to 65535, not "${values.port}"`);
  const pageSize = values['page-size'] === undefined ? undefined : Number(values['page-size']);
  if (pageSize !== undefined && (!Number.isInteger(pageSize) || pageSize < 1))
    throw new Error(`--page-size must be a whole number from 1, not "${values['page-size']}"`);
  const password = process.env['SANDBOX_SNOWFLAKE_PASSWORD'];
  const sandbox = await startSandbox({
    port,
    host: values.host,
    stateDir,
    apiKey,
    ...(password === undefined ? {} : { snowflakePassword: password }),
    ...(pageSize === undefined ? {} : { pageSize }),
    ...(values.verbose ? { log: (line: string) => process.stderr.write(`${line}\n`) } : {}),
  });
  let closing = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (closing) return;
      closing = true;
      sandbox.close().then(() => process.exit(0), fail);
    });
  }
  process.stdout.write(`${JSON.stringify({ url: sandbox.url })}\n`);
}

function fail(error: unknown): void {
  process.stderr.write(`sandbox: ${messageOf(error)}\n${USAGE}\n`);
  process.exit(1);
}

main().catch(fail);
