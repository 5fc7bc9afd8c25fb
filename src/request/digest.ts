/** Telling requests apart: whether two are the same, and where they differ. */
import { createHash } from 'node:crypto';
import { kindOf } from './faults.ts';
import { isMap } from './json-value.ts';
import type { ProvisioningRequest } from './schema.ts';

/** SHA-256 of a request, as 64 hexadecimal digits. The order of keys does not matter, that of lists does. */
export function requestDigest(request: ProvisioningRequest): string {
  return createHash('sha256').update(canonicalJson(request)).digest('hex');
}

function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (!isMap(value)) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, entry]) => `${JSON.stringify(key)}:${canonicalJson(entry)}`).join(',')}}`;
}

/** How many differences are told one by one. */
const MAX_LINES = 20;

/** Longer texts are told by their length. */
const MAX_SHOWN = 40;

/**
 * Where request `b` differs from `a`, a line each, e.g. `syncs[0].mode: create → remove`; at most twenty, then how many
 * more. Values are shown: a request holds references to secrets, never a secret.
 */
export function requestDifference(a: ProvisioningRequest, b: ProvisioningRequest): string[] {
  const lines = differences(a, b, '');
  return lines.length > MAX_LINES ? [...lines.slice(0, MAX_LINES), `and ${lines.length - MAX_LINES} more`] : lines;
}

function differences(a: unknown, b: unknown, path: string): string[] {
  if (Array.isArray(a) && Array.isArray(b)) {
    const longer = a.length > b.length ? a : b;
    return longer.flatMap((_, i) => differences(a[i], b[i], `${path}[${i}]`));
  }
  if (isMap(a) && isMap(b)) {
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
    return keys.flatMap((key) => differences(a[key], b[key], path === '' ? key : `${path}.${key}`));
  }
  if (a === b) return [];
  const [before, after] = [shown(a), shown(b)];
  // Two long texts of one length, or two lists of one size, would look the same.
  return [before === after ? `${path}: another ${kindOf(b).replace(/^an? /, '')}` : `${path}: ${before} → ${after}`];
}

function shown(value: unknown): string {
  if (value === undefined) return '(nothing)';
  if (typeof value === 'string') {
    const isShort = value.length <= MAX_SHOWN && !/\p{Cc}/u.test(value);
    return isShort ? value : `${value.length} characters`;
  }
  return Array.isArray(value) || isMap(value) ? kindOf(value) : String(value);
}
