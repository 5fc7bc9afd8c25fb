import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { blocksOf, codeSpans, PAGES, page, proseOf } from './documents.ts';

/** Where the links of a page lead, but for those to other sites. */
function relativeLinks(markdown: string): string[] {
  const targets = [...proseOf(markdown).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchor that a heading gets, as GitHub makes it. */
function anchorOf(heading: string): string {
  const text = heading.replace(/^#+ /, '').replace(/`/g, '').toLowerCase();
  return text.replace(/[^\p{L}\p{N}\- _]/gu, '').replaceAll(' ', '-');
}

async function anchorsOf(path: string): Promise<string[]> {
  const headings = proseOf(await page(path)).match(/^#+ .*$/gm) ?? [];
  return headings.map(anchorOf);
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

async function isDead(from: string, target: string): Promise<boolean> {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? from : normalize(join(dirname(from), path));
  if (!(await exists(file))) return true;
  return anchor !== undefined && !(await anchorsOf(file)).includes(anchor);
}

async function filtered<T>(items: T[], wanted: (item: T) => Promise<boolean>): Promise<T[]> {
  const flags = await Promise.all(items.map(wanted));
  return items.filter((_, index) => flags[index]);
}

const TOP_FOLDERS = /^(src|test|docs|examples)\//;

describe.each(PAGES)('%s', (path) => {
  it('has no dead link', async () => {
    const links = relativeLinks(await page(path));
    await expect(filtered(links, (target) => isDead(path, target))).resolves.toEqual([]);
  });

  it('names no path of this repository that is not there', async () => {
    const markdown = await page(path);
    const words = [...codeSpans(proseOf(markdown)), ...blocksOf(markdown).flatMap(({ text }) => text.split(/\s+/))];
    const paths = words.filter((word) => TOP_FOLDERS.test(word));
    await expect(filtered(paths, async (one) => !(await exists(one)))).resolves.toEqual([]);
  });

  it('names no script of npm that is not there', async () => {
    const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as { scripts: Record<string, string> };
    const markdown = await page(path);
    const named = [...markdown.matchAll(/\bnpm (?:run (?:--silent )?([\w:]+)|(test|start)\b)/g)].map(
      ([, run, short]) => run ?? short ?? '',
    );
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });
});

describe('docs', () => {
  it('has no page that the README does not lead to', async () => {
    const linked = relativeLinks(await page('README.md')).map((target) => target.split('#')[0]);
    const there = (await readdir('docs')).filter((name) => name.endsWith('.md')).map((name) => join('docs', name));
    expect(there.filter((name) => !linked.includes(name))).toEqual([]);
  });
});
