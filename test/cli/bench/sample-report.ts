import type { Figure, Report } from '../../../lib/cli/bench/report.ts'

/** A figure with everything in it; overrides say what a test is about. */
export function sampleFigure(overrides: Partial<Figure> = {}): Figure {
  const { recordsPerSecond = { median: 120_000, min: 110_000, max: 131_000 } } = overrides
  return {
    operation: 'create',
    subject: 'store-wire',
    rounds: 3,
    records: 20_000,
    recordsPerSecond,
    recordsPerSecondByRound: [recordsPerSecond.min, recordsPerSecond.median, recordsPerSecond.max],
    latencyMs: { p50: 21.4, p90: 27, p99: 31.2, max: 44 },
    clientCpuMicroseconds: { median: 8.1, min: 7.9, max: 8.8 },
    serverCpuMicroseconds: { median: 3.9, min: 3.7, max: 4 },
    eventLoopBusy: 0.97,
    otherCores: 0.02,
    rowsPerBatch: 992,
    limit: { kind: 'client', text: 'client CPU bound: 97 % of one core' },
    ...overrides,
  }
}

export function sampleReport(overrides: Partial<Report> = {}): Report {
  return {
    schemaVersion: 3,
    package: 'aerospike-utxo-store 0.1.0',
    startedAt: '2026-01-02T03:04:05.678Z',
    seconds: 81.3,
    interrupted: false,
    failure: null,
    machine: {
      node: 'v20.20.0',
      platform: 'linux 6.1',
      processor: 'Processor',
      cores: 2,
      memoryGiB: 24,
    },
    server: { url: 'aerospike://127.0.0.1:3000/utxo-store', kind: 'given', process: 4711 },
    parameters: {
      transactions: 20_000,
      rounds: 3,
      warmUp: 3,
      concurrency: 4_000,
      batchSize: 1_000,
      lingerMs: 5,
      nodeOptions: '--max-semi-space-size=128',
      settings: {},
    },
    subjects: [
      { id: 'store-client', title: 'store, client transport', kind: 'store', transport: 'client' },
      { id: 'store-wire', title: 'store, wire transport', kind: 'store', transport: 'wire' },
    ],
    unavailable: [],
    figures: [sampleFigure()],
    ratios: [
      {
        operation: 'create',
        subject: 'store-wire',
        of: 'store-client',
        recordsPerSecond: 4.3,
        clientCpu: 0.22,
      },
    ],
    memory: [
      {
        subject: 'store-wire',
        sizes: [
          { heapMiB: 14.1, rssMiB: 200 },
          { heapMiB: 14.2, rssMiB: 204 },
        ],
      },
    ],
    loneCalls: [
      {
        operation: 'create',
        subject: 'store-wire',
        calls: 50,
        lingerMs: 5,
        roundTripMs: { p50: 0.25, p99: 0.6 },
        latencyMs: { p50: 5.4, p90: 5.9, p99: 6.8, max: 6.8 },
      },
    ],
    halfLoad: [
      {
        operation: 'create',
        subject: 'store-wire',
        calls: 80_000,
        callsPerSecond: 60_000,
        latencyMs: { p50: 6, p90: 7.2, p99: 9.9, max: 14 },
        p99BoundMs: 15.75,
        longestCollectionMs: 3.2,
        stolenShare: 0.024,
      },
    ],
    soaks: [],
    ...overrides,
  }
}
