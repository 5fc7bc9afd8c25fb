/** Reads a request from a YAML or JSON file, and says where in the file its faults are. Throws nothing. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { type Fault, pathText } from './faults.ts';
import { type ProvisioningRequest, parseRequest } from './schema.ts';
import { type Place, readYaml } from './yaml-document.ts';

/** A fault with its place in a file. `line` and `column` count from 1; both are 0 where the file as a whole is meant. */
export interface LocatedFault extends Fault, Place {
  /** The path as it was given; `(standard input)` for `-`. */
  file: string;
}

/** A request, or all that is wrong with it, in the order of the file. */
export type LoadedRequest = { ok: true; request: ProvisioningRequest } | { ok: false; faults: LocatedFault[] };

/** The largest file that is looked into, in bytes. Comments may make it larger than the request it holds. */
const MAX_FILE_BYTES = 1024 * 1024;

/**
 * Loads the request in the file at `path`: YAML 1.2, of which JSON is a part. With `-` for a path, `streamText` is what
 * standard input gave. Whatever is wrong with the file or the request comes back as faults.
 */
export async function loadRequest(path: string, streamText?: string): Promise<LoadedRequest> {
  const loaded = await loadValue(path, streamText);
  if (!loaded.ok) return loaded;
  const parsed = parseRequest(loaded.value);
  return parsed.ok ? parsed : { ok: false, faults: loaded.located(parsed.faults) };
}

/** What a file says, and where in it faults are; or why it says nothing. */
export type LoadedValue =
  | { ok: true; value: unknown; located: (faults: readonly Fault[]) => LocatedFault[] }
  | { ok: false; faults: LocatedFault[] };

/** Loads a file like {@link loadRequest}, whatever it holds: a piece of a request, for one. */
export async function loadValue(path: string, streamText?: string): Promise<LoadedValue> {
  const file = path === '-' ? '(standard input)' : path;
  const source = path === '-' ? textOf(new TextEncoder().encode(streamText ?? '')) : await readText(path);
  if ('text' in source) return readValue(source.text, file);
  return { ok: false, faults: [{ path: [], message: source.problem, file, ...WHOLE_FILE }] };
}

/** One line for a person: `request.yaml:3:5  snowflake.connection.password: is missing: …`. */
export function formatFault({ file, line, column, path, message }: LocatedFault): string {
  const place = line === 0 ? file : `${file}:${line}:${column}`;
  return path.length === 0 ? `${place}  ${message}` : `${place}  ${pathText(path)}: ${message}`;
}

type Source = { text: string } | { problem: string };

async function readText(path: string): Promise<Source> {
  if (!/\.(ya?ml|json)$/i.test(path)) {
    return {
      problem: 'is not named as a request: expects a file that ends in .yaml, .yml or .json, or - for standard input',
    };
  }
  try {
    // Not blocking: opening a named pipe would otherwise wait for its writer for ever.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await handle.stat();
      if (!stats.isFile())
        return { problem: 'is not a regular file; give the path of a file, or - for standard input' };
      if (stats.size > MAX_FILE_BYTES) return { problem: TOO_LARGE };
      return textOf(await handle.readFile());
    } finally {
      await handle.close();
    }
  } catch (error) {
    return { problem: unreadable(error) };
  }
}

const TOO_LARGE = `is larger than ${MAX_FILE_BYTES / 1024} KiB; is it a request?`;

function unreadable(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown error';
  if (code === 'ENOENT') return 'is not there; check the path, or start from examples/walkthrough.yaml';
  return `cannot be read (${code}); check that it is a file that you may read`;
}

function textOf(bytes: Uint8Array): Source {
  if (bytes.length > MAX_FILE_BYTES) return { problem: TOO_LARGE };
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return { problem: 'is not text in UTF-8; save it in that encoding' };
  }
}

/** The value that a text says; `file` is where it is said to be. */
export function readValue(text: string, file: string): LoadedValue {
  const read = readYaml(text);
  if (!read.ok) {
    return {
      ok: false,
      faults: read.faults.map(({ message, place }) => ({ path: [], message, file, ...(place ?? WHOLE_FILE) })),
    };
  }
  const { value, placeOf } = read.document;
  const located = (faults: readonly Fault[]) =>
    faults
      .map((fault) => ({ ...fault, file, ...placeOf(fault.path) }))
      .sort((a, b) => a.line - b.line || a.column - b.column);
  return { ok: true, value, located };
}

const WHOLE_FILE: Place = { line: 0, column: 0 };
