/** Where Polytomic is served unless said otherwise. On-premises and EU deployments have addresses of their own. */
export const DEFAULT_BASE_URL = 'https://app.polytomic.com';

/**
 * The address that calls are made under, without a slash at its end; a path in it is kept, for a deployment behind a proxy.
 * Throws a `TypeError` for what is no address, carries credentials, a query or a fragment, or would send the API key in
 * clear text: `http:` is for loopback, and for hosts without a dot such as a service of a compose file.
 */
export function checkedBaseUrl(address: string): string {
  // Not shown where it cannot be read: it may carry a password.
  if (!URL.canParse(address)) {
    throw new TypeError(`The base URL of Polytomic is no absolute URL; write one such as ${DEFAULT_BASE_URL}`);
  }
  const url = new URL(address);
  const shown = `${url.protocol}//${url.host}`;
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new TypeError(`The base URL of Polytomic, ${shown}, must have no user, password, query or fragment`);
  }
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && staysInside(url.hostname))) {
    throw new TypeError(
      `The base URL of Polytomic, ${shown}, would send the API key in clear text: use https, or http with loopback or a host name without a dot`,
    );
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

function staysInside(host: string): boolean {
  return /^127(\.\d+){3}$/.test(host) || host === '[::1]' || /^[^.:[\]]+$/.test(host) || host.endsWith('.localhost');
}
