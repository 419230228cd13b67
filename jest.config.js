// Unit tests: no native client, no server process, so one process runs many files, and fast.
// Integration tests live in jest.integration.config.js, which says why they are apart.
export const shared = {
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'es6' },
      },
    ],
  },
  testEnvironment: 'node',
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
}

export default {
  ...shared,
  roots: ['<rootDir>/test'],
  // By itself Jest leaves one processor out, which of two is half.
  maxWorkers: '100%',
  testMatch: ['**/*.test.ts'],
  // Four times Jest's own: none takes long, but a busy machine may be ten times slower.
  testTimeout: 20_000,
}
