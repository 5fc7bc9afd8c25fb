import { randomUUID } from 'node:crypto';

/** Name of a run that nobody else uses. */
export function newName(about: string): string {
  return `${about}-${randomUUID().slice(0, 8)}`;
}
