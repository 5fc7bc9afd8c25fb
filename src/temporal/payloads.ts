/** Payloads of Temporal's API as values, through the codecs of {@link dataConverter}. */
import type { Payload } from '@temporalio/common';
import { decodeArrayFromPayloads } from '@temporalio/common/lib/internal-non-workflow/codec-helpers.js';
import { loadDataConverter } from '@temporalio/common/lib/internal-non-workflow/data-converter-helpers.js';
import { dataConverter } from './data-converter.ts';

/** The values in a list of payloads; none where there is no list. */
export function valuesOf(payloads: { payloads?: Payload[] | null } | null | undefined): Promise<unknown[]> {
  return decodeArrayFromPayloads(loadDataConverter(dataConverter()), payloads?.payloads);
}
