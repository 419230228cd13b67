import {
  type BatchOptions,
  type BatchRow,
  type RecordKey,
  type RowAnswer,
  StoreError,
  type Transport,
} from 'aerospike-utxo-store'

/** A row that a store has sent, and that has not reached the server yet. */
export interface HeldRow {
  readonly network: GatedNetwork
  readonly row: BatchRow
  /** The same in every run of the same schedule. */
  readonly label: string
  /** The server gets it, and the store gets the answer. */
  deliver(): Promise<void>
  /** The server gets it; its answer is lost on the way. */
  deliverUnheard(): Promise<void>
  /** The store gives it up, though the server may still get it by what this returns. */
  overtake(): () => Promise<void>
}

/** As the answer of a server that was too slow. */
const TIMEOUT = 9

/**
 * The network of one store. While it is gated, each row of a batch waits for its own turn: a server applies the rows of
 * a batch one after the other, and those of other batches between them.
 */
export class GatedNetwork implements Transport {
  readonly name: string
  readonly #good: Transport
  readonly #nameOf: (key: RecordKey) => string
  readonly #held = new Set<HeldRow>()
  /** How to fail the batches whose rows are held. */
  readonly #failBatch = new Map<HeldRow, (error: StoreError) => void>()
  #batches = 0
  #isGated = false
  #isDead = false

  constructor(name: string, good: Transport, nameOf: (key: RecordKey) => string) {
    this.name = name
    this.#good = good
    this.#nameOf = nameOf
  }

  get preparesStatements(): boolean | undefined {
    return this.#good.preparesStatements
  }

  get held(): ReadonlySet<HeldRow> {
    return this.#held
  }

  get isDead(): boolean {
    return this.#isDead
  }

  /** From here on rows wait, as in a store that was just opened. */
  gate(): void {
    this.#isGated = true
    this.#isDead = false
    this.#batches = 0
  }

  open(): void {
    this.#isGated = false
  }

  /** As when the process ends: nothing that is held reaches the server, nor anything that comes later. */
  die(): void {
    this.#isDead = true
    this.#held.clear()
    for (const fail of this.#failBatch.values()) fail(died())
    this.#failBatch.clear()
  }

  async batchOperate(rows: readonly BatchRow[], options: BatchOptions): Promise<readonly RowAnswer[]> {
    if (!this.#isGated) return this.#good.batchOperate(rows, options)
    if (this.#isDead) throw died()
    const batch = ++this.#batches
    return Promise.all(rows.map((row, index) => this.#hold(row, index, batch, options)))
  }

  #hold(row: BatchRow, index: number, batch: number, options: BatchOptions): Promise<RowAnswer> {
    return new Promise((resolve, reject) => {
      const send = async (): Promise<RowAnswer> => {
        const [answer] = await this.#good.batchOperate([row], { ...options, signal: undefined })
        if (answer === undefined) throw new Error(`no answer for ${held.label}`)
        return { ...answer, index }
      }
      const answerLost = (): void => resolve({ index, status: TIMEOUT, bins: undefined, inDoubt: true })
      const held: HeldRow = {
        network: this,
        row,
        label: `${this.name}${batch}.${index} ${describe(row)} @${this.#nameOf(row.key)}`,
        deliver: async () => {
          this.#release(held)
          resolve(await send())
        },
        deliverUnheard: async () => {
          this.#release(held)
          await send()
          answerLost()
        },
        overtake: () => {
          this.#release(held)
          answerLost()
          return async () => {
            await send()
          }
        },
      }
      this.#held.add(held)
      this.#failBatch.set(held, reject)
    })
  }

  #release(held: HeldRow): void {
    this.#held.delete(held)
    this.#failBatch.delete(held)
  }
}

function died(): StoreError {
  return new StoreError('STORAGE_ERROR', 'gated network: the store has died')
}

const DESCRIPTION_MAX = 60

function describe(row: BatchRow): string {
  switch (row.kind) {
    case 'apply':
      return row.function
    case 'read':
      return `read ${row.bins === 'all' ? 'all' : row.bins.join()}`.slice(0, DESCRIPTION_MAX)
    case 'write':
      return row.operations
        .map(operation => `${operation.kind} ${operation.bin}`)
        .join()
        .slice(0, DESCRIPTION_MAX)
    default:
      return row.kind
  }
}
