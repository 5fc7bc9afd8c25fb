import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A shell script that stands in for a program. */
export async function fakeProgram(file: string, script: string): Promise<string> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return file;
}

/** What a `temporal` says to `--version` whose server is of the given version. */
export function saysVersion(server: string): string {
  return `echo "temporal version 0.0.0-DEV (Server ${server}, UI 2.42.1)"`;
}
