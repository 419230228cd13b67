import type { PruneResult, StoreError, UtxoStore } from 'aerospike-utxo-store'
import { createCall, minedCall, type PlannedCall, preserveCall, spendCall, unspendCall } from '../calls.ts'
import { isOk } from '../checks.ts'
import { type History, outcomeOf } from '../history.ts'
import type { Random } from '../random.ts'
import { outpointOf, type Spender } from '../universe.ts'
import { mayHold } from './page-checks.ts'
import type { PageUniverse, StoredTransaction } from './page-universe.ts'

/** How often each call is made, against the others. */
const WEIGHTS = {
  create: 14,
  spendOne: 34,
  spendChild: 10,
  createChild: 10,
  unspend: 3,
  setMined: 14,
  prune: 5,
  preserve: 4,
} as const satisfies Record<string, number>

type Kind = keyof typeof WEIGHTS

/** Calls go to so many transactions at a time, the next ones as time passes, and now and then to an older one. */
const WINDOW = 10
const OLDER_SHARE = 0.15
const BLOCK_IDS = 3
/** Of calls on a transaction: on one that is stored, and on an output of it that nobody has spent. */
const STORED_SHARE = 0.75
const OPEN_SHARE = 0.8

export const HEIGHTS = {
  created: 100,
  tip: 500,
  /** The tip that the stores know: what an unspend makes due is not due yet. */
  now: 520,
  /** At which what became due in this epoch is pruned. */
  pruned: 510,
  /** Later than any run of the pruner. */
  preserved: 5_000,
} as const

/** A store that may die while it is called. */
export interface MortalStore {
  readonly store: UtxoStore
  readonly id: number
  readonly isDead: () => boolean
}

export interface PageWorkloadOptions {
  readonly random: Random
  readonly universe: PageUniverse
  readonly history: History
  /** The store at a position, once another has taken the place of one that died. */
  readonly storeAt: (index: number) => Promise<MortalStore>
  readonly stores: number
  readonly operations: number
  readonly concurrency: number
  /** How many calls after one another begin with the next parent. */
  readonly callsPerParent: number
  /** Ends the run before all calls are made. */
  readonly isEnough: () => boolean
  readonly onPruned: (result: PruneResult) => void
  readonly onProgress: (done: number) => void
}

/** Random calls on transactions of several records, whose callers' knowledge the history keeps. */
export class PageWorkload {
  readonly #options: PageWorkloadOptions
  /** Children with an acknowledged spend: they may be created, as a validator would. */
  readonly #accepted: StoredTransaction[] = []
  /** With an acknowledged create: what can be spent, mined and pruned. */
  readonly #stored: StoredTransaction[] = []
  readonly #creating = new Map<string, number>()
  #done = 0

  constructor(options: PageWorkloadOptions) {
    this.#options = options
  }

  async run(): Promise<void> {
    const { operations, concurrency, isEnough, onProgress } = this.#options
    let begun = 0
    const lane = async (): Promise<void> => {
      while (begun < operations && !isEnough()) {
        begun += 1
        await this.#next()
        this.#done += 1
        onProgress(this.#done)
      }
    }
    await Promise.all(Array.from({ length: concurrency }, lane))
  }

  /** Makes one call; what a store answers that died meanwhile says nothing of what is left in the server. */
  async call(planned: PlannedCall, position: number): Promise<void> {
    const { history, storeAt } = this.#options
    const { store, id, isDead } = await storeAt(position)
    const { name, txid } = planned.action
    const operation = history.begin(planned.action, id)
    if (name === 'create') this.#creating.set(txid, (this.#creating.get(txid) ?? 0) + 1)
    try {
      const seen = await planned.run(store, undefined)
      history.end(operation, { kind: 'ok' }, seen)
    } catch (error) {
      const { code = String(error) } = error as Partial<StoreError>
      history.end(operation, isDead() ? { kind: 'unknown', code: `${code}, died` } : outcomeOf(code))
    } finally {
      if (name === 'create') this.#creating.set(txid, (this.#creating.get(txid) ?? 0) - 1)
    }
  }

  /** Once nothing may be left to spend it can be pruned at any time, and a create would bring it back. */
  mayBeCreated(transaction: StoredTransaction): boolean {
    return transaction.tx.outputs.some((_, vout) => !this.#mayBeSpent(transaction, vout))
  }

  /** A call that keeps a transaction which is about to be removed; what it was, where it succeeded. */
  async interfere(transaction: StoredTransaction): Promise<'preserved' | 'unspent' | undefined> {
    const { random, stores, history } = this.#options
    const loose = transaction.singles.filter(
      ({ hex, mayBeUnspent }) => mayBeUnspent && history.of('spend', hex).some(isOk),
    )
    const isPreserved = transaction.mayBePreserved && (loose.length === 0 || random.chance(0.5))
    if (!isPreserved && loose.length === 0) return undefined
    const planned = isPreserved
      ? preserveCall(transaction, HEIGHTS.preserved)
      : unspendCall(random.pick(loose))
    const { name, txid } = planned.action
    await this.call(planned, (isPreserved ? random.below(stores) : positionOf(txid)) % stores)
    if (history.of(name, txid).at(-1)?.outcome?.kind !== 'ok') return undefined
    return isPreserved ? 'preserved' : 'unspent'
  }

  async #next(): Promise<void> {
    const { random, stores } = this.#options
    const kind = random.weighted(WEIGHTS)
    if (kind === 'prune') return this.#prune(random.below(stores))
    const planned = this.#plan(kind)
    if (planned === undefined) return
    const isTied = planned.action.name === 'spend' || planned.action.name === 'unspend'
    const position = isTied ? positionOf(planned.action.txid) : random.below(stores)
    await this.call(planned, position % stores)
    const { txid, name } = planned.action
    const last = this.#options.history.of(name, txid).at(-1)
    if (last?.outcome?.kind !== 'ok') return
    const { parents, children } = this.#options.universe
    const isIt = ({ hex }: StoredTransaction): boolean => hex === txid
    if (name === 'spend') this.#accepted.push(...children.filter(isIt))
    if (name === 'create') this.#stored.push(...parents.filter(isIt), ...children.filter(isIt))
  }

  async #prune(position: number): Promise<void> {
    const { store, isDead } = await this.#options.storeAt(position)
    try {
      const result = await store.prune(HEIGHTS.pruned)
      if (!isDead()) this.#options.onPruned(result)
    } catch {
      // Its store died or was closed; a later run goes on.
    }
  }

