import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/**
 * The full path of the program that a shell with this environment would run. `spawn` would look by itself, but throws where
 * an entry of PATH is a file, instead of going on to the next.
 */
export async function onPath(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    const program = join(folder, name);
    if (folder !== '' && (await isExecutable(program))) return program;
  }
  return undefined;
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // No such file; not ours to run; or a PATH entry that is itself a file.
    if (code === 'ENOENT' || code === 'EACCES' || code === 'ENOTDIR') return false;
    throw error;
  }
}
