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
  logger: new DefaultLogger('WARN'),
  // The SDK's default is absolute paths: stacks in histories would tell of the machine that built the package.
  webpackConfigHook: (config) => ({
    ...config,
    output: { ...config.output, devtoolModuleFilenameTemplate: '[resource-path]' },
  }),
});
await writeFile(here('./workflow-bundle.js'), code);