  #plan(kind: Exclude<Kind, 'prune'>): PlannedCall | undefined {
    const { random, universe } = this.#options
    switch (kind) {
      case 'create': {
        const parent = this.#pick(universe.parents)
        return this.mayBeCreated(parent) ? createCall(parent, false) : undefined
      }
      case 'createChild': {
        if (this.#accepted.length === 0) return undefined
        const child = random.pick(this.#accepted.slice(-WINDOW))
        return this.mayBeCreated(child) ? createCall(child, false) : undefined
      }
      case 'spendOne': {
        const { tx, singles } = this.#pick(random.chance(STORED_SHARE) ? this.#stored : universe.parents)
        const open = singles.filter((_, vout) => !this.#mayBeSpent({ tx }, vout))
        return this.#spend(random.pick(open.length > 0 && random.chance(OPEN_SHARE) ? open : singles))
      }
      case 'spendChild': {
        const { spender } = this.#pick(universe.children)
        return spender === undefined ? undefined : this.#spend(spender)
      }
      case 'unspend': {
        const loose = this.#pick(universe.parents).singles.filter(({ mayBeUnspent }) => mayBeUnspent)
        return loose.length === 0 ? undefined : unspendCall(random.pick(loose))
      }
      case 'setMined': {
        const transaction = this.#pick(random.chance(STORED_SHARE) ? this.#stored : universe.parents)
        return minedCall(transaction, 1 + random.below(BLOCK_IDS), HEIGHTS.tip, false)
      }
      case 'preserve': {
        const due = this.#stored.filter(entry => entry.mayBePreserved && !this.mayBeCreated(entry))
        return due.length === 0 ? undefined : preserveCall(random.pick(due.slice(-WINDOW)), HEIGHTS.preserved)
      }
    }
  }

  /** Not the last output of a transaction while one creates it: that one could come after its removal. */
  #spend(spender: Spender): PlannedCall | undefined {
    const isBeingCreated = spender.inputs.some(({ parent }) => {
      const hex = outpointOf({ parent, vout: 0 }).slice(0, 64)
      if ((this.#creating.get(hex) ?? 0) === 0) return false
      const spent = new Set(spender.inputs.filter(input => input.parent === parent).map(({ vout }) => vout))
      return parent.outputs.every((_, vout) => spent.has(vout) || this.#mayBeSpent({ tx: parent }, vout))
    })
    return isBeingCreated ? undefined : spendCall(spender, HEIGHTS.tip)
  }

  #mayBeSpent({ tx }: Pick<StoredTransaction, 'tx'>, vout: number): boolean {
    return this.#options.history.spending(outpointOf({ parent: tx, vout })).some(mayHold)
  }

  #pick(transactions: readonly StoredTransaction[]): StoredTransaction {
    const { random, callsPerParent, universe } = this.#options
    if (transactions.length === 0) return random.pick(universe.parents.slice(0, WINDOW))
    const begun = WINDOW + Math.floor(this.#done / callsPerParent)
    const perParent = transactions.length / universe.parents.length
    const known = transactions === this.#stored ? transactions : transactions.slice(0, begun * perParent)
    return random.pick(random.chance(OLDER_SHARE) ? known : known.slice(-WINDOW))
  }
}

/** A spender's calls come from one place: another store may take back what this one was told. */
function positionOf(spender: string): number {
  return Number.parseInt(spender.slice(0, 4), 16)
}
