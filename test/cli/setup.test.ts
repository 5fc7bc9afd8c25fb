import { describe, expect, it } from '@jest/globals';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { startEmbeddedTemporal } from '../../src/temporal/embedded-server.ts';
import { inTemporaryDirectory } from '../support/temporary-directory.ts';
import { audience } from './in-memory.ts';

const NAMES = ['ProvisioningStage', 'ProvisioningRequester', 'ProvisioningBlockedStep'];

describe('setup', () => {
  it('registers the search attributes once; again is no harm', async () => {
    await inTemporaryDirectory(async (directory) => {
      const server = await startEmbeddedTemporal({ directory, searchAttributes: false });
      try {
        const given = { env: { TEMPORAL_ADDRESS: server.address } };
        expect(await audience(['list'], given)).toMatchObject({
          code: EXIT.ok,
          lines: ['There are none. Start one:  audience start request.yaml'],
        });
        const byStage = await audience(['list', '--stage', 'failed'], given);
        expect(byStage.code).toBe(EXIT.error);
        expect(byStage.err).toContain('Run `audience setup` once.');

        expect(await audience(['setup'], given)).toMatchObject({
          code: EXIT.ok,
          lines: [`Search attributes ${NAMES.join(', ')} in namespace default: registered.`],
        });
        const again = await audience(['setup', '--json'], given);
        expect(again.code).toBe(EXIT.ok);
        expect(again.json()).toEqual([{ searchAttributes: NAMES, namespace: 'default', outcome: 'already there' }]);
      } finally {
        await server.stop();
      }
    });
  });
});
