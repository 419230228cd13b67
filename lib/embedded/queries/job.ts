import type { Clock } from '../clock.ts'
import type { RecordSelection } from './record-selection.ts'

/** What a query does with the records it finds, by its name in the info protocol. */
export type JobType = 'basic' | 'aggregation' | 'background-ops' | 'background-udf'

/** How a job ended, in the words of the info protocol. */
export type JobOutcome = 'ok' | 'user-aborted' | 'abandoned-unknown' | 'abandoned-response-error'

export interface JobDescription {
  readonly id: bigint
  readonly type: JobType
  readonly selection: RecordSelection
  /** Records a second at most; 0 = any number. */
  readonly recordsPerSecond: number
  readonly socketTimeoutMs: number
  /** Partitions asked for from the start, and those to be resumed; jobs of all partitions leave it out. */
  readonly partitionsRequested?: { readonly whole: number; readonly resumed: number }
  /** The function that is called on each record, for `background-udf`. */
  readonly udf?: { readonly moduleName: string; readonly functionName: string }
}

/** A query as the info protocol shows it, while it runs and for some time afterwards. */
export class Job {
  readonly description: JobDescription
  readonly startedAtMs: number
  readonly #clock: Clock
  #finishedAtMs: number | undefined
  #outcome: JobOutcome = 'ok'
  /** 0 to 1. */
  progress = 0
  recordsSucceeded = 0
  recordsFailed = 0
  recordsFiltered = 0
  recordsThrottled = 0
  bytesSent = 0

  constructor(description: JobDescription, clock: Clock) {
    this.description = description
    this.#clock = clock
    this.startedAtMs = clock.nowMs()
  }

  /** Whether it writes, and nobody waits for its rows. */
  get isBackground(): boolean {
    const { type } = this.description
    return type === 'background-ops' || type === 'background-udf'
  }

  get isActive(): boolean {
    return this.#finishedAtMs === undefined
  }

  /** Whether it was told to end. It does so at its next step. */
  get isAborted(): boolean {
    return this.#outcome === 'user-aborted'
  }

  get outcome(): JobOutcome {
    return this.#outcome
  }

  get runTimeMs(): number {
    return (this.#finishedAtMs ?? this.#clock.nowMs()) - this.startedAtMs
  }

  /** 0 while it runs. */
  get sinceDoneMs(): number {
    return this.#finishedAtMs === undefined ? 0 : this.#clock.nowMs() - this.#finishedAtMs
  }

  /** Ends it soon; false when it is over already. */
  abort(): boolean {
    if (!this.isActive) return false
    this.#outcome = 'user-aborted'
    return true
  }

  /** Only the first call counts, and an abort before it is remembered. */
  finish(outcome: JobOutcome): void {
    if (!this.isActive) return
    if (this.#outcome === 'ok') this.#outcome = outcome
    if (this.#outcome === 'ok') this.progress = 1
    this.#finishedAtMs = this.#clock.nowMs()
  }
}
