/**
 * The search attributes of a provisioning. Imported by workflow code, so there is no I/O here.
 */
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

/** Whom a run waits for, e.g. `awaiting_sign_in`, or how it ended: a `ListedStage`, or the `Stage` of a run that was not begun as `working`. */
export const PROVISIONING_STAGE = defineSearchAttributeKey('ProvisioningStage', SearchAttributeType.KEYWORD);

/** Who asked for it, as the request says. */
export const REQUESTER = defineSearchAttributeKey('ProvisioningRequester', SearchAttributeType.KEYWORD);

/** The steps that wait for a person to mend them; empty as a rule. */
export const BLOCKED_STEP = defineSearchAttributeKey('ProvisioningBlockedStep', SearchAttributeType.KEYWORD_LIST);

/** All of them. */
export const SEARCH_ATTRIBUTES = [PROVISIONING_STAGE, REQUESTER, BLOCKED_STEP] as const;
