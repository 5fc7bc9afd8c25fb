/**
 * How values become payloads and back. Worker, client and tests all ask here, so that an encryption codec reaches all of
 * them at once: a client without it would read noise, and a worker without it would write plain text.
 */
import type { DataConverter } from '@temporalio/common';

/** The options for `Client`, `Worker.create` and `bundleWorkflowCode`. Today the SDK's default: JSON, not encrypted. */
export function dataConverter(): DataConverter {
  return {};
}
