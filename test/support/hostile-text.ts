/** Text from outside that means to be more than text. */
import fc from 'fast-check';

/** What people would try, each a sample of its own kind. */
export const HOSTILE = [
  '[x](https://evil.example)',
  '<img src=x onerror=alert(1)>',
  '![x](https://evil.example/x.png)',
  '<https://evil.example>',
  'https://evil.example',
  'a@evil.example',
  '</td></table><script>alert(1)</script>',
  '`code` **bold** _emphasis_ ~~gone~~ $formula$ &lt;b&gt; &#60;b&#62;',
  '\n\n# heading\n\n- item\n1. item\n> quote\n\n    code\n\n| a | b |\n|-|-|\n| c | d |',
  '[ref]: https://evil.example\n[ref]',
  '\\[x\\](https://evil.example) \\\\<b>',
];

/** Those, and whatever else a renderer could stumble over. */
export const outside = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.constantFrom(...'\\`*_{}[]()#+-.!:|&<>~^$/@"\'= \n\r\t\u2028\u202eax1'), { maxLength: 40 })
    .map((all) => all.join('')),
);
