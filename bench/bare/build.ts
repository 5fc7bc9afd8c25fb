/** Builds what the program is compared with, as the program is built: plain JavaScript, and a prebuilt workflow bundle. */
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { transformFile } from '@swc/core';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

/** Paths of what was built. */
export interface BareBuild {
  workerScript: string;
  bundle: string;
}

/** Within the project, so that its packages are found; nothing of it is kept. */
const DIRECTORY = fileURLToPath(new URL('../../dist/bench/', import.meta.url));

export async function buildBare(): Promise<BareBuild> {
  await mkdir(DIRECTORY, { recursive: true });
  for (const name of ['worker', 'activities', 'chain']) {
    const source = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
    const { code } = await transformFile(source, {
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
      module: { type: 'es6' },
    });
    await writeFile(`${DIRECTORY}${name}.js`, code.replaceAll(/(from '|from ")(\.\/\w+)\.ts/g, '$1$2.js'));
  }
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('workflows.ts', import.meta.url)),
    logger: new DefaultLogger('WARN'),
    // As the program's: with the sources in it, each worker would read and keep more than the code.
    webpackConfigHook: (config) => ({ ...config, devtool: 'inline-nosources-source-map' }),
  });
  const bundle = `${DIRECTORY}workflow-bundle.js`;
  await writeFile(bundle, code);
  return { workerScript: `${DIRECTORY}worker.js`, bundle };
}
