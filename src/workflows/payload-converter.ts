/**
 * How the workflows read payloads. A person may send a signal with a payload that is no JSON, or in an encoding that nobody
 * here knows: the Temporal Web UI offers one. The SDK's default fails the whole workflow task then, again and again, and only
 * a reset would help. Here such a payload counts as none, like every other rubbish.
 */
import { defaultPayloadConverter, type PayloadConverter } from '@temporalio/workflow';

/** Part of the workflow bundle, by this name. */
export const payloadConverter: PayloadConverter = {
  toPayload: (value, context, hint) => defaultPayloadConverter.toPayload(value, context, hint),
  fromPayload: (payload, context, hint) => {
    try {
      return defaultPayloadConverter.fromPayload(payload, context, hint);
    } catch {
      return undefined as never;
    }
  },
};
