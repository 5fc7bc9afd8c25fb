/** Runs that ask people, brought to the place where they ask. */
import type { Question, StepStatus } from '../../src/client.ts';
import type { ProvisioningRequest } from '../../src/request/schema.ts';
import { ownWalkthrough } from '../support/own-walkthrough.ts';
import type { Stage } from '../support/provisioning.ts';
import { until } from '../support/until.ts';
import { existingSync } from '../support/walkthrough.ts';

/** A request that leaves ad accounts and audience to people. */
export function asking(about: string, changes: Partial<ProvisioningRequest> = {}): ProvisioningRequest {
  const { linkedinAds, ...request } = ownWalkthrough(about, { syncs: [existingSync({ audience: 'ask' })] });
  return { ...request, linkedinAds: { ...linkedinAds, accounts: 'ask' }, ...changes };
}

/** The question about a step, once it is asked. */
export function untilQuestion({ audiences }: Stage, name: string, step: string): Promise<Question> {
  return until(`${name} asks for ${step}`, async () => {
    const { status } = await audiences.status(name);
    return status?.questions.find((question) => question.step === step);
  });
}

/** The step, once it is blocked. */
export function untilBlocked({ audiences }: Stage, name: string, step: string): Promise<StepStatus> {
  return until(`${step} of ${name} is blocked`, async () => {
    const { status } = await audiences.status(name);
    return status?.steps.find(({ id, state }) => id === step && state === 'blocked');
  });
}
