/** By what a row of a model and a member of an audience are the same. */
import type { IdentityMapping } from './documents.ts';

/** The part of a value that an identity function compares. Two values are the same when their keys are. */
export function identityKey(compare: IdentityMapping['function'], value: string): string {
  const host = hostOf(value);
  switch (compare) {
    case 'Equality':
      return value;
    case 'HostnameMatch':
      return host;
    case 'DomainMatch':
      return host.split('.').slice(-2).join('.');
  }
}

/** The host in a URL, an e-mail address, or a bare host name; in small letters. */
function hostOf(value: string): string {
  const text = value.trim().toLowerCase();
  const afterAt = text.slice(text.lastIndexOf('@') + 1);
  const url = afterAt.includes('://') ? afterAt : `https://${afterAt}`;
  return URL.canParse(url) ? new URL(url).hostname : afterAt;
}
