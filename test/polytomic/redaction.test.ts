import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  isSecretKey,
  REDACTED,
  redact,
  redactText,
  secretsIn,
  withoutRedacted,
} from '../../src/polytomic/redaction.ts';

const SECRET_KEYS = [
  'password',
  'Password',
  'PASSWD',
  'clientSecret',
  'client_secret',
  'CLIENT-SECRET',
  'private_key',
  'privateKey',
  'private_key_passphrase',
  'encryptionPassphrase',
  'oauth_refresh_token',
  'refreshToken',
  'access_token',
  'apiKey',
  'API Key',
  'api_key',
  'Authorization',
  'auth_url',
  'authUrl',
  'auth_code',
  'aws_access_key',
  'Set-Cookie',
  'credentials',
  'pwd',
];
const OPEN_KEYS = [
  'name',
  'username',
  'account',
  'key',
  'key_pair_auth',
  'client_id',
  'connected_user',
  'passenger',
  'author',
  'field',
];

const secretKey = fc.constantFrom(...SECRET_KEYS);
const openKey = fc.constantFrom(...OPEN_KEYS);

describe('a key', () => {
  it.each(SECRET_KEYS)('%s looks secret', (key) => expect(isSecretKey(key)).toBe(true));
  it.each(OPEN_KEYS)('%s does not look secret', (key) => expect(isSecretKey(key)).toBe(false));
});

describe('redact', () => {
  it('replaces what is under a secret-looking key, at any depth, and nothing else', () => {
    const value = {
      name: 'n',
      configuration: { username: 'u', password: 'p', list: [{ token: 't' }], client_secret: { deep: 's' } },
    };
    expect(redact(value)).toEqual({
      name: 'n',
      configuration: { username: 'u', password: REDACTED, list: [{ token: REDACTED }], client_secret: REDACTED },
    });
    expect(value.configuration.password).toBe('p');
  });

  it('leaves null and booleans, which tell no secret', () => {
    expect(redact({ password: null, has_token: true })).toEqual({ password: null, has_token: true });
  });

  it('takes bearer tokens and given secrets out of texts and keys', () => {
    expect(redact({ header: 'Bearer abc.def-1', 'my hunter2': ['x hunter2 y'] }, ['hunter2'])).toEqual({
      header: `Bearer ${REDACTED}`,
      [`my ${REDACTED}`]: [`x ${REDACTED} y`],
    });
  });

  it('copies what JSON cannot say: cycles, big numbers, functions, getters that throw, endless depth', () => {
    const cyclic: Record<string, unknown> = {
      big: 1n,
      none: undefined,
      run: () => 1,
      nan: Number.NaN,
      list: [undefined, Symbol('s')],
    };
    cyclic['self'] = cyclic;
    cyclic['when'] = new Date(0);
    Object.defineProperty(cyclic, 'broken', {
      enumerable: true,
      get: () => {
        throw new Error('no');
      },
    });
    let deep: unknown = 'bottom';
    for (let i = 0; i < 100_000; i += 1) deep = { deep };
    expect(() => JSON.stringify(redact({ cyclic, deep }))).not.toThrow();
    expect(redact({ when: cyclic['when'], big: 1n, list: cyclic['list'] })).toEqual({
      when: '1970-01-01T00:00:00.000Z',
      big: '1',
      list: [null, null],
    });
    expect(redact(cyclic)).toBe('[unreadable]');
    const twice = { a: 1 };
    expect(redact([twice, twice])).toEqual([{ a: 1 }, { a: 1 }]);
  });

  it('never lets a value under a secret-looking key through, and always gives JSON', () => {
    const secret = fc.stringMatching(/^S[0-9a-f]{12}$/);
    const tree = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.jsonValue(),
        fc.dictionary(openKey, tie('node')),
        fc.array(tie('node')),
        tie('hidden'),
      ),
      hidden: fc
        .record({ key: secretKey, value: fc.oneof(secret, fc.array(secret), fc.record({ inner: secret })) })
        .map(({ key, value }) => ({ [key]: value })),
    }));
    fc.assert(
      fc.property(tree.node, (value) => {
        expect(JSON.stringify(redact(value)) ?? '').not.toMatch(/S[0-9a-f]{12}/);
      }),
    );
  });

  it('keeps what holds no secret as it is', () => {
    fc.assert(
      fc.property(
        fc.dictionary(openKey, fc.oneof(fc.integer(), fc.boolean(), fc.constant(null), fc.stringMatching(/^[a-z ]*$/))),
        (value) => {
          fc.pre(!JSON.stringify(value).includes('bearer'));
          expect(redact(value)).toEqual({ ...value });
        },
      ),
    );
  });

  it('does not change the prototype of the copy', () => {
    const value: unknown = JSON.parse('{"__proto__": {"polluted": true}}');
    expect(Object.getPrototypeOf(redact(value))).toBe(Object.prototype);
  });
});

