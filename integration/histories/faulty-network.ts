import { EventEmitter, once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type BatchOptions,
  type BatchRow,
  type RowAnswer,
  StoreError,
  type Transport,
} from 'aerospike-utxo-store'
import type { Random } from './random.ts'

/** What may happen to one batch between a store and its server, against "nothing". */
const WEIGHTS = {
  nothing: 80,
  late: 6,
  neverSent: 3,
  answerLost: 3,
  rowsLost: 2,
  rowsInDoubt: 2,
  rowsOverloaded: 2,
  answersTwice: 1,
  neverAnswered: 1,
} as const satisfies Record<string, number>

const DELAY_MS_MAX = 40
/** Of the batches of a rollback: told to have failed, and sent later all the same. */
const HELD_UP_SHARE = 0.3
const HELD_UP_MS_MAX = 400
const ROW_SHARE = 0.3
const GENERATION_ARGUMENT = 5
const STATUS = { TIMEOUT: 9, DEVICE_OVERLOAD: 18 } as const

type Answers = readonly RowAnswer[]

/**
 * A network between a store and its server that loses, delays and distorts, by a seed. It works in front of
 * any server, since it lies about answers and never about what the server did.
 */
export class FaultyNetwork implements Transport {
  readonly #good: Transport
  readonly #random: Random
  readonly #ended = new EventEmitter()
  readonly #counts = new Map<string, number>()
  #underWay = 0
  #heldUp = 0
  #isHolding = true
  /** Off: every batch passes unharmed. */
  isFaulty = true

  constructor(good: Transport, random: Random) {
    this.#good = good
    this.#random = random
  }

  /** No batch is with the server any more, also none whose caller was told otherwise. */
  async quiet(): Promise<void> {
    while (this.#underWay > 0) await once(this.#ended, 'batch')
  }

  /** How many batches passed, by what happened to them. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts
  }

  /** What is held up is lost, and nothing of it is with the server: the connection below can be closed. */
  async letGo(): Promise<void> {
    this.#isHolding = false
    while (this.#heldUp > 0) await once(this.#ended, 'batch')
  }

  async batchOperate(rows: readonly BatchRow[], options: BatchOptions): Promise<Answers> {
    const fault = this.#fault(rows)
    this.#counts.set(fault, (this.#counts.get(fault) ?? 0) + 1)
    switch (fault) {
      case 'nothing':
        return this.#send(rows, options)
      case 'heldUp':
        void this.#sendLate(rows, options.timeout)
        throw new StoreError('STORAGE_ERROR', 'faulty network: the batch is held up')
      case 'late':
        await delay(this.#random.below(DELAY_MS_MAX))
        return this.#send(rows, options)
      case 'neverSent':
        throw new StoreError('STORAGE_ERROR', 'faulty network: the batch was not sent')
      case 'answerLost':
        await this.#send(rows, options)
        throw new StoreError('STORAGE_ERROR', 'faulty network: the answer was lost')
      case 'rowsLost':
        return (await this.#send(rows, options)).filter(() => !this.#random.chance(ROW_SHARE))
      case 'rowsInDoubt':
        return (await this.#send(rows, options)).map(answer =>
          this.#random.chance(ROW_SHARE)
            ? { ...answer, status: STATUS.TIMEOUT, bins: undefined, inDoubt: true }
            : answer,
        )
      case 'rowsOverloaded':
        return this.#overload(rows, options)
      case 'answersTwice': {
        const answers = await this.#send(rows, options)
        return [...answers, ...answers]
      }
      case 'neverAnswered':
        await this.#send(rows, options)
        return new Promise(() => {})
    }
  }

  #fault(rows: readonly BatchRow[]): keyof typeof WEIGHTS | 'heldUp' {
    if (!this.isFaulty) return 'nothing'
    if (this.#isHolding && rows.some(isRollback) && this.#random.chance(HELD_UP_SHARE)) return 'heldUp'
    return this.#random.weighted(WEIGHTS)
  }

  /** Nobody waits for it any more, and nobody learns what became of it. */
  async #sendLate(rows: readonly BatchRow[], timeout: number): Promise<void> {
    this.#heldUp += 1
    try {
      await delay(this.#random.below(HELD_UP_MS_MAX))
      if (this.#isHolding) await this.#send(rows, { timeout })
    } catch {
      // Its caller was told that it failed.
    } finally {
      this.#heldUp -= 1
      this.#ended.emit('batch')
    }
  }

  /** Some rows are refused by a server that is too busy, and not applied. */
  async #overload(rows: readonly BatchRow[], options: BatchOptions): Promise<Answers> {
    const taken = rows.flatMap((row, index) => (this.#random.chance(ROW_SHARE) ? [] : [{ row, index }]))
    const answers = await this.#send(
      taken.map(({ row }) => row),
      options,
    )
    const byRow = new Map(answers.map(answer => [taken[answer.index]?.index, answer]))
    return rows.map((_, index) => {
      const answer = byRow.get(index)
      return answer === undefined
        ? { index, status: STATUS.DEVICE_OVERLOAD, bins: undefined, inDoubt: false }
        : { ...answer, index }
    })
  }

  async #send(rows: readonly BatchRow[], options: BatchOptions): Promise<Answers> {
    this.#underWay += 1
    try {
      return await this.#good.batchOperate(rows, options)
    } finally {
      this.#underWay -= 1
      this.#ended.emit('batch')
    }
  }
}

/** An unspend that holds the generation of its record: only rollbacks make such. */
function isRollback(row: BatchRow): boolean {
  return row.kind === 'apply' && row.function === 'unspend' && Number(row.args[GENERATION_ARGUMENT]) >= 0
}
