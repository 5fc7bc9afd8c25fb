/** Plots of results, as SVG that stands alone and can be read on light and dark pages. */
import type { Row } from './measure.ts';

/** One bar, with the smallest and the largest value of the rounds. */
export interface Bar {
  label: string;
  value: number;
  low: number;
  high: number;
  /** Whether it is the program's own; else it is what the program is compared with. */
  ours: boolean;
}

/** A line through points; all lines of a plot share the places on its horizontal axis. */
export interface Line {
  label: string;
  values: readonly number[];
  colour: string;
}

export const COLOURS = { ours: '#0a5fb4', theirs: '#8a949e', other: '#b4530a', fourth: '#3b7d23' } as const;

const WIDTH = 720;
const BAR = { height: 26, gap: 14, left: 250, right: 90, top: 56 } as const;

/** Bars from left to right, one below the other. */
export function barPlot(title: string, unit: string, bars: readonly Bar[]): string {
  const largest = Math.max(...bars.map(({ high }) => high));
  const scale = (WIDTH - BAR.left - BAR.right) / largest;
  const height = BAR.top + bars.length * (BAR.height + BAR.gap) + 10;
  const drawn = bars.map(({ label, value, low, high, ours }, index) => {
    const y = BAR.top + index * (BAR.height + BAR.gap);
    const middle = y + BAR.height / 2;
    const whisker =
      low === high
        ? ''
        : `<path d="M${at(low)} ${middle}H${at(high)}M${at(low)} ${middle - 5}v10M${at(high)} ${middle - 5}v10" stroke="#1d2226" fill="none"/>`;
    return [
      `<text x="${BAR.left - 10}" y="${middle + 5}" text-anchor="end">${escaped(label)}</text>`,
      `<rect x="${BAR.left}" y="${y}" width="${round(value * scale)}" height="${BAR.height}" fill="${ours ? COLOURS.ours : COLOURS.theirs}"/>`,
      whisker,
      `<text x="${round(BAR.left + high * scale) + 8}" y="${middle + 5}">${figure(value)}</text>`,
    ].join('');
  });
  return svg(height, title, unit, drawn.join('\n'));

  function at(value: number): number {
    return round(BAR.left + value * scale);
  }
}

/** Lines over the same places, such as numbers of workers. */
export function linePlot(title: string, unit: string, places: readonly string[], lines: readonly Line[]): string {
  const frame = { left: 60, right: WIDTH - 230, top: 64, bottom: 320 };
  const step = roundStep(Math.max(...lines.flatMap(({ values }) => values)) / 4);
  const largest = step * 4;
  const x = (index: number) =>
    round(frame.left + ((frame.right - frame.left) * index) / Math.max(1, places.length - 1));
  const y = (value: number) => round(frame.bottom - ((frame.bottom - frame.top) * value) / largest);
  const ticks = [0, 1, 2, 3, 4].map((tick) => {
    const value = step * tick;
    return `<path d="M${frame.left} ${y(value)}H${frame.right}" stroke="#d5dade"/><text x="${frame.left - 8}" y="${y(value) + 5}" text-anchor="end">${figure(value)}</text>`;
  });
  const names = places.map(
    (place, index) => `<text x="${x(index)}" y="${frame.bottom + 24}" text-anchor="middle">${escaped(place)}</text>`,
  );
  const drawn = lines.map(({ label, values, colour }, index) => {
    const points = values.map((value, place) => `${x(place)},${y(value)}`).join(' ');
    const dots = values.map((value, place) => `<circle cx="${x(place)}" cy="${y(value)}" r="4" fill="${colour}"/>`);
    const key = frame.top + 24 * index;
    return [
      `<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join('')}`,
      `<rect x="${frame.right + 24}" y="${key - 10}" width="12" height="12" fill="${colour}"/><text x="${frame.right + 44}" y="${key + 1}">${escaped(label)}</text>`,
    ].join('');
  });
  return svg(frame.bottom + 50, title, unit, [...ticks, ...names, ...drawn].join('\n'));
}

/** Bars of figures that a row's details hold as `{ median, values }`. */
export function barOf(label: string, ours: boolean, figures: unknown): Bar {
  const { median, values } = figures as { median: number; values: number[] };
  return { label, ours, value: median, low: Math.min(...values), high: Math.max(...values) };
}

/** A figure of a row's details. */
export function detail(row: Row, name: string): unknown {
  if (!(name in row.details)) throw new Error(`row ${row.name} has no detail ${name}`);
  return row.details[name];
}

function svg(height: number, title: string, unit: string, content: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="14" fill="#1d2226">
<title>${escaped(title)}</title>
<rect width="${WIDTH}" height="${height}" fill="#ffffff" rx="6"/>
<text x="20" y="28" font-size="16" font-weight="600">${escaped(title)}</text>
<text x="${WIDTH - 20}" y="28" text-anchor="end" fill="#56626d">${escaped(unit)}</text>
${content}
</svg>
`;
}

/** The least of 1, 2, 5, 10, 20 … (and 0.5, 0.2 …) that is not below `value`. */
function roundStep(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5].find((factor) => factor * power >= value) ?? 10) * power;
}

function figure(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