describe('redactText', () => {
  it('removes secrets as they are, and as they stand in JSON and in URLs', () => {
    const secret = 'a"b\nc/d e';
    const text = `${secret} ${JSON.stringify({ secret })} ?p=${encodeURIComponent(secret)}`;
    expect(redactText(text, [secret])).toBe(`${REDACTED} {"secret":"${REDACTED}"} ?p=${REDACTED}`);
  });

  it('removes a secret whole that contains another one', () => {
    expect(redactText('hunter2-and-more', ['hunter2', 'hunter2-and-more'])).toBe(REDACTED);
  });

  it('leaves a text legible that has a secret too short to be one', () => {
    expect(redactText('a banana', ['a', ''])).toBe('a banana');
  });

  it('takes secrets as texts, not as patterns', () => {
    expect(redactText('abcd $& (.*)', ['(.*)'])).toBe(`abcd $& ${REDACTED}`);
    expect(redactText('abcd', ['....'])).toBe('abcd');
  });

  it.each([
    ['authorization: bearer AbC123==', `authorization: bearer ${REDACTED}`],
    ['Bearer   x.y_z-~+/', `Bearer ${REDACTED}`],
    ['the bearer token is missing', 'the bearer token is missing'],
    ['no bearer token.', 'no bearer token.'],
    ['Bearer token-123', `Bearer ${REDACTED}`],
    ['forbearer abc', 'forbearer abc'],
  ])('reads bearer tokens in %j', (text, expected) => expect(redactText(text)).toBe(expected));

  it('leaves no secret, whatever surrounds it', () => {
    fc.assert(
      fc.property(fc.string(), fc.stringMatching(/^[A-Z0-9]{8,40}$/), fc.string(), (before, secret, after) => {
        expect(redactText(before + secret + after, [secret])).not.toContain(secret);
      }),
    );
  });

  it('never throws, also for secrets that are half a character', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.array(fc.string({ unit: 'binary', minLength: 4 })),
        (text, secrets) => {
          redactText(`${text}\ud800`, [...secrets, 'abcd\ud800']);
        },
      ),
    );
  });
});

describe('secretsIn', () => {
  it('finds every text under a secret-looking key, and nothing else', () => {
    const body = {
      name: 'n',
      configuration: { password: 'p1', ssh: [{ private_key: 'p2' }], tokens: ['p3', { inner: 'p4' }], port: 1 },
    };
    expect(secretsIn(body)).toEqual(['p1', 'p2', 'p3', 'p4']);
    expect(secretsIn(undefined)).toEqual([]);
  });
});

describe('withoutRedacted', () => {
  it.each(['********', '****', '••••••', '(redacted)', '[redacted]', 'REDACTED', 'Redacted'])(
    'leaves out %j under any key',
    (mask) => {
      expect(withoutRedacted({ password: mask, hidden: mask, username: 'u' })).toEqual({ username: 'u' });
    },
  );

  it('leaves out the empty text and short masks under secret-looking keys alone', () => {
    expect(withoutRedacted({ password: '', token: '*', schema: '', tables: '*' })).toEqual({ schema: '', tables: '*' });
  });

  it('looks into objects and lists, and keeps everything else as it is', () => {
    const value = {
      ssh: { private_key: '****', host: 'h' },
      tables: ['*', '****', { token: '***' }],
      port: 5,
      none: null,
      on: true,
    };
    expect(withoutRedacted(value)).toEqual({ ssh: { host: 'h' }, tables: ['*', {}], port: 5, none: null, on: true });
  });

  it('keeps a real secret', () => {
    expect(withoutRedacted({ password: 'p*ss', token: 'redacted by hand' })).toEqual({
      password: 'p*ss',
      token: 'redacted by hand',
    });
  });
});
