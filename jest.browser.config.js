import tests from './jest.config.js';

/** What a person sees, in Chromium: `npm run test:browser`. */
/** @type {import('jest').Config} */
export default {
  ...tests,
  testMatch: ['<rootDir>/test/browser/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  globalSetup: '<rootDir>/test/browser/global-setup.js',
  // A browser, its server and a worker fill two cores.
  maxWorkers: 1,
};
