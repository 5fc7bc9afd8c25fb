/**
 * Before all tests: one Temporal server, which all of them share, each on a task queue of its own; and the workflow
 * bundle, instrumented where coverage is measured. Uses what `npm run build` made, as Jest loads this file natively.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmbeddedTemporal } from '../../dist/temporal/embedded-server.js';

/** Jest calls it with two arguments; the third is for the set-up of other projects. `ui`: whether the server has its Web UI. */
export default async function setUp({ collectCoverage }, _project, { ui = false } = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'audience-test-'));
  const server = await startEmbeddedTemporal({
    directory: join(directory, 'temporal'),
    ui,
    onProgress: (line) => process.stderr.write(`${line}\n`),
  });
  process.env.TEST_TEMPORAL_ADDRESS = server.address;
  process.env.TEST_TEMPORAL_UI = server.uiUrl ?? '';
  process.env.TEST_WORKFLOW_BUNDLE = collectCoverage
    ? await instrumentedBundle(directory)
    : fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url));
  globalThis.tearDownTests = async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  };
}

async function instrumentedBundle(directory) {
  const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker');
  const { WorkflowCoverage } = await import('@temporalio/nyc-test-coverage');
  globalThis.__coverage__ ??= {};
  const { code } = await bundleWorkflowCode(
    new WorkflowCoverage().augmentBundleOptions({
      workflowsPath: fileURLToPath(new URL('../../dist/workflows/workflows.js', import.meta.url)),
      payloadConverterPath: fileURLToPath(new URL('../../dist/workflows/payload-converter.js', import.meta.url)),
      logger: new DefaultLogger('WARN'),
    }),
  );
  const file = join(directory, 'workflow-bundle.js');
  await writeFile(file, code);
  return file;
}
