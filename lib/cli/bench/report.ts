/** Raised when a field of the report changes its meaning or goes. */
export const REPORT_SCHEMA_VERSION = 3

/** What is measured, in the order in which it runs: each needs what those before it have stored. */
export const OPERATIONS = {
  create: 'stores a transaction of two outputs',
  get: 'reads a transaction, body included',
  previousOutputsDecorate: 'looks up what a transaction of one input spends',
  spend: 'spends the input of a transaction',
  setMined: 'sets transactions mined, a list of one batch per call',
  blockValidation: 'decorates, spends and creates each transaction of a block, then sets the block mined',
} as const satisfies Record<string, string>

export type OperationName = keyof typeof OPERATIONS

export const OPERATION_NAMES = Object.keys(OPERATIONS) as readonly OperationName[]

/** One figure over the rounds of a run. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** Latencies of calls in milliseconds. A percentile is the median of the rounds, `max` the largest of all. */
export interface LatencyMs {
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

/** What held a subject back, by the rules of `limitOf`. */
export interface Limit {
  readonly kind: 'client' | 'server' | 'machine' | 'linger' | 'waiting'
  readonly text: string
}

/** One subject doing one operation. */
export interface Figure {
  readonly operation: OperationName
  /** The id of a subject of the report. */
  readonly subject: string
  readonly rounds: number
  /** Records written or read in one round. */
  readonly records: number
  readonly recordsPerSecond: Spread
  /** Records per second of each round, in order, so that subjects can be compared round by round. */
  readonly recordsPerSecondByRound: readonly number[]
  readonly latencyMs: LatencyMs
  /** Processor time of the subject's process for one record, all of its threads, in microseconds. */
  readonly clientCpuMicroseconds: Spread
  /** Processor time of the server for one record; null where the server is not on this machine. */
  readonly serverCpuMicroseconds: Spread | null
  /** Share of the time in which the event loop was busy, 0 to 1. */
  readonly eventLoopBusy: number
  /**
   * Cores that other processes took meanwhile: a disturbed run. Null where the server's part is not known, and for
   * rounds of less than 0.1 s, in which the machine's clocks are too coarse.
   */
  readonly otherCores: number | null
  /** Rows in a batch on average; null where the subject does not send through the store's seam. */
  readonly rowsPerBatch: number | null
  readonly limit: Limit
}

export interface SubjectDescription {
  readonly id: string
  readonly title: string
  readonly kind: 'store' | 'yardstick'
  readonly transport: string
}

/** One subject as a multiple of another in the same run. */
export interface Ratio {
  readonly operation: OperationName
  readonly subject: string
  readonly of: string
  /** Of throughput: the median of the rounds' ratios. */
  readonly recordsPerSecond: number
  /** Of the client's processor time for one record, which a disturbed machine changes little. */
  readonly clientCpu: number
}

/** Memory of a subject's process, its garbage collected. */
export interface MemorySize {
  readonly heapMiB: number
  readonly rssMiB: number
}

export interface SubjectMemory {
  readonly subject: string
  /** Before the last round that warms up, and after the last of all; fewer where the run ended early. */
  readonly sizes: readonly MemorySize[]
}

/** One call after the other on a store that does nothing else. */
export interface LoneCall {
  readonly operation: OperationName
  readonly subject: string
  readonly calls: number
  readonly lingerMs: number
  /** One row through the transport without the store: the median, or the 99th percentile. */
  readonly roundTripMs: { readonly p50: number; readonly p99: number }
  readonly latencyMs: LatencyMs
}

/** Calls that arrive at half of the measured maximal rate, whatever becomes of those before them. */
export interface HalfLoad {
  readonly operation: OperationName
  readonly subject: string
  readonly calls: number
  readonly callsPerSecond: number
  /** From the moment at which a call was to be sent, not from that at which it was. */
  readonly latencyMs: LatencyMs
  /** Three times linger and round trip: what p99 is to stay below. */
  readonly p99BoundMs: number
  /** The longest time for which a collection of garbage stopped the process meanwhile; 0 without any. */
  readonly longestCollectionMs: number
  /** Of the machine's processor time, what its host gave to others meanwhile, 0 to 1; null where that is not known. */
  readonly stolenShare: number | null
}

export interface SoakSample {
  readonly operations: number
  readonly seconds: number
  /** After a garbage collection. */
  readonly heapUsedBytes: number
  readonly rssBytes: number
}

/** The same load for long, to see whether memory grows. */
export interface Soak {
  readonly subject: string
  readonly operations: number
  readonly seconds: number
  readonly operationsPerSecond: number
  readonly samples: readonly SoakSample[]
  /** Of a line through the samples after the first fifth, in bytes per million operations; null with too few samples. */
  readonly heapSlopeBytesPerMillion: number | null
  readonly rssSlopeBytesPerMillion: number | null
}

export interface Report {
  readonly schemaVersion: typeof REPORT_SCHEMA_VERSION
  readonly package: string
  readonly startedAt: string
  readonly seconds: number
  readonly interrupted: boolean
  /** Why the run ended before its end, where a call failed or was answered wrongly. */
  readonly failure: string | null
  readonly machine: {
    readonly node: string
    readonly platform: string
    readonly processor: string
    readonly cores: number
    readonly memoryGiB: number
  }
  /** Where the records went. `process`: the server's id on this machine, null where it is not. */
  readonly server: {
    readonly url: string
    readonly kind: 'embedded' | 'given'
    readonly process: number | null
  }
  readonly parameters: {
    readonly transactions: number
    readonly rounds: number
    readonly warmUp: number
    readonly concurrency: number
    readonly batchSize: number
    readonly lingerMs: number
    /** Of the processes that measure, those of NODE_OPTIONS included. */
    readonly nodeOptions: string
    /** Settings of the store that differ from its defaults. */
    readonly settings: Readonly<Record<string, unknown>>
  }
  readonly subjects: readonly SubjectDescription[]
  readonly unavailable: readonly { readonly subject: string; readonly reason: string }[]
  readonly figures: readonly Figure[]
  readonly ratios: readonly Ratio[]
  readonly memory: readonly SubjectMemory[]
  readonly loneCalls: readonly LoneCall[]
  readonly halfLoad: readonly HalfLoad[]
  readonly soaks: readonly Soak[]
}
