/** References to secrets that the worker holds, and what looks like a secret itself. Without zod: the worker itself resolves them. */
import { isMap } from './json-value.ts';

/**
 * Where keys that notices are signed with are kept, and nothing else: variables that begin so, and files of this folder of
 * the secrets directory. Whoever may sign a notice to an address of theirs with a password can guess the password from the
 * signature at leisure; whoever may send a key as a password can forge notices. So neither reaches the other's place.
 */
export const NOTICE_KEYS = { envPrefix: 'AUDIENCE_NOTICE_', folder: 'notices' } as const;

/** What the name of a variable looks like, and how long it may be, in characters. */
export const ENV_NAME = { pattern: /^[A-Za-z_][A-Za-z0-9_]*$/, max: 200 } as const;

/** What the path of a file looks like, and how long it may be, in characters. */
export const FILE_PATH = { pattern: /^[^\p{Cc}]+$/u, max: 1000 } as const;

/** A reference to a secret that the worker holds. */
export type SecretReference = { env: string } | { file: string };

/** Whether a value is exactly a {@link SecretReference}. */
export function isSecretReference(value: unknown): value is SecretReference {
  if (!isMap(value) || Object.keys(value).length !== 1) return false;
  const { env, file } = value;
  const [text, { pattern, max }] = 'env' in value ? [env, ENV_NAME] : [file, FILE_PATH];
  return typeof text === 'string' && text.length <= max && pattern.test(text);
}

const SECRET_WORDS =
  /passw|passphrase|pwd|secret|token|privatekey|apikey|accesskey|signingkey|encryptionkey|credential|authorization|bearer/;

/** Whether a key is one that people keep secrets under, such as `password`, `apiKey` or `client_secret`. */
export function looksSecret(key: string): boolean {
  return SECRET_WORDS.test(key.toLowerCase().replace(/[^a-z0-9]/g, ''));
}
