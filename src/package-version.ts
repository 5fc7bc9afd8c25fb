/** The version of this package, from its own `package.json`, which stands beside both `src` and `dist`. */
import { readFileSync } from 'node:fs';

/** E.g. `0.1.0`. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  return version;
}
