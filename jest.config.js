/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/browser/'],
  globalSetup: '<rootDir>/test/support/global-setup.js',
  globalTeardown: '<rootDir>/test/support/global-teardown.js',
  // Programs and bundle are the built ones, also where a test runs from the sources what starts them.
  moduleNameMapper: { '/built-files\\.ts$': '<rootDir>/dist/built-files.js' },
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'es6' } },
    ],
  },
  // Most of the time a test waits for other processes; the default leaves a core to nobody.
  maxWorkers: '100%',
  // A provisioning takes a second or two, on a busy machine a few more.
  testTimeout: 60_000,
  // Programs are run as processes of their own, where Jest does not see them.
  collectCoverageFrom: ['src/**/*.ts', '!src/**/main.ts', '!src/build-workflow-bundle.ts'],
};
