/** The workflows that a worker runs: what the bundle is made of. */
export { AudienceProvisioning } from './audience-provisioning.ts';
export { AudienceUndo } from './audience-undo.ts';
