/** Keeps secrets out of answers and of the request log. */
import { isObject, type JsonObject } from './body.ts';

/** What stands in an answer where a secret was. */
export const REDACTED = '********';

/** Names of fields whose value is a secret, whatever they belong to. */
const SECRET_NAME = /passw|secret|token|private_?key|passphrase|api_?key|authorization/i;

/** Whether a field of this name holds a secret. `key_pair_auth` and `page_token` do not. */
function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name) && name !== 'page_token';
}

/** A copy of a JSON value in which every field with a secret's name is redacted, at any depth. */
export function redacted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redacted);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      name,
      isSecretName(name) && field !== null ? REDACTED : redacted(field),
    ]),
  );
}

/** Splits a configuration into what may be shown and what may not. Secrets that are no text are dropped: none of ours is. */
export function splitSecrets(configuration: JsonObject): { open: JsonObject; secrets: Record<string, string> } {
  const open: JsonObject = {};
  const secrets: Record<string, string> = {};
  for (const [name, value] of Object.entries(configuration)) {
    if (!isSecretName(name)) open[name] = value;
    else if (typeof value === 'string') secrets[name] = value;
  }
  return { open, secrets };
}
