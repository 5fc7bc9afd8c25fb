/** Reads the fields of a JSON body; a field of the wrong kind is a 422 that names it. Unknown fields are ignored, as the real API does. */
import { badRequest, unprocessable } from './failure.ts';

/** A JSON object. */
export type JsonObject = Record<string, unknown>;

/** Whether a value is a JSON object: no list and no `null`. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Parses the body of a call. Throws a 400 when it is no JSON object. An absent body is `{}`: some calls need none. */
export function parseBody(text: string): JsonObject {
  if (text.trim() === '') return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    // Only the place: the parser's own words quote the text around it, which may be a password.
    const place = /at position \d+/.exec(String(error))?.[0];
    throw badRequest(
      `the body is not valid JSON${place === undefined ? '' : ` (${place})`}: look for a comma too many or a missing quote`,
    );
  }
  if (!isObject(parsed)) throw badRequest(`the body must be a JSON object, not ${kindOf(parsed)}`);
  return parsed;
}

/** The fields of one object of the body. `path` is where the object stands, e.g. `identity.source`; empty for the body itself. */
export class Fields {
  readonly #object: JsonObject;
  readonly #path: string;

  constructor(object: JsonObject, path = '') {
    this.#object = object;
    this.#path = path;
  }

  /** The object as it was sent. */
  get whole(): JsonObject {
    return this.#object;
  }

  /** Where a field of this object stands in the body. */
  pathOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }

  /** Whether the field is there. `null` counts as left out. */
  has(name: string): boolean {
    return this.raw(name) !== undefined;
  }

  /** The field as it was sent, `undefined` when it was left out. */
  raw(name: string): unknown {
    const value = Object.hasOwn(this.#object, name) ? this.#object[name] : undefined;
    return value === null ? undefined : value;
  }

  /** A text that must be there and not be empty. */
  text(name: string): string {
    const value = this.optionalText(name);
    if (value === undefined || value.trim() === '') throw this.#wrong(name, 'is required');
    return value;
  }

  optionalText(name: string): string | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === 'string') return value;
    throw this.#wrong(name, `must be a text, not ${kindOf(value)}`);
  }

  optionalBoolean(name: string): boolean | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === 'boolean') return value;
    throw this.#wrong(name, `must be true or false, not ${kindOf(value)}`);
  }

  optionalObject(name: string): JsonObject | undefined {
    const value = this.raw(name);
    if (value === undefined || isObject(value)) return value;
    throw this.#wrong(name, `must be an object, not ${kindOf(value)}`);
  }

  /** An object that must be there. */
  object(name: string): JsonObject {
    const value = this.optionalObject(name);
    if (value === undefined) throw this.#wrong(name, 'is required');
    return value;
  }

  /** The fields of an object that must be there. */
  fields(name: string): Fields {
    return new Fields(this.object(name), this.pathOf(name));
  }

  optionalFields(name: string): Fields | undefined {
    const value = this.optionalObject(name);
    return value === undefined ? undefined : new Fields(value, this.pathOf(name));
  }

  optionalTexts(name: string): string[] | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw this.#wrong(name, `must be a list, not ${kindOf(value)}`);
    return value.map((item: unknown, index) => {
      if (typeof item === 'string') return item;
      throw this.#wrong(`${name}[${index}]`, `must be a text, not ${kindOf(item)}`);
    });
  }

  /** The fields of each object of a list; none when the list was left out. */
  list(name: string): Fields[] {
    const value = this.raw(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw this.#wrong(name, `must be a list, not ${kindOf(value)}`);
    return value.map((item: unknown, index) => {
      if (isObject(item)) return new Fields(item, `${this.pathOf(name)}[${index}]`);
      throw this.#wrong(`${name}[${index}]`, `must be an object, not ${kindOf(item)}`);
    });
  }

  #wrong(name: string, what: string) {
    const field = this.pathOf(name);
    return unprocessable(`${field} ${what}`, { field });
  }
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return `a ${typeof value}`;
}
