import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { LOCK_BINS, LOCK_TYPES, lockKey } from '../../../record/index.ts'
import { type BatchRow, RESULT_CODES, type RowAnswer } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { asStoreError, missingAnswerError, rowError } from '../../store-errors.ts'
import { isHeldWith, lockTtlSeconds, newLockToken, releaseLockRow, takeLockRow } from './lock-rows.ts'

/**
 * The lock record of a transaction: whoever holds it is the only one that creates the transaction's records.
 * It expires, so that a process that died holds up nobody for long; and it has a random token, without which
 * nobody prolongs or releases it: a holder that was too slow must not end the lock of its successor (lesson 49).
 */
export class CreationLock {
  readonly #context: StoreContext
  readonly #txid: Uint8Array
  readonly #token: string
  readonly #ttlSeconds: number
  /** On the `performance.now()` clock. */
  #prolongAtMs = 0

  private constructor(context: StoreContext, txid: Uint8Array, records: number) {
    this.#context = context
    this.#txid = txid
    this.#token = newLockToken()
    this.#ttlSeconds = lockTtlSeconds(records)
  }

  /** The lock, or undefined where another holds it. */
  static async acquire(
    context: StoreContext,
    txid: Uint8Array,
    records: number,
  ): Promise<CreationLock | undefined> {
    const lock = new CreationLock(context, txid, records)
    try {
      return (await lock.#take(records)) ? lock : undefined
    } catch (error) {
      // It may have been taken all the same, and would lock out whoever repeats the call.
      await lock.release()
      throw error
    }
  }

  async #take(records: number): Promise<boolean> {
    this.#noteProlonged()
    const claim = { txid: this.#txid, token: this.#token, records, type: LOCK_TYPES.creation }
    const { status, inDoubt } = await this.#send(takeLockRow(this.#context, claim))
    // An attempt whose answer was lost meets its own lock.
    if (status === RESULT_CODES.RECORD_EXISTS) return this.#isOurs()
    if (status === RESULT_CODES.FORBIDDEN) {
      throw new StoreError(
        'STORAGE_ERROR',
        `${this.#what}: the namespace takes no record with a time to live; set nsup-period, for example to 10`,
      )
    }
    if (status !== RESULT_CODES.OK) throw rowError(this.#what, status, inDoubt)
    return true
  }

  async #isOurs(): Promise<boolean> {
    const key = { set: this.#context.set, userKey: lockKey(this.#txid) }
    const { status, bins, inDoubt } = await this.#send({ kind: 'read', key, bins: [LOCK_BINS.token] })
    if (status === RESULT_CODES.NOT_FOUND) return false
    if (status !== RESULT_CODES.OK) throw rowError(this.#what, status, inDoubt)
    return bins?.[LOCK_BINS.token] === this.#token
  }

  /** So much time has passed that another may hold it, unless `hold` has just said otherwise. */
  get isDoubtful(): boolean {
    return performance.now() >= this.#prolongAtMs
  }

  /**
   * To be called every now and then while the work lasts: prolongs the lock once a third of its time has passed.
   * Throws `TX_CREATING` when it was lost; then another may hold it, and nothing more may be written.
   */
  async hold(): Promise<void> {
    if (!this.isDoubtful) return
    this.#noteProlonged()
    const { status, inDoubt } = await this.#send({
      kind: 'write',
      key: { set: this.#context.set, userKey: lockKey(this.#txid) },
      operations: [{ kind: 'put', bin: LOCK_BINS.token, value: this.#token }],
      exists: 'update-only',
      ttlSeconds: this.#ttlSeconds,
      filter: isHeldWith(this.#token),
    })
    if (status === RESULT_CODES.NOT_FOUND || status === RESULT_CODES.FILTERED_OUT) {
      throw new StoreError('TX_CREATING', `${this.#what}: it was held too long and is lost; repeat the call`)
    }
    if (status !== RESULT_CODES.OK) throw rowError(this.#what, status, inDoubt)
  }

  /** Ends the lock unless it has passed to another. Never throws: one that stays expires. */
  async release(): Promise<void> {
    try {
      const { status, inDoubt } = await this.#send(releaseLockRow(this.#context, this.#txid, this.#token))
      const isGone = status === RESULT_CODES.NOT_FOUND || status === RESULT_CODES.FILTERED_OUT
      if (status !== RESULT_CODES.OK && !isGone) throw rowError(this.#what, status, inDoubt)
    } catch (error) {
      this.#context.logger.warn(
        { event: 'creation_lock_stays', txid: txidToHex(this.#txid), err: error },
        `a creation lock could not be released; it expires after ${this.#ttlSeconds} s`,
      )
    }
  }

  #noteProlonged(): void {
    this.#prolongAtMs = performance.now() + (this.#ttlSeconds * 1000) / 3
  }

  async #send(row: BatchRow): Promise<RowAnswer> {
    let answer: RowAnswer | undefined
    try {
      ;[answer] = await this.#context.operate([row])
    } catch (error) {
      throw asStoreError(error, this.#what, { code: 'STORAGE_ERROR' })
    }
    if (answer === undefined) throw missingAnswerError(this.#what)
    return answer
  }

  get #what(): string {
    return `locking the creation of ${txidToHex(this.#txid)}`
  }
}
