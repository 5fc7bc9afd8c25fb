import { randomUUID } from 'node:crypto';

/** Name of a provisioning that no other test uses. */
export function newName(about: string): string {
  return `${about}-${randomUUID().slice(0, 8)}`;
}
