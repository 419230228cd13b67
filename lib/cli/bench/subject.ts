import type { OperationName, SubjectDescription } from './report.ts'
import type { RoundTransactions } from './transactions.ts'

/** Calls that are to be made, and the check of what they answered. Everything they need is made beforehand. */
export interface Work {
  readonly calls: number
  /** Records that all calls write or read. */
  readonly records: number
  /** Calls in progress at a time. */
  readonly concurrency: number
  call(index: number): Promise<unknown>
  /** What is still under way after the last call, and belongs to the work. */
  finish?(): Promise<void>
  /**
   * Throws when the answer is not what the call asked for: a failure that counts as work would flatter. It is called
   * for every answer as it arrives, within the measured time: it has to cost well below a microsecond for a record.
   */
  check(index: number, answer: unknown): void
}

/** Something that is measured: the store on a transport, or a yardstick. */
export interface Subject extends SubjectDescription {
  /** How long a batch of the operation waits for company; null without batches that wait. */
  lingerMs(operation: OperationName): number | null
  /** Undefined where the subject has no such operation. It may take its time: nothing is measured meanwhile. */
  work(
    operation: OperationName,
    transactions: RoundTransactions,
  ): Work | undefined | Promise<Work | undefined>
  /** Batches and rows since the last call of this function; undefined where they are made by hand. */
  takeBatchCounts?(): { batches: number; rows: number }
  /** Removes what the operations of a round have stored. */
  clear(transactions: RoundTransactions): Promise<void>
  close(): Promise<void>
}

/** What a yardstick has to know; it makes records in a set of its own. */
export interface SubjectOptions {
  readonly hosts: readonly { readonly host: string; readonly port: number }[]
  readonly namespace: string
  /** The beginning of the names of its sets. */
  readonly set: string
  readonly concurrency: number
  readonly batchSize: number
}

/**
 * A module given with `--yardsticks` exports this as `yardsticks`: what opens each subject, by its id. Each is opened in
 * a process of its own.
 */
export type Yardsticks = Readonly<Record<string, (options: SubjectOptions) => Promise<Subject>>>

/** Where and when the benchmark's blocks lie; everything is mature and nothing is pruned. */
export const CREATE_HEIGHT = 1_000
export const SPEND_HEIGHT = 1_001
export const MINED_BLOCK = { blockId: 7, blockHeight: 1_001, subtreeIdx: 0, onLongestChain: true } as const

/** What a soak does with each transaction, one after the other. */
export const SOAK_CYCLE = ['create', 'get', 'spend', 'setMined'] as const satisfies readonly OperationName[]

/** The lists that an operation on many records gets. */
export function chunks<Item>(items: readonly Item[], size: number): (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, chunk) =>
    items.slice(chunk * size, (chunk + 1) * size),
  )
}

/** Calls on lists in progress, so that about as many records are under way as with calls on single ones. */
export function listConcurrency(concurrency: number, batchSize: number): number {
  return Math.max(1, Math.round(concurrency / batchSize))
}
