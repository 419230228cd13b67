import type { ErrorCode } from '../../errors/index.ts'
import type { SettingsInput } from '../../index.ts'
import type { HalfLoad, LatencyMs, LoneCall, OperationName, SubjectDescription } from './report.ts'
import type { SubjectOptions } from './subject.ts'

/** Where a process gets the one subject that it measures. */
export type SubjectSource = {
  readonly options: SubjectOptions
  /** The id of the server's process, where it is one of this machine. */
  readonly serverProcess: number | null
} & (
  | {
      /** A store's public API, or its transport alone. */
      readonly kind: 'store' | 'bare'
      readonly transport: string
      /** Of a store whose set is `options.set`. */
      readonly url: string
      readonly settings: SettingsInput
    }
  | {
      /** A member of what a module exports as `yardsticks`. */
      readonly kind: 'module'
      readonly path: string
      readonly id: string
    }
)

export interface Measurement {
  readonly seconds: number
  readonly latencyMs: LatencyMs
  readonly clientCpuMicroseconds: number
  readonly serverCpuMicroseconds: number | null
  readonly eventLoopBusy: number
  /** Processor time of the whole machine, everything that runs on it. */
  readonly machineCpuMicroseconds: number
}

/** What a subject did in one round. */
export interface Sample extends Measurement {
  readonly records: number
  readonly rowsPerBatch: number | null
  readonly lingerMs: number | null
}

export interface MemorySample {
  readonly heapUsedBytes: number
  readonly rssBytes: number
}

/** What the measuring process is asked, and what it answers, by the name of the request. */
export interface Exchanges {
  open: { body: SubjectSource; answer: SubjectDescription }
  /** Begins a round of so many transactions. */
  begin: { body: { readonly transactions: number }; answer: null }
  /** Null where the subject has no such operation, or was stopped. */
  measure: { body: { readonly operation: OperationName }; answer: Sample | null }
  /** Ends a round: what it has stored is removed. */
  clear: { body: null; answer: null }
  /** After a garbage collection. */
  memory: { body: null; answer: MemorySample }
  loneCalls: { body: { readonly calls: number }; answer: readonly LoneCall[] }
  /** Null when it was stopped. */
  halfLoad: {
    body: { readonly operation: OperationName; readonly callsPerSecond: number; readonly calls: number }
    answer: HalfLoad | null
  }
  /** One cycle of a soak; answers how many operations it made, fewer when it was stopped. */
  soak: { body: { readonly transactions: number }; answer: number }
  close: { body: null; answer: null }
}

export type RequestName = keyof Exchanges

export type Request = {
  [Name in RequestName]: { readonly name: Name; readonly body: Exchanges[Name]['body'] }
}[RequestName]

/** `stop` ends what is measured, without an answer of its own. */
export type ToWorker = Request | { readonly name: 'stop' }

/** A code stays what it is from one process to the other. */
export interface WorkerFailure {
  readonly code: ErrorCode | null
  readonly message: string
}

/** Requests are made one at a time, so that each answer belongs to the last. */
export type FromWorker = { readonly answer: unknown } | { readonly failure: WorkerFailure }
