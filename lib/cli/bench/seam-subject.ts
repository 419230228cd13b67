import { type BatchRow, type BinValue, type RowAnswer, StoreError, type Transport } from '../../index.ts'
import type { OperationName } from './report.ts'
import { chunks, listConcurrency, type Subject, type Work } from './subject.ts'
import type { RoundTransactions } from './transactions.ts'

export interface SeamSubjectOptions {
  readonly transport: string
  readonly set: string
  readonly concurrency: number
  readonly batchSize: number
}

const BATCH_TIMEOUT_MS = 60_000

/**
 * A transport without the store: it sends the very rows that the store has sent before, ready made and in batches of
 * full size, to a set of its own. What the store needs beyond it is the store's own work.
 */
export class SeamSubject implements Subject {
  readonly kind = 'yardstick'
  readonly id: string
  readonly title: string
  readonly transport: string
  readonly #seam: Transport
  readonly #options: SeamSubjectOptions
  readonly #rows = new Map<OperationName, readonly BatchRow[]>()

  constructor(seam: Transport, options: SeamSubjectOptions) {
    this.id = `bare-${options.transport}`
    this.title = `bare ${options.transport} transport, ready rows`
    this.transport = options.transport
    this.#seam = seam
    this.#options = options
  }

  /** Gives it the rows that the store has sent for an operation. */
  learn(operation: OperationName, batches: readonly (readonly BatchRow[])[]): void {
    const { set } = this.#options
    const rows = batches.flat().map(row => ({ ...row, key: { ...row.key, set } }))
    this.#rows.set(operation, rows)
  }

  /** Batches are full: nothing waits. */
  lingerMs(): null {
    return null
  }

  work(operation: OperationName): Work | undefined {
    const rows = this.#rows.get(operation)
    if (rows === undefined) return undefined
    this.#rows.delete(operation)
    const { batchSize, concurrency } = this.#options
    const batches = chunks(rows, batchSize)
    return {
      calls: batches.length,
      records: rows.length,
      concurrency: listConcurrency(concurrency, batchSize),
      call: index => this.#seam.batchOperate(batches[index] ?? [], { timeout: BATCH_TIMEOUT_MS }),
      check: (index, answer) => checkAnswers(operation, batches[index] ?? [], answer as readonly RowAnswer[]),
    }
  }

  /** Time of a batch of one row, which reads whether a record is there. */
  async roundTripMs(txid: Uint8Array): Promise<number> {
    const row: BatchRow = { kind: 'read', key: { set: this.#options.set, userKey: txid }, bins: [] }
    const sentAtMs = performance.now()
    await this.#seam.batchOperate([row], { timeout: BATCH_TIMEOUT_MS })
    return performance.now() - sentAtMs
  }

  async clear({ txids }: RoundTransactions): Promise<void> {
    const { set, batchSize } = this.#options
    const rows = txids.map((userKey): BatchRow => ({ kind: 'remove', key: { set, userKey } }))
    for (const batch of chunks(rows, batchSize))
      await this.#seam.batchOperate(batch, { timeout: BATCH_TIMEOUT_MS })
  }

  /** The transport is the store's. */
  async close(): Promise<void> {}
}

function checkAnswers(
  operation: OperationName,
  rows: readonly BatchRow[],
  answers: readonly RowAnswer[],
): void {
  const failed = answers.find(({ status }) => status !== 0)
  const refused = answers.find(
    ({ index, bins }) => rows[index]?.kind === 'apply' && !isAccepted(bins?.SUCCESS),
  )
  if (answers.length === rows.length && failed === undefined && refused === undefined) return
  const what =
    failed !== undefined
      ? `a row failed with status ${failed.status}`
      : refused !== undefined
        ? 'a row was refused'
        : `${answers.length} answers to ${rows.length} rows`
  throw new StoreError('STORAGE_ERROR', `${operation} through the bare transport: ${what}`)
}

/** The verdict of the store's UDF, as either transport hands a map over. */
function isAccepted(verdict: BinValue | undefined): boolean {
  if (verdict instanceof Map) return verdict.get('status') === 'OK'
  return (verdict as { status?: unknown } | null | undefined)?.status === 'OK'
}
