/** The Dockerfile against the repository. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { composeOf, ROOT } from './compose-file.ts';
import { contextPaths, instructionsOf, lineage } from './image-file.ts';

const instructions = instructionsOf();
const stages = instructions.filter(({ name }) => name === 'FROM').map(({ stage }) => stage);
const manifest = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
const images = ['worker', 'sandbox'];
/** All instructions that an image is made by. */
const of = (image: string) => lineage(image).flatMap((stage) => instructions.filter((one) => one.stage === stage));

describe('the Dockerfile', () => {
  it('has the targets that docker-compose.yml builds', () => {
    const targets = Object.values(composeOf().services).flatMap(({ build }) => (build === undefined ? [] : [build]));
    expect([...new Set(targets.map(({ target }) => target))].toSorted()).toEqual(images.toSorted());
    for (const { target, context } of targets) {
      expect(stages).toContain(target);
      expect(context).toBe('.');
    }
  });

  it('makes the worker where no target is named', () => {
    expect(stages.at(-1)).toBe('worker');
  });

  it('copies only files that are in the repository and that .dockerignore lets in', () => {
    const copied = instructions
      .filter(({ name, rest }) => name === 'COPY' && !rest.startsWith('--from='))
      .flatMap(({ rest }) => rest.split(' ').slice(0, -1));
    for (const path of copied) expect(existsSync(`${ROOT}${path}`)).toBe(true);
    expect([...new Set(copied)].toSorted()).toEqual(contextPaths().toSorted());
  });

  it('copies from stages that are there', () => {
    for (const { name, rest } of instructions) {
      const from = name === 'COPY' ? /^--from=(\S+)/.exec(rest)?.[1] : undefined;
      if (from !== undefined) expect(stages).toContain(from);
    }
  });

  it('is on a Debian with a Node version that the package takes', () => {
    const base = instructions.find(({ name }) => name === 'ARG')?.rest ?? '';
    const [, major, minor] = /^NODE_IMAGE=node:(\d+)\.(\d+)\.\d+-bookworm-slim$/.exec(base) ?? [];
    const [, least, leastMinor] = /^>=(\d+)\.(\d+)$/.exec(manifest.engines.node) ?? [];
    expect(Number(major) * 1000 + Number(minor)).toBeGreaterThanOrEqual(Number(least) * 1000 + Number(leastMinor));
    const bases = new Set(stages.map(baseOf).filter((name) => !stages.includes(name)));
    expect([...bases]).toEqual([expect.stringMatching(/^\$\{NODE_IMAGE\}$/)]);
  });

  it('has only build scripts that the package has', () => {
    const scripts = instructions.flatMap(({ rest }) => [...rest.matchAll(/npm run (\S+)/g)].map(([, name]) => name));
    expect(scripts).toEqual(['build']);
    expect(manifest.scripts).toHaveProperty('build');
  });

  it.each(images)('runs the %s as a user without rights', (image) => {
    expect(
      of(image)
        .filter(({ name }) => name === 'USER')
        .map(({ rest }) => rest),
    ).toEqual(['node']);
  });

  it.each(images)('has the program, its version and the licence in the image of the %s', (image) => {
    const made = of(image).map(({ name, rest }) => `${name} ${rest}`);
    expect(made).toEqual(
      expect.arrayContaining(['WORKDIR /app', 'COPY LICENSE package.json ./', 'COPY --from=build /app/dist dist']),
    );
    expect(made.join('\n')).toContain(`ln -s /app/${manifest.bin.audience} /usr/local/bin/audience`);
    expect(instructions.find(({ rest }) => rest.includes('npm run build'))?.rest).toContain(
      `chmod +x ${manifest.bin.audience}`,
    );
  });

  it('adds for the sandbox the packages that only the sandbox imports', () => {
    const install = of('sandbox')
      .concat(instructions)
      .find(({ rest }) => rest.includes('--save-prod'))?.rest;
    const added = install?.split('--save-prod ')[1]?.split(' ') ?? [];
    const needed = packagesOf('src/sandbox').filter((name) => manifest.dependencies[name] === undefined);
    expect(added.toSorted()).toEqual(needed.toSorted());
    for (const name of added) expect(manifest.peerDependenciesMeta[name]).toEqual({ optional: true });
  });

  it('lets the sandbox write its state where docker-compose.yml keeps it', () => {
    const directory = composeOf().services['sandbox']?.volumes[0]?.split(':')[1];
    expect(of('sandbox').map(({ rest }) => rest)).toContainEqual(
      expect.stringContaining(`install -d -o node -g node ${directory}`),
    );
  });
});

function baseOf(stage: string): string {
  return instructions.find((one) => one.name === 'FROM' && one.stage === stage)?.rest.split(' ')[0] ?? '';
}

/** Names of the packages that the modules of a folder import. */
function packagesOf(folder: string): string[] {
  const imported = readdirSync(`${ROOT}${folder}`).flatMap((file) =>
    [...readFileSync(`${ROOT}${folder}/${file}`, 'utf8').matchAll(/from '([^.'][^']*)'/g)].map(([, name = '']) => name),
  );
  const packages = imported.filter((name) => !name.startsWith('node:') && !builtinModules.includes(name));
  return [...new Set(packages.map((name) => /^(@[^/]+\/[^/]+|[^/]+)/.exec(name)?.[0] ?? name))];
}
