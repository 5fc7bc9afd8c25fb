import { BlockList } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { mayBeSentTo, networksIn } from '../../src/notices/allowed-addresses.ts';
import { WorkerSettingsError, workerSettings } from '../../src/worker-settings.ts';

const NONE = new BlockList();

function allowing(text: string): BlockList {
  const networks = networksIn(text);
  if (networks === undefined) throw new Error(`${text} was not taken`);
  return networks;
}

describe('without a network that is allowed', () => {
  it.each(['8.8.8.8', '1.1.1.1', '172.15.0.1', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450::1'])(
    'the public address %s may be sent to',
    (address) => {
      expect(mayBeSentTo(address, NONE)).toBe(true);
    },
  );

  it.each([
    ['loopback', '127.0.0.1', '127.255.255.254', '::1'],
    ['private', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fc00::1', 'fd00:ec2::254'],
    ['link-local', '169.254.169.254', 'fe80::1', 'fe80::1%eth0'],
    ['shared by carriers', '100.64.0.1', '100.127.255.255'],
    ['unspecified', '0.0.0.0', '0.1.2.3', '::'],
    ['multicast', '224.0.0.1', '239.255.255.255', 'ff02::1'],
    ['reserved', '240.0.0.1', '255.255.255.255', '4000::1'],
    ['documentation or benchmarks', '192.0.2.1', '198.51.100.1', '203.0.113.1', '198.18.0.1', '2001:db8::1', '3fff::1'],
    ['IPv4 mapped into IPv6', '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:10.0.0.1', '::ffff:8.8.8.8', '::127.0.0.1'],
    ['IPv4 by way of NAT64', '64:ff9b::7f00:1', '64:ff9b:1::a00:1'],
    ['IPv4 by way of 6to4 or Teredo', '2002:7f00:1::1', '2001:0:7f00:1::1'],
    ["a cloud's own service at a public address", '168.63.129.16'],
    ['no address', 'localhost', ''],
  ])('what is %s may not', (_, ...addresses) => {
    for (const address of addresses) expect([address, mayBeSentTo(address, NONE)]).toEqual([address, false]);
  });
});

describe('a network that is allowed', () => {
  it('opens itself, and nothing beside it', () => {
    const networks = allowing('10.1.0.0/16, fd00:1::/32');
    for (const address of ['10.1.0.1', '10.1.255.255', 'fd00:1::5', '8.8.8.8'])
      expect([address, mayBeSentTo(address, networks)]).toEqual([address, true]);
    for (const address of ['10.2.0.1', '10.0.255.255', '127.0.0.1', 'fd00:2::5', '::ffff:10.2.0.1'])
      expect([address, mayBeSentTo(address, networks)]).toEqual([address, false]);
  });

  it.each([
    '',
    '10.1.0.0',
    '10.1.0.0/33',
    '10.1.0/16',
    'fd00::/129',
    'localhost/8',
    '10.0.0.0/8,',
    '10.0.0.0/-1',
    'fe80::1%eth0/64',
  ])('is not “%s”', (text) => {
    expect(networksIn(text)).toBeUndefined();
  });
});

describe('the setting AUDIENCE_NOTIFY_ALLOW', () => {
  const settings = (env: Record<string, string>) => workerSettings({ POLYTOMIC_API_KEY: 'key', ...env }, 'test');

  it('allows its networks, and none where it is not set', () => {
    expect(mayBeSentTo('127.0.0.1', settings({ AUDIENCE_NOTIFY_ALLOW: '127.0.0.0/8' }).noticeNetworks)).toBe(true);
    expect(mayBeSentTo('127.0.0.1', settings({}).noticeNetworks)).toBe(false);
  });

  it('is reported together with every other fault, without its value', () => {
    try {
      settings({ AUDIENCE_NOTIFY_ALLOW: 'here-and-there', AUDIENCE_HEALTH_PORT: 'x' });
    } catch (error) {
      if (!(error instanceof WorkerSettingsError)) throw error;
      expect(error.message).toMatch(/AUDIENCE_NOTIFY_ALLOW must be networks/);
      expect(error.message).toMatch(/AUDIENCE_HEALTH_PORT/);
      expect(error.message).not.toContain('here-and-there');
      return;
    }
    throw new Error('it was taken');
  });
});
