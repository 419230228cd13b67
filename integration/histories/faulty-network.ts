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
const ROW_SHARE = 0.3
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
  #underWay = 0
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

  async batchOperate(rows: readonly BatchRow[], options: BatchOptions): Promise<Answers> {
    const fault = this.isFaulty ? this.#random.weighted(WEIGHTS) : 'nothing'
    switch (fault) {
      case 'nothing':
        return this.#send(rows, options)
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
