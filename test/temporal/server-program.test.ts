import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { cacheDirectory, cachedProgram } from '../../src/temporal/program-cache.ts';
import { findServerProgram } from '../../src/temporal/server-program.ts';
import { inTemporaryDirectory } from '../support/temporary-directory.ts';
import { fakeProgram, saysVersion } from './fake-program.ts';

/** Directories of a test, an environment that finds no program outside them, and a network that refuses everything. */
interface Place {
  directory: string;
  /** First and, but for the shell, only directory on PATH. */
  bin: string;
  cache: string;
  env: NodeJS.ProcessEnv;
  /** Lines that were shown to the person who waits. */
  shown: string[];
  /** Host names that somebody wanted to connect to. */
  asked: string[];
  find(): Promise<string>;
}

async function inPlace(test: (place: Place) => Promise<void>): Promise<void> {
  await inTemporaryDirectory(async (directory) => {
    const asked: string[] = [];
    const proxy = createServer().on('connect', ({ url }, socket) => {
      asked.push(url ?? '');
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const bin = join(directory, 'bin');
    const cache = join(directory, 'cache');
    const shell = await fakeProgram(join(directory, 'shell', 'mark'), 'exit 0');
    await mkdir(bin);
    const env = {
      PATH: [bin, dirname(shell), '/usr/bin', '/bin'].join(delimiter),
      AUDIENCE_CACHE_DIR: cache,
      HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    };
    const shown: string[] = [];
    const find = () => findServerProgram({ env, onProgress: (line) => shown.push(line) });
    try {
      await test({ directory, bin, cache, env, shown, asked, find });
    } finally {
      await new Promise((resolve) => proxy.close(resolve));
    }
  });
}

/** A Go that counts its runs in `runs` and builds a program that says version 1.29.1, after `first`. */
function goThatBuilds({ directory }: Place, first = ''): string {
  return `echo "$GOOS $GOARCH $GOFLAGS $*" >> "${directory}/runs"
    ${first}
    printf '#!/bin/sh\\n%s\\n' '${saysVersion('1.29.1')}' > "$GOBIN/temporal"; chmod 755 "$GOBIN/temporal"`;
}

async function runsOf({ directory }: Place): Promise<string[]> {
  return (await readFile(join(directory, 'runs'), 'utf8')).trim().split('\n');
}

describe('the server program', () => {
  it('is the one that AUDIENCE_TEMPORAL_PROGRAM names, and no other', async () => {
    await inPlace(async ({ directory, bin, env }) => {
      await fakeProgram(join(bin, 'temporal'), saysVersion('1.29.1'));
      const mine = await fakeProgram(join(directory, 'mine'), saysVersion('1.30.0'));
      expect(await findServerProgram({ env: { ...env, AUDIENCE_TEMPORAL_PROGRAM: mine } })).toBe(mine);
      const named = join(directory, 'missing');
      await expect(findServerProgram({ env: { ...env, AUDIENCE_TEMPORAL_PROGRAM: named } })).rejects.toThrow(
        `AUDIENCE_TEMPORAL_PROGRAM names ${named}, but it could not be run (ENOENT). Correct it or unset it.`,
      );
    });
  });

  it('is the first on PATH that is a program, before the cache', async () => {
    await inPlace(async ({ bin, cache, find }) => {
      const installed = await fakeProgram(join(bin, 'temporal'), saysVersion('1.29.1'));
      await fakeProgram(cachedProgram(cache), saysVersion('1.29.1'));
      expect(await find()).toBe(installed);
    });
  });

  it.each([
    [
      'older than the deployment versioning of workers',
      saysVersion('1.28.9'),
      'its server is version 1.28.9; it takes 1.29.1',
    ],
    ['of the same name and something else', 'echo "tctl version 1.18"', 'it is not the Temporal CLI'],
    ['broken', 'exit 9', 'it could not be run (--version ended with 9)'],
  ])('is the cached one if the installed one is %s', async (_, script, reason) => {
    await inPlace(async ({ bin, cache, shown, find }) => {
      await fakeProgram(join(bin, 'temporal'), script);
      const cached = await fakeProgram(cachedProgram(cache), saysVersion('1.29.1'));
      expect(await find()).toBe(cached);
      expect(shown).toEqual([expect.stringContaining(reason)]);
    });
  });

  it('is downloaded if it can be, and else built by Go, into the cache, once', async () => {
    await inPlace(async (place) => {
      await fakeProgram(join(place.bin, 'go'), goThatBuilds(place));
      const program = await place.find();
      expect(program).toBe(cachedProgram(place.cache));
      expect(place.asked).toContain('temporal.download:443');
      expect(await place.find()).toBe(program);
      expect(await runsOf(place)).toEqual([
        expect.stringMatching(/^\w+ \w+ -mod=mod install github\.com\/temporalio\/cli\/cmd\/temporal@v1\.5\.1$/),
      ]);
      expect(place.shown).toContainEqual(expect.stringMatching(/^Building the Temporal server with Go.*: 0 s so far$/));
      expect(await readdir(place.cache)).toEqual([expect.stringMatching(/^temporal-v1\.5\.1-/)]);
    });
  });

  it('is built for this machine whatever a developer set for others', async () => {
    await inPlace(async (place) => {
      await fakeProgram(join(place.bin, 'go'), goThatBuilds(place));
      Object.assign(place.env, { GOOS: 'plan9', GOARCH: 'riscv64', GOFLAGS: '-mod=vendor' });
      await place.find();
      expect((await runsOf(place))[0]).not.toMatch(/plan9|riscv64|vendor/);
    });
  });

  it('is not what Go left of a build that failed; the error shows the last of its words and every way out', async () => {
    await inPlace(async (place) => {
      await fakeProgram(
        join(place.bin, 'go'),
        goThatBuilds(place, 'echo "no space left on device" >&2; echo half > "$GOBIN/temporal"; exit 1'),
      );
      const error: unknown = await place.find().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ name: 'ServerProgramError' });
      const { message } = error as Error;
      expect(message).toContain('PATH: no program called `temporal`');
      expect(message).toMatch(/download: .+/);
      expect(message).toContain('go install ended with code 1:\nno space left on device');
      for (const way of [
        'https://docs.temporal.io/cli',
        'AUDIENCE_TEMPORAL_PROGRAM',
        'https://go.dev/dl',
        cachedProgram(place.cache),
      ]) {
        expect(message).toContain(way);
      }
      expect(await readdir(place.cache)).toEqual([]);
    });
  });

  it('is not one that was built and does not run', async () => {
    await inPlace(async (place) => {
      await fakeProgram(join(place.bin, 'go'), 'echo "exit 1" > "$GOBIN/temporal"');
      await expect(place.find()).rejects.toThrow('Go: it could not be run (EACCES)');
      expect(await readdir(place.cache)).toEqual([]);
    });
  });

  it('is missing where nothing is installed, which is said at once', async () => {
    await inPlace(async (place) => {
      // A PATH entry that is empty, one that is not there, and one that is a file.
      const file = await fakeProgram(join(place.directory, 'file'), 'exit 0');
      place.env['PATH'] = ['', join(place.directory, 'nowhere'), file].join(delimiter);
      await expect(place.find()).rejects.toThrow('Go: Go is not installed (no `go` on PATH)');
    });
  });

  it('replaces a cached one that does not run', async () => {
    await inPlace(async (place) => {
      await mkdir(place.cache);
      await writeFile(cachedProgram(place.cache), 'half', { mode: 0o755 });
      await fakeProgram(join(place.bin, 'go'), goThatBuilds(place));
      expect(await place.find()).toBe(cachedProgram(place.cache));
      expect(await runsOf(place)).toHaveLength(1);
    });
  });
});

