/** The project's pages, as far as tests look into them. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A fenced block. */
export interface Block {
  /** E.g. `sh`; empty where none is given. */
  language: string;
  text: string;
}

const inDocs = await readdir('docs', { recursive: true });

/** All pages for readers: those at the top and those in `docs`. */
export const PAGES = [
  'README.md',
  'CHANGELOG.md',
  ...inDocs.filter((name) => name.endsWith('.md')).map((name) => join('docs', name)),
];

/** The text of a page. */
export function page(path: string): Promise<string> {
  return readFile(path, 'utf8');
}

/** The fenced blocks of a page, in order. */
export function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language = '', text = '']) => ({
    language,
    text,
  }));
}

/** A page without its fenced blocks. */
export function proseOf(markdown: string): string {
  return markdown.replace(/^```[\s\S]*?^```$/gm, '');
}

/** The code spans of a text. */
export function codeSpans(text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
}

/** The part of a page under a heading, up to the next one of the same level or above. */
export function section(markdown: string, heading: string): string {
  const lines = markdown.split('\n');
  const start = lines.indexOf(heading);
  if (start === -1) throw new Error(`there is no heading “${heading}”`);
  const level = heading.indexOf(' ');
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => /^#+ /.test(line) && line.indexOf(' ') <= level);
  return rest.slice(0, end === -1 ? undefined : end).join('\n');
}

/** The rows of all tables in a text, without heads; each cell as it is written. */
export function tableRows(text: string): string[][] {
  const rows: string[][] = [];
  let inTable = false;
  for (const line of text.split('\n')) {
    if (!line.startsWith('|')) inTable = false;
    else if (/^\|( ?-+ ?\|)+$/.test(line)) inTable = true;
    else if (inTable)
      rows.push(
        line
          .slice(1, -1)
          .split('|')
          .map((cell) => cell.trim()),
      );
  }
  return rows;
}
