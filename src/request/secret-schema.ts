/** The schema of references to secrets, and where something looks like a secret. Only references may be written. */
import * as z from 'zod';
import { expected, expects, shownKey } from './faults.ts';
import { isMap } from './json-value.ts';
import { ENV_NAME, FILE_PATH, isSecretReference, looksSecret, NOTICE_KEYS } from './secret-reference.ts';
import { choice, text } from './strict-shapes.ts';

const HOW_TO_WRITE =
  'a reference to a secret, { env: NAME } for a variable of the worker or { file: PATH } for a file of its secrets directory, never the secret itself';

const envReference = z.strictObject({
  env: text(
    'the name of an environment variable of the worker: letters, digits and _',
    ENV_NAME.pattern,
    ENV_NAME.max,
  ).describe('Name of an environment variable of the worker that holds the secret.'),
});

const fileReference = z.strictObject({
  file: text('the path of a file in the secrets directory of the worker', FILE_PATH.pattern, FILE_PATH.max).describe(
    'Path of a file, within the secrets directory of the worker, that holds the secret.',
  ),
});

/** The schema of a {@link SecretReference}. `alternative` ends the fault's message. */
export function secret(description: string, alternative = '') {
  // Keys beside `env` and `file` are not named in the fault: `{hunter2}` in YAML is a map with a secret for a key.
  return choice(expects(`${HOW_TO_WRITE}${alternative}`), [envReference, fileReference], chosenReference).describe(
    description,
  );
}

const HOW_TO_WRITE_KEY = `a reference to a key, { env: ${NOTICE_KEYS.envPrefix}… } for a variable of the worker or { file: ${NOTICE_KEYS.folder}/… } for a file of its secrets directory, never the key itself`;

const keyEnvReference = z.strictObject({
  env: text(
    `the name of an environment variable of the worker that begins with ${NOTICE_KEYS.envPrefix}: letters, digits and _`,
    new RegExp(`^${NOTICE_KEYS.envPrefix}[A-Za-z0-9_]+$`),
    ENV_NAME.max,
  ).describe('Name of an environment variable of the worker that holds the key.'),
});

const keyFileReference = z.strictObject({
  file: text(
    `the path of a file in ${NOTICE_KEYS.folder}/ of the secrets directory of the worker`,
    new RegExp(`^${NOTICE_KEYS.folder}\\/[^\\p{Cc}]+$`, 'u'),
    FILE_PATH.max,
  ).describe('Path of a file, from the secrets directory of the worker, that holds the key.'),
});

/** The schema of a {@link SecretReference} to a key that notices are signed with. The worker checks its place again. */
export function noticeKey(description: string) {
  return choice(expects(HOW_TO_WRITE_KEY), [keyEnvReference, keyFileReference], chosenReference).describe(description);
}

function chosenReference(value: unknown): number | undefined {
  if (!isMap(value) || Object.keys(value).length !== 1) return undefined;
  return 'env' in value ? 0 : 'file' in value ? 1 : undefined;
}

/** Reports every text or number that stands, outside a reference, under a key that looks secret. */
export function reportInlineSecrets(
  value: unknown,
  report: (path: Array<string | number>, message: string) => void,
  path: Array<string | number> = [],
  secretKey?: string,
): void {
  if (isSecretReference(value)) return;
  if (Array.isArray(value)) {
    for (const [i, entry] of value.entries()) reportInlineSecrets(entry, report, [...path, i], secretKey);
  } else if (isMap(value)) {
    for (const [key, entry] of Object.entries(value)) {
      reportInlineSecrets(entry, report, [...path, key], looksSecret(key) ? key : secretKey);
    }
  } else if (secretKey !== undefined && (typeof value === 'string' || typeof value === 'number')) {
    report(path, `${shownKey(secretKey)} looks like the key of a secret: ${expected(HOW_TO_WRITE, value)}`);
  }
}
