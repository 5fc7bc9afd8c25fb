import { describe, expect, it } from '@jest/globals';
import { WorkerSettingsError, workerSettings } from '../../src/worker-settings.ts';
import { withApi } from '../polytomic/api-server.ts';

const KEY = { POLYTOMIC_API_KEY: 'key-for-tests' };
const settingsOf = (env: NodeJS.ProcessEnv) => workerSettings({ ...KEY, ...env }, '1.2.3');

/** Each line of the refusal but the first. */
function faultsOf(env: NodeJS.ProcessEnv): string[] {
  try {
    workerSettings(env, '1.2.3');
  } catch (error) {
    if (error instanceof WorkerSettingsError) return error.message.split('\n').slice(1);
    throw error;
  }
  return [];
}

describe('the settings of a worker', () => {
  it('need nothing but an API key', () => {
    const { polytomic, noticeNetworks, ...rest } = settingsOf({});
    expect(rest).toEqual({
      taskQueue: 'audience-provisioning',
      secrets: { envPrefixes: ['SNOWFLAKE_', 'LINKEDIN_'] },
      shutdownGraceMs: 20_000,
    });
    expect(polytomic.toJSON()).toEqual({ baseUrl: 'https://app.polytomic.com' });
    expect(noticeNetworks.rules).toEqual([]);
  });

  it('are what the environment says', () => {
    const { polytomic, noticeNetworks, ...rest } = settingsOf({
      POLYTOMIC_BASE_URL: 'https://polytomic.example',
      POLYTOMIC_API_VERSION: '2025-09-18',
      AUDIENCE_TASK_QUEUE: 'blue',
      AUDIENCE_HEALTH_PORT: '8080',
      AUDIENCE_HEALTH_HOST: '0.0.0.0',
      AUDIENCE_SHUTDOWN_GRACE_MS: '0',
      AUDIENCE_ACTIVITIES_PER_SECOND: '20',
      AUDIENCE_SECRETS_ENV_PREFIXES: 'TEAM_A_, TEAM_B_',
      AUDIENCE_SECRETS_DIR: '/run/secrets',
      AUDIENCE_NOTIFY_ALLOW: '10.1.0.0/16, fd00::/8',
    });
    expect(rest).toEqual({
      taskQueue: 'blue',
      secrets: { envPrefixes: ['TEAM_A_', 'TEAM_B_'], directory: '/run/secrets' },
      health: { host: '0.0.0.0', port: 8080 },
      shutdownGraceMs: 0,
      activitiesPerSecond: 20,
    });
    expect(polytomic.toJSON()).toEqual({ baseUrl: 'https://polytomic.example' });
    expect(noticeNetworks.check('10.1.2.3')).toBe(true);
    expect(noticeNetworks.check('fd00::1', 'ipv6')).toBe(true);
    expect(noticeNetworks.check('10.2.0.1')).toBe(false);
  });

  it('serve health on loopback only, unless told otherwise', () => {
    expect(settingsOf({ AUDIENCE_HEALTH_PORT: '0' }).health).toEqual({ host: '127.0.0.1', port: 0 });
  });

  it('take a variable that is set to nothing for one that is not set', () => {
    const empty = Object.fromEntries(
      [
        'POLYTOMIC_BASE_URL',
        'POLYTOMIC_API_VERSION',
        'POLYTOMIC_TIMEOUT_MS',
        'AUDIENCE_TASK_QUEUE',
        'AUDIENCE_HEALTH_PORT',
        'AUDIENCE_HEALTH_HOST',
        'AUDIENCE_SHUTDOWN_GRACE_MS',
        'AUDIENCE_ACTIVITIES_PER_SECOND',
        'AUDIENCE_SECRETS_ENV_PREFIXES',
        'AUDIENCE_SECRETS_DIR',
      ].map((name) => [name, '']),
    );
    expect(JSON.stringify(settingsOf(empty))).toBe(JSON.stringify(settingsOf({})));
    expect(faultsOf({ POLYTOMIC_API_KEY: '' })).toEqual(faultsOf({}));
  });

  it('are refused with all faults at once, and without any value', () => {
    const faults = faultsOf({
      POLYTOMIC_BASE_URL: 'http://polytomic.example/hunter2',
      POLYTOMIC_TIMEOUT_MS: '15001',
      AUDIENCE_HEALTH_PORT: '65536',
      AUDIENCE_SHUTDOWN_GRACE_MS: 'hunter2',
      AUDIENCE_SECRETS_ENV_PREFIXES: 'TEAM_A_,',
    });
    expect(faults).toEqual([
      expect.stringMatching(/^- POLYTOMIC_API_KEY is not set: make a key in Polytomic/),
      expect.stringMatching(
        /^- POLYTOMIC_TIMEOUT_MS must be a whole number from 1000 to 15000, and is not: .* made twice$/,
      ),
      '- AUDIENCE_HEALTH_PORT must be a whole number from 0 to 65535, and is not',
      '- AUDIENCE_SHUTDOWN_GRACE_MS must be a whole number from 0 to 600000, and is not',
      expect.stringMatching(
        /^- AUDIENCE_SECRETS_ENV_PREFIXES must be prefixes with commas between them, none of them empty/,
      ),
      expect.stringMatching(/^- POLYTOMIC_\*: .*https/),
    ]);
    expect(faults.join('\n')).not.toContain('hunter2');
  });

  it('say how long a call to Polytomic may take', async () => {
    await withApi(
      () => undefined,
      async ({ url }) => {
        const { polytomic } = settingsOf({ POLYTOMIC_BASE_URL: url, POLYTOMIC_TIMEOUT_MS: '1000' });
        await expect(polytomic.me()).rejects.toThrow('it was not complete within 1000 ms');
      },
    );
  });

  it.each(['0', '0.5', '-1', '100001'])('do not take %j for a number of activities a second', (rate) => {
    expect(faultsOf({ ...KEY, AUDIENCE_ACTIVITIES_PER_SECOND: rate })).toHaveLength(1);
  });

  it.each(['999', '0', '15001', '1e4'])('do not take %j ms for the time-out of a call', (timeout) => {
    expect(faultsOf({ ...KEY, POLYTOMIC_TIMEOUT_MS: timeout })).toHaveLength(1);
  });

  it.each(['-1', '1.5', '0x50', ' 80', '1e3', '99999999999'])('do not take %j for a port', (port) => {
    expect(faultsOf({ ...KEY, AUDIENCE_HEALTH_PORT: port })).toHaveLength(1);
  });

  // It would allow every variable of the worker, its own API key among them.
  it.each([',', 'A_,,B_', ' ', 'A_, '])('do not take %j for prefixes: one of them is empty', (prefixes) => {
    expect(faultsOf({ ...KEY, AUDIENCE_SECRETS_ENV_PREFIXES: prefixes })).toHaveLength(1);
  });
});
