/** What JSON can say. A request crosses Temporal as JSON, so whatever JSON would change or refuse is a fault at the door. */
import type { Fault } from './faults.ts';
import { counted, kindOf, shortKey, shownKey } from './faults.ts';
import { LIMITS } from './limits.ts';

/** Whether a value is a map, as opposed to a list or a scalar. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A copy of a value as it would come out of JSON (keys without a value are gone), or what keeps it from being JSON of at
 * most {@link LIMITS.requestBytes} and {@link LIMITS.depth}.
 */
export function jsonCopy(value: unknown): { ok: true; copy: unknown } | { ok: false; faults: Fault[] } {
  const copying = new Copying();
  try {
    const copy = copying.copyOf(value, []);
    return copying.faults.length > 0 ? { ok: false, faults: copying.faults } : { ok: true, copy };
  } catch (error) {
    if (error instanceof TooLarge) return { ok: false, faults: [{ path: [], message: TOO_LARGE }] };
    // A getter or proxy that throws: its message is of unknown origin, so it is not repeated.
    return { ok: false, faults: [{ path: [], message: 'expects plain JSON; found something that cannot be read' }] };
  }
}

const TOO_LARGE = `is larger than ${LIMITS.requestBytes / 1024} KiB as JSON; make queries views in Snowflake, or split it into several requests`;

class TooLarge extends Error {}

class Copying {
  readonly faults: Fault[] = [];
  private bytes = 0;

  /** Counting as it goes bounds the walk, also through a value that refers to itself. */
  copyOf(value: unknown, path: Array<string | number>): unknown {
    if (path.length > LIMITS.depth) return this.refuse(path, `lies deeper than ${counted(LIMITS.depth, 'level')}`);
    if (typeof value === 'string') return this.copyOfText(value, path);
    if (value === null || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) {
      this.add(String(value).length);
      // JSON has no -0.
      return value === 0 ? 0 : value;
    }
    if (Array.isArray(value)) {
      this.add(2);
      return Array.from(value, (entry, i) => {
        this.add(1);
        return this.copyOf(entry, [...path, i]);
      });
    }
    if (isMap(value) && isPlain(value)) return this.copyOfMap(value, path);
    return this.refuse(path, `expects what JSON can say; found ${unsayable(value)}`);
  }

  private copyOfMap(map: Record<string, unknown>, path: Array<string | number>): Record<string, unknown> {
    this.add(2);
    const copy: Record<string, unknown> = {};
    for (const [key, entry] of Object.entries(map)) {
      if (entry === undefined) continue;
      const at = [...path, shortKey(key)];
      // Assigning it would change the copy's prototype, and many a program's that reads the request.
      if (key === '__proto__') this.refuse(at, `unknown key ${shownKey(key)}`);
      this.copyOfText(key, at);
      this.add(2);
      const copied = this.copyOf(entry, at);
      if (key !== '__proto__') copy[key] = copied;
    }
    return copy;
  }

  private copyOfText(text: string, path: Array<string | number>): string {
    // Half of a surrogate pair has no UTF-8: it would arrive as another character than was sent.
    if (/\p{Surrogate}/u.test(text)) this.refuse(path, 'has a character that is no valid Unicode');
    if (text.length > LIMITS.requestBytes) throw new TooLarge();
    this.add(utf8Bytes(JSON.stringify(text)));
    return text;
  }

  private add(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes > LIMITS.requestBytes) throw new TooLarge();
  }

  private refuse(path: Array<string | number>, message: string): undefined {
    if (this.faults.length < LIMITS.faults) this.faults.push({ path, message });
  }
}

function unsayable(value: unknown): string {
  if (typeof value === 'number') return 'a number that is not finite';
  return isMap(value) ? 'an object of a class' : kindOf(value);
}

/** Whether an object is a literal, also one of another realm, as under Jest or in the workflow sandbox. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** How many bytes a text takes in UTF-8. */
export function utf8Bytes(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}
