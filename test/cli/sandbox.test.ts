import { describe, expect, it } from '@jest/globals';
import fetch from 'node-fetch';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { inTemporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';
import { begin } from './in-memory.ts';

describe('sandbox', () => {
  it('answers to its key until it is told to end, and logs no call unless asked to', async () => {
    await inTemporaryDirectory(async (directory) => {
      const interruption = new AbortController();
      const command = begin(['sandbox', '--state', directory, '--api-key', 'a-key'], {
        interrupted: interruption.signal,
      });
      const url = await until('its address', () => /^The sandbox answers at (\S+)$/m.exec(command.out())?.[1]);
      expect((await fetch(`${url}/api/me`, { headers: { authorization: 'Bearer a-key' } })).status).toBe(200);
      expect((await fetch(`${url}/api/me`, { headers: { authorization: 'Bearer another' } })).status).toBe(401);
      interruption.abort();
      expect(await command.code).toBe(EXIT.ok);
      expect(command.err()).toBe('');
      await expect(fetch(`${url}/api/me`)).rejects.toMatchObject({ name: 'FetchError' });
    });
  });
});
