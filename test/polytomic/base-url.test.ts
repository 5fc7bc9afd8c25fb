import { describe, expect, it } from '@jest/globals';
import { checkedBaseUrl } from '../../src/polytomic/base-url.ts';

describe('a base URL', () => {
  it.each([
    ['https://app.polytomic.com', 'https://app.polytomic.com'],
    ['https://app.polytomic.com/', 'https://app.polytomic.com'],
    ['https://tools.example.com/data/polytomic/', 'https://tools.example.com/data/polytomic'],
    ['http://localhost:8080', 'http://localhost:8080'],
    ['http://127.0.0.1:8080/', 'http://127.0.0.1:8080'],
    ['http://127.1.2.3', 'http://127.1.2.3'],
    ['http://[::1]:8080', 'http://[::1]:8080'],
    ['http://sandbox:8080', 'http://sandbox:8080'],
    ['http://app.localhost', 'http://app.localhost'],
  ])('may be %s', (address, checked) => expect(checkedBaseUrl(address)).toBe(checked));

  it.each([
    'http://app.polytomic.com',
    'http://10.0.0.1',
    'http://127.0.0.1.example.com',
    'http://localhost.example.com',
    'http://[2001:db8::1]',
    'http://134744072',
    'ftp://localhost',
    'file:///etc/passwd',
    'data:text/plain,x',
  ])('may not be %s, which would send the key in clear text', (address) => {
    expect(() => checkedBaseUrl(address)).toThrow(/use https, or http with loopback or a host name without a dot/);
  });

  it.each(['', 'app.polytomic.com', '/api', 'https://', 'user:hunter2@host'])(
    'may not be %j, which is no URL',
    (address) => {
      expect(() => checkedBaseUrl(address)).toThrow(expect.objectContaining({ name: 'TypeError' }));
      expect(() => checkedBaseUrl(address)).not.toThrow(/hunter2/);
    },
  );

  it.each(['https://user:hunter2@host', 'https://hunter2@host', 'https://host/?k=hunter2', 'https://host/#hunter2'])(
    'may not be %s, and what it should not have is not shown',
    (address) => {
      expect(() => checkedBaseUrl(address)).toThrow('must have no user, password, query or fragment');
      expect(() => checkedBaseUrl(address)).not.toThrow(/hunter2/);
    },
  );
});
