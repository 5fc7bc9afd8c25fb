/** What `npm pack` makes of the project, and that it works where it is installed. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startOwnedProcess } from '../../src/processes/owned-process.ts';
import { newTaskQueue, temporalEnv } from '../support/temporal.ts';
import { until } from '../support/until.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const manifest = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));

/** The environment without what npm tells those that it runs: it speaks of this project, not of the one installed into. */
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_|^NODE_OPTIONS$/.test(name)));

let directory: string;
/** A copy of the project, where packing builds anew and disturbs no other test. */
let project: string;
/** An empty project that the package is installed into. */
let consumer: string;
/** The package in it. */
let installed: string;
/** Paths of its files. */
let files: string[];

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

function run(program: string, args: string[], more: Record<string, string> = {}): Promise<Ended> {
  return promisify(execFile)(program, args, { cwd: consumer, env: { ...env, ...more } }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: Ended) => ({ code, stdout, stderr }),
  );
}

const audience = (...args: string[]) => run(join(consumer, 'node_modules/.bin/audience'), args);
const text = (file: string) => readFileSync(join(installed, file), 'utf8');

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'audience-package-'));
  project = join(directory, 'project');
  consumer = join(directory, 'consumer');
  installed = join(consumer, 'node_modules', manifest.name);
  const left = new Set(['node_modules', 'dist', '.git', 'coverage'].map((name) => join(ROOT, name)));
  await cp(ROOT, project, { recursive: true, filter: (path) => !left.has(path) });
  await symlink(join(ROOT, 'node_modules'), join(project, 'node_modules'));
  await promisify(execFile)('npm', ['pack', '--pack-destination', directory], { cwd: project, env });
  await cp(join(ROOT, 'test/package/consumer'), consumer, { recursive: true });
  const tarball = join(directory, `${manifest.name}-${manifest.version}.tgz`);
  await promisify(execFile)('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball], {
    cwd: consumer,
    env,
  });
  files = readdirSync(installed, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1));
}, 180_000);

afterAll(() => rm(directory, { recursive: true, force: true }));

