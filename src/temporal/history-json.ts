/**
 * Temporal's messages in proto3 JSON, the form of history files.
 *
 * The SDK has `historyToJSON` and `historyFromJSON` for it, but they compare classes of protobufjs, and npm installs that
 * once for each of the SDK's packages wherever another package wants an older one: then they fail with "type must be a
 * Type". Here the messages and their JSON come from the same copy, in every layout of node_modules.
 */
import { createRequire } from 'node:module';
import type { History } from '@temporalio/common/lib/proto-utils.js';

export type { History };

/** A message type of protobufjs, as far as it is used here. */
interface MessageType {
  fromObject(message: object): object;
}

/** `protobufjs/ext/protojson`. */
interface ProtoJson {
  toJson(type: MessageType, message: object): unknown;
  fromJson(type: MessageType, json: unknown, options: { ignoreUnknownFields: boolean }): History;
}

const requireFromCommon = createRequire(createRequire(import.meta.url).resolve('@temporalio/common'));
const requireFromProto = createRequire(requireFromCommon.resolve('@temporalio/proto'));
const protoJson = requireFromProto('protobufjs/ext/protojson') as ProtoJson;
const { patchProtobufRoot } = requireFromProto('@temporalio/proto/lib/patch-protobuf-root') as {
  patchProtobufRoot(root: unknown): { lookupType(name: string): MessageType };
};
const historyType = patchProtobufRoot(requireFromProto('@temporalio/proto')).lookupType(
  'temporal.api.history.v1.History',
);

/** As plain data for `JSON.stringify`: times in RFC 3339, bytes in base64, enums by name. */
export function historyToJson(history: History): unknown {
  return protoJson.toJson(historyType, historyType.fromObject(history));
}

/**
 * The history of parsed JSON. What a newer server or SDK added to it is left out, as all of Temporal's programs do.
 *
 * @throws TypeError or Error of protobufjs if it is no history.
 */
export function historyFromJson(json: unknown): History {
  return protoJson.fromJson(historyType, json, { ignoreUnknownFields: true });
}
