/** The table that is printed. */
import type { Row, Unit } from './measure.ts';

/** Rows as a table in plain text. */
export function table(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.name,
    shown(row.median, row.unit),
    `${shown(Math.min(...row.values), row.unit)} to ${shown(Math.max(...row.values), row.unit)}`,
    row.mark,
    row.met ? 'met' : 'missed',
  ]);
  const all = [['measure', 'median', 'rounds', 'mark', ''], ...cells];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...all.map((line) => line[column]?.length ?? 0)));
  const lines = all.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [lines[0], widths.map((width) => '-'.repeat(width)).join('  '), ...lines.slice(1)].join('\n');
}

/** A figure with its unit. */
export function shown(value: number, unit: Unit): string {
  const text = Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));
  return unit === 'ms' || unit === 's' ? `${text} ${unit}` : text;
}