describe('starts at the same time', () => {
  it('share one build, and who waits is told so', async () => {
    await inPlace(async (place) => {
      // Go ends only when the other start says that it waits.
      const waiting = join(place.directory, 'waiting');
      await fakeProgram(
        join(place.bin, 'go'),
        goThatBuilds(place, `while ! test -f "${waiting}"; do sleep 0.05; done`),
      );
      const onProgress = (line: string) => {
        place.shown.push(line);
        if (line.startsWith('Waiting for another process')) void writeFile(waiting, '');
      };
      const programs = await Promise.all([1, 2, 3].map(() => findServerProgram({ env: place.env, onProgress })));
      expect(new Set(programs)).toEqual(new Set([cachedProgram(place.cache)]));
      expect(await runsOf(place)).toHaveLength(1);
    });
  });

  it('take over the lock of a process that was killed, and clear away what it left', async () => {
    await inPlace(async (place) => {
      await mkdir(join(place.cache, 'lock'), { recursive: true });
      const longAgo = new Date(Date.now() - 3_600_000);
      await utimes(join(place.cache, 'lock'), longAgo, longAgo);
      await fakeProgram(join(place.cache, 'unfinished-abc', 'temporal'), 'half');
      await fakeProgram(join(place.bin, 'go'), goThatBuilds(place));
      expect(await place.find()).toBe(cachedProgram(place.cache));
      expect(await readdir(place.cache)).toHaveLength(1);
    });
  });

  it('go on when the lock is lost meanwhile', async () => {
    await inPlace(async (place) => {
      // The lock notices when it is next refreshed, some seconds later; Go ends when it has.
      const noticed = join(place.directory, 'noticed');
      await fakeProgram(
        join(place.bin, 'go'),
        goThatBuilds(place, `rmdir "${place.cache}/lock"; while ! test -f "${noticed}"; do sleep 0.05; done`),
      );
      const onProgress = (line: string) => {
        if (line.startsWith('Another process took over')) void writeFile(noticed, '');
      };
      expect(await findServerProgram({ env: place.env, onProgress })).toBe(cachedProgram(place.cache));
    });
  }, 30_000);
});

describe('the cache', () => {
  it('is where AUDIENCE_CACHE_DIR says, else below XDG_CACHE_HOME, else below the home directory', () => {
    expect(cacheDirectory({ AUDIENCE_CACHE_DIR: '/c', XDG_CACHE_HOME: '/x', HOME: '/h' })).toBe('/c');
    expect(cacheDirectory({ XDG_CACHE_HOME: '/x', HOME: '/h' })).toBe('/x/audience-provisioning');
    expect(cacheDirectory({ AUDIENCE_CACHE_DIR: '', XDG_CACHE_HOME: '', HOME: '/h' })).toBe(
      '/h/.cache/audience-provisioning',
    );
  });
});
