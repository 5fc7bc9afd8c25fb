import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LIMITS, type ProvisioningRequest, parseRequest, settingsOf } from '../../src/request/schema.ts';
import { changed, faultLines, walkthrough } from './valid-request.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const notify = { url: 'https://hooks.example.com/a?x=1', secret: { file: 'notices/signing-key' } };

const allOptions = {
  signIn: { timeout: '14d', onTimeout: 'fail', linkTtl: '30m', remindEvery: '1d', poll: '90s' },
  onBlocked: 'fail',
  onFailure: 'undo',
  firstRun: 'await',
  notify,
};

/** A request with these options, checked. */
function accepted(options: unknown): ProvisioningRequest {
  const parsed = parseRequest(changed('options', options));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.request;
}

const settings = (options: unknown) => settingsOf(accepted(options));

describe('settingsOf', () => {
  const defaults = {
    signIn: { timeoutMs: 7 * DAY, onTimeout: 'block', linkTtlMs: HOUR },
    onBlocked: 'wait',
    onFailure: 'keep',
    firstRun: 'none',
  };

  it.each([
    ['no options', undefined],
    ['empty options', {}],
    ['an empty sign-in', { signIn: {} }],
    ['the defaults written out', { signIn: { timeout: '7d', poll: 'off' }, onFailure: 'keep' }],
  ])('has a default for everything, with %s', (_, options) => {
    expect(settings(options)).toStrictEqual(defaults);
  });

  it('says what was written, lengths of time in ms', () => {
    expect(settings(allOptions)).toStrictEqual({
      signIn: {
        timeoutMs: 14 * DAY,
        onTimeout: 'fail',
        linkTtlMs: 30 * MINUTE,
        remindEveryMs: DAY,
        pollMs: 90 * SECOND,
      },
      onBlocked: 'fail',
      onFailure: 'undo',
      firstRun: 'await',
      notify,
    });
  });

  it.each([
    ['1s', SECOND],
    ['90s', 90 * SECOND],
    ['4h', 4 * HOUR],
    ['365d', 365 * DAY],
    ['8760h', 365 * DAY],
    ['31536000s', 365 * DAY],
  ])('reads %s as %d ms', (written, ms) => {
    expect(settings({ signIn: { timeout: written } }).signIn.timeoutMs).toBe(ms);
  });

  it('refuses a request that was not checked', () => {
    const unchecked = changed('options', { signIn: { timeout: 'soon' } });
    expect(() => settingsOf(unchecked)).toThrow(RangeError);
  });

  it('is within bounds for whatever is accepted', () => {
    const duration = fc
      .tuple(
        fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 0, max: 40_000_000 })),
        fc.constantFrom('s', 'm', 'h', 'd'),
      )
      .map(([number, unit]) => `${number}${unit}`);
    const written = fc.oneof(
      { weight: 20, arbitrary: duration },
      { weight: 1, arbitrary: fc.constantFrom<unknown[]>('off', '7', '', '1w', 7) },
    );
    const signIn = fc.record(
      { timeout: written, linkTtl: written, remindEvery: written, poll: written },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(signIn, (put) => {
        const parsed = parseRequest(changed('options', { notify, signIn: put }));
        fc.pre(parsed.ok);
        const { timeoutMs, linkTtlMs, remindEveryMs = timeoutMs, pollMs = SECOND } = settingsOf(parsed.request).signIn;
        for (const ms of [timeoutMs, linkTtlMs, remindEveryMs, pollMs]) {
          expect(ms).toBeGreaterThanOrEqual(SECOND);
          expect(ms).toBeLessThanOrEqual(LIMITS.durationMs);
          expect(ms % SECOND).toBe(0);
        }
        expect(remindEveryMs).toBeLessThanOrEqual(timeoutMs);
      }),
      { numRuns: 200 },
    );
  });
});

describe('options that are accepted', () => {
  it('come back as they were written, without defaults', () => {
    for (const options of [allOptions, {}, { signIn: {} }, { signIn: { poll: 'off' } }, { notify }]) {
      expect(accepted(options).options).toStrictEqual(options);
    }
    expect(accepted(undefined)).toStrictEqual(walkthrough());
  });

  it('may remind as rarely as the wait is long', () => {
    expect(faultLines(changed('options', { notify, signIn: { timeout: '1h', remindEvery: '60m' } }))).toEqual([]);
    expect(faultLines(changed('options', { notify, signIn: { remindEvery: '7d' } }))).toEqual([]);
  });

  it.each(['http://localhost:8080/x', 'http://127.0.0.1/', 'http://[::1]:9', 'https://example.com'])(
    'may send notices to %s',
    (url) => expect(faultLines(changed('options', { notify: { ...notify, url } }))).toEqual([]),
  );
});

