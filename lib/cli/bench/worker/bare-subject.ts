import { type BatchRow, type BinValue, type RowAnswer, StoreError, type Transport } from '../../../index.ts'
import type { OperationName } from '../report.ts'
import { chunks, listConcurrency, type Subject, type Work } from '../subject.ts'
import type { RoundTransactions } from '../transactions.ts'
import { makeCalls } from './calls.ts'
import { removeRecords } from './removal.ts'
import type { StoreSubject } from './store-subject.ts'

export interface BareSubjectOptions {
  readonly transport: string
  readonly set: string
  readonly concurrency: number
  readonly batchSize: number
}

const BATCH_TIMEOUT_MS = 60_000

/**
 * A transport without the store: it sends the very rows that a store sends, ready made and in batches of full size, to
 * a set of its own. What the store needs beyond it is the store's own work. It gets its rows from a store of its own,
 * in another set, which does the same before anything is measured.
 */
export class BareSubject implements Subject {
  readonly kind = 'yardstick'
  readonly id: string
  readonly title: string
  readonly transport: string
  readonly #store: StoreSubject
  readonly #seam: Transport
  readonly #options: BareSubjectOptions
  readonly #signal: AbortSignal

  /** The signal ends the store's work early; what is measured of its rows then is thrown away. */
  constructor(store: StoreSubject, options: BareSubjectOptions, signal: AbortSignal) {
    this.id = `bare-${options.transport}`
    this.title = `bare ${options.transport} transport, ready rows`
    this.transport = options.transport
    this.#store = store
    this.#seam = store.seam
    this.#options = options
    this.#signal = signal
  }

  /** Batches are full: nothing waits. */
  lingerMs(): null {
    return null
  }

  async work(operation: OperationName, transactions: RoundTransactions): Promise<Work | undefined> {
    // The batches of a block are only right in their order, which a replay does not keep.
    if (operation === 'blockValidation') return undefined
    const rows = await this.#rowsOf(operation, transactions)
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

  /** What the store sends for an operation, addressed to this subject's set. */
  async #rowsOf(operation: OperationName, transactions: RoundTransactions): Promise<readonly BatchRow[]> {
    const { set } = this.#options
    this.#store.seam.record()
    await makeCalls(this.#store.work(operation, transactions), this.#signal)
    const recorded = this.#store.seam.takeRecorded()
    return recorded.flat().map(row => ({ ...row, key: { ...row.key, set } }))
  }

  async clear(transactions: RoundTransactions): Promise<void> {
    await this.#store.clear(transactions)
    await removeRecords(this.#seam, this.#options.set, transactions.storedTxids())
  }

  async close(): Promise<void> {
    await this.#store.close()
  }
}

function checkAnswers(
  operation: OperationName,
  rows: readonly BatchRow[],
  answers: readonly RowAnswer[],
): void {
  if (answers.length !== rows.length)
    throw wrongAnswers(operation, `${answers.length} answers to ${rows.length} rows`)
  for (const { index, status, bins } of answers) {
    if (status !== 0) throw wrongAnswers(operation, `a row failed with status ${status}`)
    if (rows[index]?.kind === 'apply' && !isAccepted(bins?.SUCCESS))
      throw wrongAnswers(operation, 'a row was refused')
  }
}

/** The verdict of the store's UDF, as either transport hands a map over. */
function isAccepted(verdict: BinValue | undefined): boolean {
  if (verdict instanceof Map) return verdict.get('status') === 'OK'
  return (verdict as { status?: unknown } | null | undefined)?.status === 'OK'
}

function wrongAnswers(operation: OperationName, what: string): StoreError {
  return new StoreError('STORAGE_ERROR', `${operation} through the bare transport: ${what}`)
}
