import { describe, expect, it } from '@jest/globals';
import fetch from 'node-fetch';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { connectAudienceClient } from '../../src/client.ts';
import { ownWalkthrough } from '../support/own-walkthrough.ts';
import { temporal } from '../support/temporal.ts';
import { inTemporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';
import { begin, type Command, type Given } from './in-memory.ts';

interface Addresses {
  temporal: string;
  ui?: string;
  sandbox: string;
  directory: string;
}

/** `audience dev` on free ports, while the story is told; then Ctrl-C. */
async function withDev(
  args: string[],
  story: (addresses: Addresses, command: Command) => Promise<void>,
  given: Given = {},
): Promise<Command> {
  const interruption = new AbortController();
  const ports = ['--port', '0', '--ui-port', '0', '--sandbox-port', '0'];
  const command = begin(['dev', '--json', ...ports, ...args], { ...given, interrupted: interruption.signal });
  try {
    const line = await until('it is up', () => command.out().includes('\n') && command.out());
    await story(JSON.parse(line) as Addresses, command);
  } finally {
    interruption.abort();
    await command.code;
  }
  return command;
}

describe('dev', () => {
  it('runs all there is, and goes on with its runs at the next start', async () => {
    await inTemporaryDirectory(async (directory) => {
      const request = ownWalkthrough('dev');
      const first = await withDev(['--state', directory], async ({ temporal: address, ui, sandbox }) => {
        expect((await fetch(`${sandbox}/_sandbox/state`)).status).toBe(200);
        await until('the Web UI answers', async () => (await fetch(`${ui}/`).catch(() => undefined))?.ok);
        const audiences = await connectAudienceClient({ TEMPORAL_ADDRESS: address });
        await audiences.start(request);
        await until('the run waits', async () => (await audiences.status(request.name)).stage === 'awaiting_sign_in');
        await audiences.close();
      });
      expect(await first.code).toBe(EXIT.interrupted);

      await withDev(['--state', directory], async ({ temporal: address }) => {
        const audiences = await connectAudienceClient({ TEMPORAL_ADDRESS: address });
        const { status } = await until('the run answers', async () => {
          const report = await audiences.status(request.name);
          return report.status && report;
        });
        expect(status?.steps.find(({ id }) => id === 'snowflake connection')?.state).toBe('done');
        await audiences.close();
      });
    });
  });

  it('works on the Temporal server that it is told, and stays until Ctrl-C', async () => {
    await inTemporaryDirectory(async (directory) => {
      const { out, code } = await withDev(
        ['--address', temporal.address],
        async (addresses, command) => {
          expect(addresses).toEqual({
            temporal: temporal.address,
            sandbox: expect.any(String),
            directory: `${directory}/audience-provisioning/dev`,
          });
          const { temporal: address } = addresses;
          const audiences = await connectAudienceClient({ TEMPORAL_ADDRESS: address });
          const { name } = await audiences.start(ownWalkthrough('dev-address'));
          await until('its worker works', async () => (await audiences.status(name)).stage === 'awaiting_sign_in');
          await audiences.cancel(name);
          await audiences.close();
          expect(command.out().trim().split('\n')).toHaveLength(1);
        },
        { env: { XDG_STATE_HOME: directory } },
      );
      expect(out()).toContain(temporal.address);
      expect(await code).toBe(EXIT.interrupted);
    });
  });

  it('tells people the addresses, and what to type in another terminal', async () => {
    await inTemporaryDirectory(async (directory) => {
      const interruption = new AbortController();
      const args = ['dev', '--port', '0', '--ui-port', '0', '--sandbox-port', '0', '--state', directory];
      const command = begin(args, { interrupted: interruption.signal });
      await until('it is up', () => command.out().includes('Ctrl-C stops all of it.'));
      interruption.abort();
      await command.code;
      const address = /^Temporal +(127\.0\.0\.1:\d+)$/m.exec(command.out())?.[1];
      expect(command.out()).toContain(`  export TEMPORAL_ADDRESS=${address}\n  npx audience start `);
      expect(command.out()).toMatch(/^Temporal Web UI {2}http:/m);
      expect(command.out()).toContain(`State and logs   ${directory}\n`);
    });
  });
});
