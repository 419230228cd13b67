import type { StoreError, UtxoStore } from 'aerospike-utxo-store'
import {
  conflictCall,
  createCall,
  deleteCall,
  freezeCall,
  getCall,
  lockCall,
  minedCall,
  type PlannedCall,
  spendCall,
  unspendCall,
} from './calls.ts'
import { type Action, type History, type Operation, outcomeOf } from './history.ts'
import type { Random } from './random.ts'
import type { Spender, Universe } from './universe.ts'

/** How often each call is made, against the others. */
const WEIGHTS = {
  create: 10,
  delete: 1,
  spend: 24,
  spendAgain: 8,
  createSpender: 3,
  unspend: 5,
  setLocked: 4,
  setConflicting: 1,
  liftConflicting: 2,
  freeze: 2,
  unfreeze: 3,
  setMined: 8,
  unsetMined: 2,
  get: 12,
} as const satisfies Record<string, number>

type Kind = keyof typeof WEIGHTS

const BLOCK_IDS = 3
const ABORTED_SHARE = 0.04
const ABORT_MS_MAX = 30
const LOCKED_AT_CREATION_SHARE = 0.1

export interface StoreInUse {
  readonly store: UtxoStore
  /** Its own, also among stores at the same position one after the other. */
  readonly id: number
}

/** A spend that failed, and where. */
interface FailedSpend {
  readonly spender: Spender
  readonly position: number
}

/** So many failed spends wait to be tried again; of more, the oldest are given up. */
const FAILED_SPENDS_MAX = 16

/** How often a call goes to any store instead of the one that is its transaction's own. */
const ANY_STORE_SHARE = 0.2

export interface WorkloadOptions {
  readonly random: Random
  readonly universe: Universe
  readonly history: History
  /** The store at a position; it may be replaced in between, when it was closed in the middle. */
  readonly storeAt: (index: number) => StoreInUse
  readonly stores: number
  readonly operations: number
  readonly concurrency: number
  /** The tip of the chain that all stores are told. */
  readonly height: number
  readonly onProgress?: (done: number) => void
}

/** Makes random concurrent calls and records what their callers learn. Resolves when every call was answered. */
export class Workload {
  readonly #options: WorkloadOptions
  /** By display-hex txid. */
  readonly #spenders: ReadonlyMap<string, Spender>
  /** Spenders with an acknowledged spend: they may be created, as a validator would. */
  readonly #accepted: Spender[] = []
  /** Tried again in the same store, as a validator would: nothing may undo a success that comes at last. */
  readonly #failed: FailedSpend[] = []

  constructor(options: WorkloadOptions) {
    this.#options = options
    this.#spenders = new Map(options.universe.spenders.map(spender => [spender.hex, spender]))
  }

  async run(): Promise<void> {
    const { operations, concurrency } = this.#options
    let begun = 0
    let done = 0
    const lane = async (): Promise<void> => {
      while (begun < operations) {
        begun += 1
        await this.#call()
        done += 1
        this.#options.onProgress?.(done)
      }
    }
    await Promise.all(Array.from({ length: concurrency }, lane))
  }

  async #call(): Promise<void> {
    const { random, history, storeAt } = this.#options
    const kind = random.weighted(WEIGHTS)
    const again = kind === 'spendAgain' ? this.#failed.shift() : undefined
    const planned = again === undefined ? this.#plan(kind) : spendCall(again.spender, this.#options.height)
    const position = again?.position ?? this.#position(planned.action.txid)
    const { store, id } = storeAt(position)
    const signal = random.chance(ABORTED_SHARE) ? AbortSignal.timeout(random.below(ABORT_MS_MAX)) : undefined
    const operation = history.begin(planned.action, id)
    try {
      const seen = await planned.run(store, signal)
      history.end(operation, { kind: 'ok' }, seen)
      this.#noteSuccess(operation)
    } catch (error) {
      history.end(operation, outcomeOf((error as StoreError).code ?? String(error)))
      this.#noteFailure(operation, position)
    }
  }

  #position(txid: string): number {
    const { random, stores } = this.#options
    if (random.chance(ANY_STORE_SHARE)) return random.below(stores)
    return Number.parseInt(txid.slice(0, 4), 16) % stores
  }

  #noteSuccess({ action }: Operation): void {
    const spender = this.#spenderOf(action)
    if (spender !== undefined) this.#accepted.push(spender)
  }

  #noteFailure({ action }: Operation, position: number): void {
    const spender = this.#spenderOf(action)
    if (spender === undefined) return
    this.#failed.push({ spender, position })
    if (this.#failed.length > FAILED_SPENDS_MAX) this.#failed.shift()
  }

  #spenderOf({ name, txid }: Action): Spender | undefined {
    return name === 'spend' ? this.#spenders.get(txid) : undefined
  }

  #plan(kind: Kind): PlannedCall {
    const { random, universe } = this.#options
    switch (kind) {
      case 'create':
        return createCall(random.pick(universe.parents), random.chance(LOCKED_AT_CREATION_SHARE))
      case 'createSpender':
        return this.#accepted.length === 0
          ? this.#plan('spend')
          : createCall(random.pick(this.#accepted), false)
      case 'delete': {
        const deletable = universe.parents.filter(({ mayBeDeleted }) => mayBeDeleted)
        return deletable.length === 0 ? this.#plan('get') : deleteCall(random.pick(deletable))
      }
      case 'spend':
      case 'spendAgain':
        return spendCall(random.pick(universe.spenders), this.#options.height)
      case 'unspend': {
        const loose = universe.spenders.filter(({ mayBeUnspent }) => mayBeUnspent)
        return loose.length === 0 ? this.#plan('get') : unspendCall(random.pick(loose))
      }
      case 'setLocked':
        return lockCall(random.pick(universe.parents), random.chance(0.4))
      case 'setConflicting':
      case 'liftConflicting':
        return conflictCall(random.pick(universe.parents), kind === 'setConflicting')
      case 'freeze':
      case 'unfreeze': {
        const { tx } = random.pick(universe.parents)
        return freezeCall({ parent: tx, vout: random.below(tx.outputs.length) }, kind === 'freeze')
      }
      case 'setMined':
      case 'unsetMined':
        return minedCall(
          random.pick(universe.parents),
          1 + random.below(BLOCK_IDS),
          this.#options.height,
          kind === 'unsetMined',
        )
      case 'get':
        return getCall(random.pick(universe.parents))
    }
  }
}
