/** What all updates hold their input to. */
import { ApplicationFailure } from '@temporalio/workflow';
import { isMap, shorten } from '../request/schema.ts';

/** Fails an update, and nothing but the update. */
export function refusal(message: string, type = 'NotNow', ...details: unknown[]): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, type, ...details);
}

/** Refuses what is no map of these keys: a typing error in a key must not change what an update means. Echoes no value. */
export function refuseOtherKeys(input: unknown, keys: readonly string[]): void {
  const known = keys.map((key) => `\`${key}\``).join(', ');
  if (!isMap(input)) throw refusal(`The input must be a map with ${known}.`, 'InvalidInput');
  const other = Object.keys(input).find((key) => !keys.includes(key));
  if (other !== undefined) throw refusal(`The input has an unknown key; known are ${known}.`, 'InvalidInput');
}

/** A text of an update's input, as a message may repeat it. */
export function named(text: unknown): string {
  return shorten(String(text), 200);
}

/** Names for a message: the first ones, and how many more there are. */
export function firstOf(names: readonly string[], max = 20): string {
  const rest = names.length - max;
  return names.slice(0, max).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
