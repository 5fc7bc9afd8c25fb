/**
 * Histories of runs: to files and back, cut to what a worker may be asked to replay, and in plain words.
 */
import { readFile, writeFile } from 'node:fs/promises';
import type { Payload } from '@temporalio/common';
import { decode } from '@temporalio/common/lib/internal-non-workflow/codec-helpers.js';
import { loadDataConverter } from '@temporalio/common/lib/internal-non-workflow/data-converter-helpers.js';
import { dataConverter } from './data-converter.ts';
import { type History, historyFromJson, historyToJson } from './history-json.ts';

export type { History };

/** Reads a history in proto3 JSON, as `writeHistory`, the `temporal` CLI and the Web UI write it. */
export async function readHistory(file: string): Promise<History> {
  const text = await readFile(file, 'utf8');
  try {
    return historyFromJson(JSON.parse(text));
  } catch (error) {
    throw new Error(`${file} holds no workflow history in Temporal's JSON form`, { cause: error });
  }
}

/** Writes a history in proto3 JSON: what `Worker.runReplayHistory`, the `temporal` CLI and the Web UI read. */
export async function writeHistory(file: string, history: History): Promise<void> {
  await writeFile(file, `${JSON.stringify(historyToJson(history), null, 2)}\n`);
}

/**
 * The history as plain data in which every payload stands decoded: inputs, results, failure details, heartbeat details,
 * memo, headers, search attributes, summaries. For looking through, e.g. for secrets.
 *
 * @throws Error if a payload cannot be decoded, since a look through what is left out would find nothing.
 */
export async function decodedHistory(history: History): Promise<unknown> {
  return decoded(historyToJson(history));
}

async function decoded(value: unknown): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map(decoded));
  if (typeof value !== 'object' || value === null) return value;
  if (isPayload(value)) return plainValue(value);
  const entries = await Promise.all(
    Object.entries(value).map(async ([key, item]) => [key, await decoded(item)] as const),
  );
  return Object.fromEntries(entries);
}

/** A payload in proto3 JSON: all bytes in base64. */
interface JsonPayload {
  metadata: Record<string, string>;
  /** Left out where it is empty. */
  data?: string;
}

/** No message of the API but a payload has `metadata` with an `encoding` in it. */
function isPayload(value: object): value is JsonPayload {
  return (
    'metadata' in value && typeof value.metadata === 'object' && value.metadata !== null && 'encoding' in value.metadata
  );
}

async function plainValue({ metadata, data = '' }: JsonPayload): Promise<unknown> {
  const encoded: Payload = {
    metadata: Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, Buffer.from(value, 'base64')])),
    data: Buffer.from(data, 'base64'),
  };
  const { payloadCodecs, payloadConverter } = loadDataConverter(dataConverter());
  const [payload] = await decode(payloadCodecs, [encoded]);
  if (payload === undefined) throw new Error('A payload codec decoded one payload into none');
  const value: unknown = payloadConverter.fromPayload(payload);
  // Bytes as text: nobody finds a word in a list of numbers.
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : value;
}
