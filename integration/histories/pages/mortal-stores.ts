import { setTimeout as delay } from 'node:timers/promises'
import { type Logger, type SettingsInput, txidToHex, UtxoStore } from 'aerospike-utxo-store'
import { type Counts, EpochMetrics } from '../counts.ts'
import type { History } from '../history.ts'
import type { Random } from '../random.ts'
import { type Death, MortalNetwork, STEP_WEIGHTS, type Step, type TakenLock } from './mortal-network.ts'
import { UTXO_BATCH_SIZE } from './page-records.ts'
import { HEIGHTS, type MortalStore } from './page-workload.ts'

export const STORES = 3
/** Longer than any lateness of a batch, and any pause between two of one call. */
const QUIET_MS = 300

/** Short waits; one page in a batch, so that a store can die between any two of a transaction. */
export const SETTINGS = {
  utxoBatchSize: UTXO_BATCH_SIZE,
  maxMinedBatchSize: 1,
  maxMinedRoutines: 1,
  // Nothing is old enough for its parents to be kept: they are pruned as well.
  unminedTxRetention: 1_000,
  blockHeightRetention: HEIGHTS.pruned - HEIGHTS.tip,
  // All runs are at one height: a body that waits for a later one would never go.
  prunerBlobDeletionSafetyWindow: 0,
  storeBatcherDurationMillis: 1,
  spendBatcherDurationMillis: 1,
  getBatcherDurationMillis: 1,
  incrementBatcherDurationMillis: 1,
  setDAHBatcherDurationMillis: 1,
  batchPolicyMaxRetries: 0,
  spendCircuitBreakerFailureCount: 0,
  overloadRetryMaxElapsed: 0,
  prunerUtxoPartitionQueries: 2,
} as const satisfies SettingsInput

interface Living extends MortalStore {
  readonly network: MortalNetwork
}

export interface MortalStoresOptions {
  readonly url: string
  readonly settings: SettingsInput
  readonly random: Random
  readonly history: History
  /** A store has ended and nothing of it is with the server; it held these locks. */
  readonly onEnded: (locks: readonly TakenLock[]) => void
  /** A run of the pruner has looked at these, and is about to remove them. */
  readonly beforeRemoval: (txids: readonly string[]) => Promise<void>
}

/** The stores of an epoch: each may die, and another then takes its place. */
export class MortalStores {
  readonly #options: MortalStoresOptions
  readonly #living: Living[] = []
  readonly #dead: Living[] = []
  readonly #replacing = new Map<number, Promise<void>>()
  readonly #metrics = new EpochMetrics()
  readonly deaths = new Map<string, number>()
  readonly events = new Map<string, number>()
  #opened = 0

  private constructor(options: MortalStoresOptions) {
    this.#options = options
  }

  static async open(options: MortalStoresOptions): Promise<MortalStores> {
    const stores = new MortalStores(options)
    for (let index = 0; index < STORES; index++) await stores.#openAt(index)
    return stores
  }

  /** The store at a position, once another has taken the place of one that died. */
  async at(index: number): Promise<MortalStore> {
    for (;;) {
      await this.#replacing.get(index)
      const living = this.#living[index]
      if (living === undefined) throw new RangeError(`no store ${index}`)
      if (!living.network.isDead || !this.#replacing.has(index)) return living
    }
  }

  get creationRepairs(): Counts {
    return this.#metrics.byLabel('utxo_store_creation_repairs_total', 'repaired')
  }

  /** One of them dies at the next batch of a random kind, or of one of these, before or after the server got it. */
  dieSoon(steps?: readonly Step[]): void {
    const { random } = this.#options
    const isApplied = random.chance(0.5)
    const step = steps === undefined ? random.weighted(STEP_WEIGHTS) : random.pick(steps)
    this.#living[random.below(STORES)]?.network.dieAt({ step, isApplied })
  }

  /** Nothing of any store is under way any more, and nothing of those that died is held. */
  async quiet(): Promise<void> {
    while (this.#replacing.size > 0) await Promise.all(this.#replacing.values())
    const networks = [...this.#dead, ...this.#living].map(({ network }) => network)
    const sent = (): number => networks.reduce((sum, { batches }) => sum + batches, 0)
    for (let before = -1; before !== sent(); ) {
      before = sent()
      await delay(QUIET_MS)
      await Promise.all(networks.map(network => network.quiet()))
    }
    for (const { network } of this.#living) if (network.isDead) this.#options.onEnded(network.locks)
  }

  /** To be called when everything is told: with the npm client 6.7.1 it may never end (see below). */
  async close(): Promise<void> {
    // One after the other: the npm client 6.7.1 stops the process for good where a cluster's own thread asks the
    // event loop for something between the call that closes it and the loop's next turn.
    for (const { store } of [...this.#dead, ...this.#living]) await store.close()
  }

  async #openAt(index: number): Promise<void> {
    const { url, settings, random, history, beforeRemoval } = this.#options
    const id = ++this.#opened
    const store = await UtxoStore.open(url, {
      settings,
      metrics: this.#metrics,
      logger: countingLogger(this.events),
    })
    store.setBlockState(HEIGHTS.now, 1_700_000_000)
    const network = new MortalNetwork(store.transport, random, {
      onDeath: death => {
        history.died(id)
        this.#noteDeath(death)
        this.#replacing.set(
          index,
          this.#replace(index).finally(() => this.#replacing.delete(index)),
        )
      },
      beforeRemoval: masters =>
        beforeRemoval(masters.map(({ userKey }) => txidToHex(Buffer.from(userKey as Uint8Array)))),
    })
    store.transport = network
    this.#living[index] = { store, id, network, isDead: () => network.isDead }
  }

  async #replace(index: number): Promise<void> {
    const dead = this.#living[index]
    if (dead === undefined) return
    await dead.network.quiet()
    // Closed at the end only: the npm client 6.7.1 can crash when it is closed with a query under way.
    this.#dead.push(dead)
    await this.#openAt(index)
    this.#options.onEnded(dead.network.locks)
  }

  #noteDeath({ step, isApplied }: Death): void {
    const name = `${isApplied ? 'after' : 'before'} ${step}`
    this.deaths.set(name, (this.deaths.get(name) ?? 0) + 1)
  }
}

function countingLogger(events: Map<string, number>): Logger {
  const count = (fields: object): void => {
    const { event } = fields as { event?: string }
    if (event !== undefined) events.set(event, (events.get(event) ?? 0) + 1)
  }
  return { debug: count, info: count, warn: count, error: count }
}
