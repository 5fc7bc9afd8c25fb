/**
 * Cutting what comes from outside to what a payload has room for. Room is counted in bytes of JSON, as a payload is: a
 * character may take six of them. Needs nothing, and throws nothing.
 */
import type { Choice } from './choice.ts';
import { utf8Bytes } from './json-value.ts';

/**
 * How much a run keeps of the words of others at a time, in bytes of JSON: messages of failures, choices, errors of
 * executions. Its steps share it evenly, so that payloads which hold something of all of them stay below Temporal's 2 MB.
 */
export const WORDS_BYTES = 256 * 1024;

/** How much a run's warnings may take together, likewise. */
export const WARNINGS_BYTES = 128 * 1024;

/** How many bytes a value takes as JSON. */
export function jsonBytes(value: unknown): number {
  return utf8Bytes(JSON.stringify(value));
}

/** A text cut to so many bytes, with an ellipsis where something is missing. */
export function textWithin(text: string, maxBytes: number): string {
  if (jsonBytes(text) <= maxBytes) return text;
  let kept = '';
  let bytes = jsonBytes('…');
  for (const character of text) {
    bytes += jsonBytes(character) - jsonBytes('');
    if (bytes > maxBytes) break;
    kept += character;
  }
  return `${kept}…`;
}

/** As many of the first ones as have so many bytes together. */
export function firstWithin<T>(items: readonly T[], maxBytes: number): T[] {
  let bytes = jsonBytes([]);
  const end = items.findIndex((item) => {
    bytes += jsonBytes(item) + 1;
    return bytes > maxBytes;
  });
  return items.slice(0, end < 0 ? items.length : end);
}

/** What is asked, with as many of its choices as have room beside the reason; it still says how many there are in all. */
export function askWithin<A extends { choices: Choice[]; why?: string }>(asked: A, maxBytes: number): A {
  const { why, choices } = asked;
  const reason = why === undefined ? {} : { why: textWithin(why, maxBytes / 2) };
  return { ...asked, ...reason, choices: firstWithin(choices, maxBytes - jsonBytes(reason)) };
}

/** The lines, long ones cut and late ones summed up, so that none of them takes more than its half of the room. */
export function linesWithin(lines: readonly string[], maxBytes: number): string[] {
  const cut = lines.map((line) => textWithin(line, Math.floor(maxBytes / 2) - jsonBytes([''])));
  const kept = firstWithin(cut, maxBytes);
  const rest = lines.length - kept.length;
  return rest === 0 ? kept : [...kept, `and ${rest} more`];
}

/** `lines` and one more; where there is no room for it, that there is `more`, once. */
export function addedWithin(lines: readonly string[], line: string, maxBytes: number, more: string): readonly string[] {
  if (lines.includes(line) || lines.includes(more)) return lines;
  const added = [...lines, line];
  return jsonBytes([...added, more]) <= maxBytes ? added : [...lines, more];
}
