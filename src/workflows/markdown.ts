/** Markdown as the Temporal Web UI shows it. Its renderer passes HTML through, so nothing from outside may go there as it is. */

/** How many rows a table has at most. */
export const MAX_ROWS = 30;

/**
 * How long all Markdown of a run may get, in bytes of a URL: the Web UI sends it to its renderer in one, and a proxy before
 * it may take no more than 8 KB.
 */
export const MAX_URL_BYTES = 7600;

/** What stands between two paragraphs. */
export const PARAGRAPH = '\n\n';

/** How long a table may get, likewise. */
const MAX_TABLE_URL_BYTES = 5000;

/**
 * Text that came from outside, harmless in Markdown: no markup, no link, no line of its own. Renderers disagree about which
 * signs a backslash escapes; where they do, a character reference stands for the sign.
 */
export function escapeMarkdown(text: string): string {
  return (
    text
      .replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]+/gu, ' ')
      .replace(/[\\`*_{}[\]()#+.!:|&<>~^]/g, (mark) => `\\${mark}`)
      // A hyphen between letters means nothing, and ids are full of them.
      .replace(/(?<![\p{L}\p{N}])-|-(?![\p{L}\p{N}])/gu, '\\-')
      // No backslash escapes these everywhere. They would become formulas, fractions and e-mail addresses.
      .replace(/[$/@]/g, (mark) => `&#${mark.charCodeAt(0)};`)
  );
}

/**
 * A link, if it is safe to make one: `https:`, or `http:` on loopback, where the sandbox lives. Anything else is shown as
 * text, so that nobody is led by the run to an address that its page does not show.
 */
export function linkOf(url: string, text: string): string {
  const safe =
    /^(https:\/\/[\w.~:/?#[\]@!$&*+,;=%-]+|http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d+)?([/?#][\w.~:/?#[\]@!$&*+,;=%-]*)?)$/;
  // Else `&copy=…` in a query would become `©=…`.
  return safe.test(url) ? `[${text}](${url.replaceAll('&', '&amp;')})` : escapeMarkdown(url);
}

/** How long a text is in a URL, in bytes. */
export function urlBytes(text: string): number {
  return encodeURIComponent(text).length;
}

/**
 * As many of the paragraphs as there is room for, and how many more there are. The others are not made: this is done at every
 * change of a run, which may have hundreds of them.
 */
export function asMany(paragraphs: Array<() => string>, maxBytes: number): string[] {
  const more = (rest: number) => `and ${rest} more to read: query \`status\` has them`;
  let bytes = urlBytes(more(paragraphs.length));
  const shown: string[] = [];
  for (const make of paragraphs) {
    const text = make();
    bytes += urlBytes(text) + urlBytes(PARAGRAPH);
    if (bytes > maxBytes) return [...shown, more(paragraphs.length - shown.length)];
    shown.push(text);
  }
  return shown;
}

/** A table with as many of the rows as fit, and how many those are. Cells are Markdown. */
export function table(
  headings: string[],
  rows: string[][],
  maxBytes = MAX_TABLE_URL_BYTES,
): { markdown: string; shown: number } {
  const lines: string[] = [];
  let bytes = 0;
  for (const row of rows.slice(0, MAX_ROWS)) {
    const line = `| ${row.join(' | ')} |`;
    bytes += urlBytes(line) + urlBytes('\n');
    if (bytes > Math.min(maxBytes, MAX_TABLE_URL_BYTES)) break;
    lines.push(line);
  }
  const markdown = [`| ${headings.join(' | ')} |`, `|${'-|'.repeat(headings.length)}`, ...lines].join('\n');
  return { markdown, shown: lines.length };
}
