/**
 * The search attributes of a provisioning. Imported by workflow code, so there is no I/O here.
 */
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

/** Where a run stands as a whole, e.g. `awaiting_sign_in`: the workflow's stage, to list runs by. */
export const PROVISIONING_STAGE = defineSearchAttributeKey('ProvisioningStage', SearchAttributeType.KEYWORD);
