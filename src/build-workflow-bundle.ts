/** Part of `npm run build`: bundles the workflow code, so that a worker starts without webpack. */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { dataConverter } from './temporal/data-converter.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const { code } = await bundleWorkflowCode({
  ...dataConverter(),
  workflowsPath: here('./workflows/workflows.js'),
  payloadConverterPath: here('./workflows/payload-converter.js'),
  // Shared by all runs of a worker: building the schemas anew for each takes a sixth of its time and most of its memory.
  preloadModules: [here('./request/schema.js')],
  logger: new DefaultLogger('WARN'),
  webpackConfigHook: (config) => ({
    ...config,
    // What a preloaded module exports is frozen, and zod's schemas do not work when they are. As one module with its parts,
    // which nobody else imports, it exports functions only.
    optimization: {
      ...config.optimization,
      concatenateModules: true,
      providedExports: true,
      sideEffects: true,
      usedExports: true,
    },
    // Positions are enough for a stack. With the sources themselves it is three times the code, which each worker reads and keeps.
    devtool: 'inline-nosources-source-map',
    // The SDK's default is absolute paths: stacks in histories would tell of the machine that built the package.
    output: { ...config.output, devtoolModuleFilenameTemplate: '[resource-path]' },
  }),
});
await writeFile(here('./workflow-bundle.js'), code);
