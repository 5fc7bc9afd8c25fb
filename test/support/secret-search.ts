/** Looks for a secret in whatever a run leaves behind: in bytes, and in the forms that programs turn text into. */
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A secret that nobody else has, with what JSON, URLs and Markdown escape, so that an escaped form is another one than the text. */
export function newSecret(): string {
  return `${randomBytes(12).toString('hex')}/+"&ü %*\\${randomBytes(12).toString('hex')}`;
}

/** The forms in which a text can stand in bytes, by name. */
export function formsOf(secret: string): Map<string, Buffer> {
  const bytes = Buffer.from(secret, 'utf8');
  const utf16 = Buffer.from(secret, 'utf16le');
  const json = JSON.stringify(secret).slice(1, -1);
  return new Map([
    ['text', bytes],
    ['JSON', Buffer.from(json)],
    ['JSON in JSON', Buffer.from(JSON.stringify(json).slice(1, -1))],
    ['URL-encoded', Buffer.from(encodeURIComponent(secret))],
    ['form-encoded', Buffer.from(new URLSearchParams({ '': secret }).toString().slice(1))],
    ['hexadecimal', Buffer.from(bytes.toString('hex'))],
    ['UTF-16, little end first', utf16],
    ['UTF-16, big end first', Buffer.from(utf16).swap16()],
    ...[0, 1, 2].flatMap((offset): Array<[string, Buffer]> => {
      const inside = base64Inside(bytes, offset);
      const urlSafe = inside.replaceAll('+', '-').replaceAll('/', '_');
      return [
        [`base64 from byte ${offset}`, Buffer.from(inside)],
        [`base64url from byte ${offset}`, Buffer.from(urlSafe)],
      ];
    }),
  ]);
}

/** What base64 makes of the bytes wherever something stands before and after them: without the characters shared with that. */
function base64Inside(bytes: Buffer, offset: number): string {
  const before = Buffer.alloc(offset);
  const whole = Buffer.concat([before, bytes]);
  const encoded = whole.toString('base64').replaceAll('=', '');
  const complete = Math.floor((whole.length * 8) / 6);
  return encoded.slice(Math.ceil((offset * 8) / 6), complete);
}

/** The forms in which `secret` stands in `haystack`, each with where. Nothing: it is not there. */
export function findings(secret: string, haystack: ReadonlyMap<string, Buffer>): string[] {
  const forms = [...formsOf(secret)];
  return [...haystack].flatMap(([place, bytes]) =>
    forms.filter(([, form]) => bytes.includes(form)).map(([name]) => `${name} in ${place}`),
  );
}

/** Every file under a directory, by its path from there; but for those under `except`. */
export async function filesUnder(directory: string, except: readonly string[] = []): Promise<Map<string, Buffer>> {
  const files = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = files
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name).slice(directory.length + 1))
    .filter((path) => !except.some((prefix) => path.startsWith(prefix)));
  const read = paths.map(async (path) => [path, await readFile(join(directory, path))] as const);
  return new Map(await Promise.all(read));
}
