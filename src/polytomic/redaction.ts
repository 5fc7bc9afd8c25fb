/** Keeps secrets out of whatever is shown, logged or thrown, and out of what is written back to Polytomic. */

/** What stands in place of a secret. */
export const REDACTED = '[redacted]';

/** Shorter texts are not searched for: taking every `a` out of a message would hide the message and tell the secret. */
const MIN_SECRET_LENGTH = 4;

/** How deep a value is copied, in levels. Deeper ones would overflow the stack. */
const MAX_DEPTH = 64;

const SECRET_KEY =
  /password|passwd|passphrase|secret|token|credential|privatekey|apikey|accesskey|authorization|cookie|authurl|authcode|^pass$|^pwd$/;

/** Whether a key by its name holds a secret, in any case and style: `client_secret`, `clientSecret`, `API-Key`, `auth_url`. */
export function isSecretKey(key: string): boolean {
  return SECRET_KEY.test(key.toLowerCase().replace(/[^a-z0-9]/g, ''));
}

/** `Bearer` and what follows it, but for prose such as `the bearer token is missing`. */
const BEARER = /\b(Bearer)\s+(?!(?:tokens?|authentication|authorization)(?:[\s,;:]|\.?$|\.\s))[\w.~+/=-]+/gi;

/** The text without these secrets, in each form in which a server may echo them, and without bearer tokens. */
export function redactText(text: string, secrets: readonly string[] = []): string {
  const forms = secrets.filter((secret) => secret.length >= MIN_SECRET_LENGTH).flatMap(echoesOf);
  // The longest first: a secret that is part of another would leave the rest of that one standing.
  const longestFirst = [...new Set(forms)].sort((a, b) => b.length - a.length);
  return longestFirst.reduce((rest, form) => rest.replaceAll(form, REDACTED), text).replace(BEARER, `$1 ${REDACTED}`);
}

function echoesOf(secret: string): string[] {
  // Not `encodeURIComponent` alone: it throws on half of a surrogate pair.
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret.replace(/\p{Cs}/gu, '\uFFFD'))];
}

/** Every text under a secret-looking key, at any depth: what must not come back in the message of an error. */
export function secretsIn(value: unknown): string[] {
  const found: string[] = [];
  collect(value, false, found, 0);
  return found;
}

function collect(value: unknown, secret: boolean, found: string[], depth: number): void {
  if (typeof value === 'string') {
    if (secret) found.push(value);
  } else if (typeof value === 'object' && value !== null && depth < MAX_DEPTH) {
    const inList = Array.isArray(value);
    for (const [key, inner] of Object.entries(value))
      collect(inner, secret || (!inList && isSecretKey(key)), found, depth + 1);
  }
}

/**
 * A deep copy that is safe to show and to write as JSON: whatever is under a secret-looking key is replaced (but for null
 * and booleans, which cannot hold a secret), and every text is passed through {@link redactText}. Never throws.
 */
export function redact(value: unknown, secrets: readonly string[] = []): unknown {
  return copy(value, secrets, []);
}

function copy(value: unknown, secrets: readonly string[], parents: readonly object[]): unknown {
  if (typeof value === 'string') return redactText(value, secrets);
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value !== 'object') return undefined;
  if (parents.includes(value)) return '[circular]';
  if (parents.length >= MAX_DEPTH) return '[too deep]';
  const path = [...parents, value];
  try {
    if ('toJSON' in value && typeof value.toJSON === 'function') return copy(value.toJSON(), secrets, path);
    if (Array.isArray(value)) return value.map((item) => copy(item, secrets, path) ?? null);
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        redactText(key, secrets),
        isSecretKey(key) && !isHarmless(inner) ? REDACTED : copy(inner, secrets, path),
      ]),
    );
  } catch {
    // A getter or `toJSON` of somebody else's object threw; what it would have said is not worth failing for.
    return '[unreadable]';
  }
}

function isHarmless(value: unknown): boolean {
  return value === null || value === undefined || typeof value === 'boolean';
}

/**
 * The value without what came back redacted. How Polytomic marks a redacted secret is not documented, so every usual mark
 * counts. Under a key that does not look secret a mask needs four characters, since `*` alone is a wildcard there.
 */
export function withoutRedacted(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.filter((item) => !isMask(item, key)).map((item) => withoutRedacted(item, key));
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([name, inner]) => !isMask(inner, name));
  return Object.fromEntries(kept.map(([name, inner]) => [name, withoutRedacted(inner, name)]));
}

function isMask(value: unknown, key: string): boolean {
  if (typeof value !== 'string') return false;
  if (/^([*•]{4,}|\(redacted\)|\[redacted\]|redacted)$/i.test(value)) return true;
  return isSecretKey(key) && /^[*•]*$/.test(value);
}
