/**
 * Which addresses a notice may be sent to. A requester chooses the target, and a worker stands where other things can be
 * reached: a company's internal services, a cloud's metadata. So only public addresses, unless the worker's operator
 * allows a network.
 *
 * Node's own `BlockList` does the arithmetic, so no package is needed for it; what is not public is a table of IANA's two
 * special-purpose registries. Of IPv6 all is refused that is not global unicast: what is mapped, link-local, NAT64 or yet
 * to be assigned needs no entry.
 */
import { BlockList, isIP } from 'node:net';

/** Not public: private, loopback, link-local, shared by carriers, documentation, benchmarks, multicast, reserved. */
const NOT_PUBLIC_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  // A public address that inside Azure is the host's own service.
  '168.63.129.16/32',
];

/** Within global unicast: protocol assignments with Teredo, documentation, and 6to4, which leads to any IPv4 address. */
const NOT_PUBLIC_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

const LOOPBACK = listOf(['127.0.0.0/8', '::1/128']);
const GLOBAL_UNICAST_V6 = listOf(['2000::/3']);
const NOT_PUBLIC = listOf([...NOT_PUBLIC_V4, ...NOT_PUBLIC_V6]);

/** The networks of a comma-separated list such as `10.1.0.0/16,fd00::/8`; `undefined` if something in it is none. */
export function networksIn(text: string): BlockList | undefined {
  const networks = text.split(',').map((network) => network.trim());
  return networks.every((network) => parts(network) !== undefined) ? listOf(networks) : undefined;
}

/** Whether an IP address is this machine's own. */
export function isLoopback(address: string): boolean {
  return isIn(LOOPBACK, address);
}

/** Whether a notice may be sent to this IP address: it is public, or in a network that is allowed. */
export function mayBeSentTo(address: string, allowed: BlockList): boolean {
  return isIn(allowed, address) || isPublic(address);
}

function isPublic(address: string): boolean {
  return !isIn(NOT_PUBLIC, address) && (isIP(address) === 4 || isIn(GLOBAL_UNICAST_V6, address));
}

function isIn(list: BlockList, address: string): boolean {
  // A scope such as `%eth0` is not part of the address.
  const bare = address.replace(/%.*$/, '');
  const family = isIP(bare);
  return family !== 0 && list.check(bare, family === 4 ? 'ipv4' : 'ipv6');
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const found = parts(network);
    if (found === undefined) throw new TypeError(`${network} is no network`);
    list.addSubnet(found.address, found.prefix, found.family);
  }
  return list;
}

function parts(network: string): { address: string; prefix: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [, address = '', digits = ''] = /^([^/%]+)\/(\d{1,3})$/.exec(network) ?? [];
  const family = isIP(address);
  const prefix = Number(digits);
  if (family === 0 || prefix > (family === 4 ? 32 : 128)) return undefined;
  return { address, prefix, family: family === 4 ? 'ipv4' : 'ipv6' };
}