describe('the packed package', () => {
  it('has all that its manifest names, its licence, its documentation and examples', () => {
    const named = [manifest.bin.audience, manifest.exports['.'].types, manifest.exports['.'].default];
    expect(files).toEqual(
      expect.arrayContaining([
        ...named.map((path: string) => path.replace(/^\.\//, '')),
        'LICENSE',
        'README.md',
        'CHANGELOG.md',
        'docs/request.md',
        'examples/walkthrough.yaml',
        'dist/workflow-bundle.js',
      ]),
    );
  });

  it('has nothing that only a clone needs', () => {
    expect([...new Set(files.map((file) => file.split('/')[0]))].toSorted()).toEqual(
      ['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'docs', 'examples', 'package.json'].toSorted(),
    );
    const useless = /\.(test|spec)\.|\.tsbuildinfo$|^dist\/(demo\/|build-)|\.env$/;
    expect(files.filter((file) => useless.test(file))).toEqual([]);
    expect(files.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))).toEqual([]);
  });

  it('has source maps that hold their sources, and a module for each', () => {
    const maps = files.filter((file) => file.endsWith('.map'));
    expect(maps.length).toBeGreaterThan(50);
    for (const file of maps) {
      const { sources, sourcesContent } = JSON.parse(text(file));
      expect({ file, sourcesContent }).toEqual({ file, sourcesContent: sources.map(() => expect.any(String)) });
      expect(files).toContain(file.replace(/\.map$/, ''));
    }
  });

  it('imports only what is in it, or what it depends on, if only as an option', () => {
    const packages = { ...manifest.dependencies, ...manifest.peerDependencies };
    for (const file of files.filter((name) => /^dist\/.*\.(js|d\.ts)$/.test(name) && !name.includes('bundle'))) {
      for (const [, module = ''] of text(file).matchAll(/(?:^|\s)(?:from|import)\s*\(?['"]([^'"\s]+)['"]/gm)) {
        const inside = join(dirname(file), module).replace(/\.ts$/, '.d.ts');
        const name = /^(@[^/]+\/[^/]+|[^/]+)/.exec(module)?.[0] ?? '';
        const known = module.startsWith('.')
          ? files.includes(inside)
          : module.startsWith('node:') || builtinModules.includes(module) || name in packages;
        expect({ file, module, known }).toEqual({ file, module, known: true });
      }
    }
  });

  it('tells of no path of the machine that built it', () => {
    const bundle = text('dist/workflow-bundle.js');
    const map = /sourceMappingURL=data:application\/json;[^,]*,(\S+)/.exec(bundle)?.[1] ?? '';
    const { sources } = JSON.parse(Buffer.from(map, 'base64').toString('utf8')) as { sources: string[] };
    expect(sources).toContain('./src/workflows/audience-provisioning.ts');
    expect(sources.filter((source) => source.startsWith('/'))).toEqual([]);
    for (const file of files) expect({ file, told: text(file).includes(project) }).toEqual({ file, told: false });
  });
});

describe('installed in an empty project', () => {
  it('runs as audience', async () => {
    const { code, stdout } = await run('npx', ['--no-install', 'audience', '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('Usage: audience');
    expect((await audience('--version')).stdout).toBe(`${manifest.version}\n`);
  });

  it('validates a request, and finds its own example valid', async () => {
    const example = join(installed, 'examples/walkthrough.yaml');
    expect(await audience('validate', example)).toMatchObject({ code: 0, stderr: '' });
    await writeFile(join(consumer, 'wrong.yaml'), 'name: 1\n');
    expect(await audience('validate', 'wrong.yaml')).toMatchObject({ code: 2, stdout: '' });
  });

  it('has types that a strict program compiles with, and that refuse what is wrong', async () => {
    const compiler = join(ROOT, 'node_modules/.bin/tsc');
    expect(await run(compiler, ['--project', consumer])).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('is a library for a program that is no module either', async () => {
    const program = `import('${manifest.name}').then((library) => console.log(typeof library.AudienceClient))`;
    expect(await run('node', ['--eval', program])).toEqual({ code: 0, stdout: 'function\n', stderr: '' });
  });

  it('installs nothing that only the sandbox needs, and says what to install for it', async () => {
    const optional = Object.keys(manifest.peerDependenciesMeta);
    expect(optional.filter((name) => existsSync(join(consumer, 'node_modules', name)))).toEqual([]);
    const { code, stderr } = await audience('sandbox', '--state', 'state', '--api-key', 'key');
    expect(code).toBe(1);
    const told = /npm install ([^(\n]+)/.exec(stderr)?.[1]?.trim().split(' ') ?? [];
    expect(told.toSorted()).toEqual(optional.filter((name) => name !== '@temporalio/testing').toSorted());
  });

  it('starts a worker with the workflow code of the package, bundling nothing', async () => {
    // Whoever calls webpack now fails.
    await writeFile(
      join(consumer, 'node_modules/webpack/lib/index.js'),
      "exports.webpack = () => { throw new Error('webpack was called'); };",
    );
    const logFile = join(directory, 'worker.log');
    const worker = await startOwnedProcess({
      program: join(consumer, 'node_modules/.bin/audience'),
      args: ['worker'],
      env: {
        ...env,
        ...temporalEnv,
        POLYTOMIC_API_KEY: 'key',
        AUDIENCE_TASK_QUEUE: newTaskQueue(),
        AUDIENCE_HEALTH_PORT: '0',
      },
      logFile,
    });
    try {
      const health = await until(
        'the worker says where its health is',
        () => /"health":"([^"]+)"/.exec(readFileSync(logFile, 'utf8'))?.[1],
      );
      const answer = await fetch(`http://${health}/health`);
      expect({ status: answer.status, body: await answer.json() }).toMatchObject({
        status: 200,
        body: { state: 'RUNNING' },
      });
    } finally {
      worker.kill('SIGTERM');
    }
    expect(await worker.exited).toEqual({ code: 0, signal: null });
    expect(readFileSync(logFile, 'utf8')).not.toContain('webpack');
  });
});