describe('faults in options', () => {
  const DURATION = 'a length of time from 1s to 365d: a whole number and a unit, s, m, h or d, e.g. 30m';
  const TOO_RARE =
    'is longer than the sign-in is waited for (`timeout`, 7d if it is not written), so no reminder would come';
  const ADDRESS = 'expects an https address (plain http for this machine only)';
  const cases: Array<[path: string, written: unknown, fault: string]> = [
    [
      'options',
      'none',
      'options: expects options: a map with signIn, onBlocked, onFailure, firstRun, notify; found a text of 4 characters',
    ],
    ['options.onFail', 'undo', 'options.onFail: unknown key `onFail`; did you mean `onFailure`?'],
    ['options.signin', {}, 'options.signin: unknown key `signin`; did you mean `signIn`?'],
    ['options.signIn.timout', '1d', 'options.signIn.timout: unknown key `timout`; did you mean `timeout`?'],
    [
      'options.signIn',
      '7d',
      'options.signIn: expects options of the sign-in: a map with timeout, onTimeout, linkTtl, remindEvery, poll; found a text of 2 characters',
    ],
    ...['0s', '1', '1.5h', '-1d', '1w', '1 d', '1D', '1d12h', '01d', '366d', '8761h', '31536001s', '100000000s'].map(
      (written): [string, unknown, string] => [
        'options.signIn.timeout',
        written,
        `options.signIn.timeout: expects ${DURATION}; found a text of ${written.length} character${written.length === 1 ? '' : 's'}`,
      ],
    ),
    [
      'options.signIn.linkTtl',
      3600,
      `options.signIn.linkTtl: expects ${DURATION}; found a number; write the unit behind it`,
    ],
    [
      'options',
      { notify, signIn: { remindEvery: null } },
      `options.signIn.remindEvery: expects ${DURATION}; found nothing`,
    ],
    ['options', { notify, signIn: { timeout: '1d', remindEvery: '25h' } }, `options.signIn.remindEvery: ${TOO_RARE}`],
    ['options', { notify, signIn: { remindEvery: '8d' } }, `options.signIn.remindEvery: ${TOO_RARE}`],
    [
      'options.signIn.remindEvery',
      '1d',
      'options.signIn.remindEvery: needs `options.notify`, to say where reminders are sent',
    ],
    [
      'options.signIn.onTimeout',
      'wait',
      'options.signIn.onTimeout: expects one of block, fail; found a text of 4 characters',
    ],
    [
      'options.signIn.poll',
      false,
      'options.signIn.poll: expects the word off, or a length of time; found a boolean; write off in quotes',
    ],
    [
      'options.signIn.poll',
      'never',
      `options.signIn.poll: expects the word off, or ${DURATION}; found a text of 5 characters`,
    ],
    [
      'options.signIn.poll',
      30,
      `options.signIn.poll: expects the word off, or ${DURATION}; found a number; write the unit behind it`,
    ],
    ['options.onBlocked', 'block', 'options.onBlocked: expects one of wait, fail; found a text of 5 characters'],
    [
      'options.onFailure',
      'Undo',
      'options.onFailure: expects one of keep, undo; found a text of 4 characters; did you mean `undo`?',
    ],
    [
      'options.firstRun',
      'awit',
      'options.firstRun: expects one of none, start, await; found a text of 4 characters; did you mean `await`?',
    ],
    ['options.firstRun', false, 'options.firstRun: expects one of none, start, await; found a boolean'],
    ['options.notify', {}, `options.notify.url: is missing: ${ADDRESS}`],
    [
      'options.notify',
      { url: notify.url, secret: { env: 'SNOWFLAKE_PASSWORD' } },
      'options.notify.secret.env: expects the name of an environment variable of the worker that begins with AUDIENCE_NOTICE_: letters, digits and _; found a text of 18 characters',
    ],
    [
      'options.notify',
      { url: notify.url, secret: { file: 'snowflake/polytomic.p8' } },
      'options.notify.secret.file: expects the path of a file in notices/ of the secrets directory of the worker; found a text of 22 characters',
    ],
    [
      'options.notify',
      { url: notify.url, secret: 'hunter2' },
      'options.notify.secret: expects a reference to a key, { env: AUDIENCE_NOTICE_… } for a variable of the worker or { file: notices/… } for a file of its secrets directory, never the key itself; found a text of 7 characters',
    ],
    ...['http://example.com', 'https://user:pass@example.com', 'http://localhost.example.com', 'ftp://example.com'].map(
      (url): [string, unknown, string] => [
        'options.notify',
        { ...notify, url },
        `options.notify.url: ${ADDRESS}; found a text of ${url.length} characters`,
      ],
    ),
  ];
  it.each(cases)('%s = %j is refused', (path, written, fault) => {
    const request = { ...walkthrough(), options: { signIn: {} } };
    expect(faultLines(changed(path, written, request))).toEqual(expect.arrayContaining([fault]));
  });
});
