import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { escapeMarkdown, linkOf } from '../../src/workflows/markdown.ts';
import { outside } from '../support/hostile-text.ts';

/** What a reader sees of escaped text: what CommonMark makes of it. */
function read(markdown: string): string {
  return markdown
    .replace(/\\([!-/:-@[-`{-~])/g, (_, mark: string) => `&#${mark.charCodeAt(0)};`)
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
}

describe('escaped text', () => {
  it('has no sign left that Markdown or HTML could take for its own', () => {
    fc.assert(
      fc.property(outside, (text) => {
        const bare = escapeMarkdown(text).replace(/\\[\\`*_{}[\]()#+\-.!:|&<>~^]|&#\d+;/g, '');
        expect(bare).not.toMatch(/[\\`*_{}[\]()#+.!:|&<>~^$/@\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u);
        expect(bare).not.toMatch(/--/);
      }),
    );
  });

  it('reads as what it was, line breaks and invisible signs apart', () => {
    fc.assert(
      fc.property(outside, (text) => {
        expect(read(escapeMarkdown(text))).toBe(text.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]+/gu, ' '));
      }),
    );
  });

  it('leaves an id as it is', () => {
    const id = 'c5d00bb7-e920-4ccf-859a-138355a528b6';
    expect(escapeMarkdown(id)).toBe(id);
  });
});

describe('a link', () => {
  it.each([
    'https://www.linkedin.com/oauth/v2/authorization?access_type=offline&client_id=1&scope=r_ads%20rw_ads#top',
    'http://127.0.0.1:4000/_sandbox/consent/a?state=b',
    'http://localhost/consent',
    'http://[::1]:4000?state=b',
  ])('is made of %s', (url) => {
    expect(linkOf(url, 'Sign in')).toBe(`[Sign in](${url.replaceAll('&', '&amp;')})`);
  });

  it.each([
    'http://www.linkedin.com/oauth',
    'http://127.0.0.1.evil.example/',
    'http://localhost@evil.example/',
    'http://localhost:1@evil.example/',
    'javascript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'https://a.example/)[x](javascript:alert(1)',
    'https://a.example/ "title"',
    'https://a.example/<b>',
    'https://a.example/\u202eb',
    'HTTPS://a.example/\nnew line',
  ])('is not made of %j, which is shown as text', (url) => {
    expect(linkOf(url, 'Sign in')).toBe(escapeMarkdown(url));
  });

  it('is made of nothing that could end it', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          outside,
          outside.map((text) => `https://a.example/${text}`),
        ),
        (url) => {
          const link = linkOf(url, 'Sign in');
          expect(link === escapeMarkdown(url) || /^\[Sign in\]\(https?:\/\/[^\s()<>"'`\\]+\)$/.test(link)).toBe(true);
        },
      ),
    );
  });
});
