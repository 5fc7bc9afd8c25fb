import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { signatureOf, verifyNotice } from '../../src/notices/signature.ts';

const SECRET = 'a-secret-of-both';
const BODY = '{"id":"n1","event":"done"}';
const AT = 1_800_000_000;
const now = AT * 1000;

const headers = (change: Record<string, string | string[]> = {}) => ({
  'audience-notice-id': 'n1',
  'audience-timestamp': String(AT),
  'audience-signature': signatureOf(String(AT), BODY, SECRET),
  ...change,
});

describe('a signature', () => {
  it('is the HMAC-SHA256 of time, a dot and body, in hexadecimal', () => {
    const hmac = createHmac('sha256', SECRET).update(`${AT}.${BODY}`).digest('hex');
    expect(signatureOf(String(AT), BODY, SECRET)).toBe(`v1=${hmac}`);
  });

  it('is not made with an empty secret', () => {
    expect(() => signatureOf(String(AT), BODY, '')).toThrow(TypeError);
    expect(() => verifyNotice(headers(), BODY, '', { now })).toThrow(TypeError);
  });
});

describe('verifying', () => {
  it.each([
    ['a map with small letters, as Node has it', headers()],
    [
      'a map with capitals',
      { 'Audience-Timestamp': String(AT), 'Audience-Signature': headers()['audience-signature'] },
    ],
    ['a Headers object', new Headers(headers() as Record<string, string>)],
  ])('takes a genuine notice, its headers in %s', (_, given) => {
    expect(verifyNotice(given, BODY, SECRET, { now })).toBe(true);
  });

  it('takes the body as bytes too', () => {
    expect(verifyNotice(headers(), Buffer.from(BODY), SECRET, { now })).toBe(true);
  });

  it.each([
    ['a changed body', headers(), `${BODY} `, SECRET],
    ['another secret', headers(), BODY, 'another'],
    ['a changed time', headers({ 'audience-timestamp': String(AT + 1) }), BODY, SECRET],
    ['no time', headers({ 'audience-timestamp': '' }), BODY, SECRET],
    ['a time that is no number', headers({ 'audience-timestamp': '1e9' }), BODY, SECRET],
    ['no signature', headers({ 'audience-signature': '' }), BODY, SECRET],
    ['a shorter signature', headers({ 'audience-signature': 'v1=00' }), BODY, SECRET],
    ['a signature of the same length', headers({ 'audience-signature': `v1=${'0'.repeat(64)}` }), BODY, SECRET],
    [
      'two signatures',
      headers({ 'audience-signature': [headers()['audience-signature'] as string, 'v1=00'] }),
      BODY,
      SECRET,
    ],
  ])('refuses %s', (_, given, body, secret) => {
    expect(verifyNotice(given, body, secret, { now })).toBe(false);
  });

  it('refuses one that is too old or too far in the future, by as much as the receiver says', () => {
    const fiveMinutes = 5 * 60 * 1000;
    for (const sign of [1, -1]) {
      expect(verifyNotice(headers(), BODY, SECRET, { now: now + sign * fiveMinutes })).toBe(true);
      expect(verifyNotice(headers(), BODY, SECRET, { now: now + sign * (fiveMinutes + 1) })).toBe(false);
      expect(verifyNotice(headers(), BODY, SECRET, { now: now + sign * 2000, toleranceMs: 1000 })).toBe(false);
    }
  });
});
