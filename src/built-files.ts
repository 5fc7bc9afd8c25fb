/** Files that `npm run build` makes and that are started or loaded by path: programs, and the workflow bundle. */
import { fileURLToPath } from 'node:url';

/** Path of a built file, e.g. `worker.js`; they stand where this module does. */
export function builtFile(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}
