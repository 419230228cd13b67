import { shared } from './jest.config.js'

// Tests that load the npm aerospike client. It keeps process-wide state (one event loop registration for
// each process), while Jest gives every test file a fresh module registry in a reused process: the second
// file's connect would fail. `workerIdleMemoryLimit: 0` with two workers makes Jest start a fresh process
// for each file.
export default {
  ...shared,
  // These tests import the package by its own name, that is the built files in dist/.
  modulePathIgnorePatterns: [],
  roots: ['<rootDir>/integration'],
  testMatch: ['**/*.test.ts'],
  maxWorkers: 2,
  workerIdleMemoryLimit: 0,
  testTimeout: 60_000,
}
