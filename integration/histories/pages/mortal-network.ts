import { EventEmitter, once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type BatchOptions,
  type BatchRow,
  type RecordKey,
  type RowAnswer,
  StoreError,
  type Transport,
} from 'aerospike-utxo-store'
import type { Random } from '../random.ts'

/** What a batch does; a store dies at the next batch of a kind, of each as often as its weight says. */
export const STEP_WEIGHTS = {
  'take lock': 1,
  'release lock': 1,
  'write pages': 3,
  'write master': 3,
  'clear pages': 3,
  'clear master': 3,
  'write intent': 1,
  'end intent': 4,
  'tell parents': 1,
  'remove master': 2,
  'remove pages': 6,
  'count pages': 1,
  'set delete-at-height': 1,
  read: 1,
  other: 1,
} as const satisfies Record<string, number>
export type Step = keyof typeof STEP_WEIGHTS

/** Those after whose death a later run of the pruner has a removal to complete. */
export const REMOVAL_STEPS = [
  'tell parents',
  'remove master',
  'remove pages',
  'end intent',
] as const satisfies Step[]

export interface Death {
  readonly step: Step
  /** Whether the server still got the batch at which the store died. */
  readonly isApplied: boolean
}

/** A lock that was taken, or may have been. */
export interface TakenLock {
  readonly key: RecordKey
  readonly token: string
}

/** Who is told of what a network does. */
export interface NetworkWatcher {
  readonly onDeath: (death: Death) => void
  /** The turn between the last look at transactions and the removal of their masters; it is waited for. */
  readonly beforeRemoval: (masters: readonly RecordKey[]) => Promise<void>
}

const LATE_SHARE = 0.1
const LATE_MS_MAX = 4
/** Between the last look at a transaction and its removal others shall come. */
const LATE_REMOVAL = { share: 0.6, msMax: 60 }
/** A death whose step never comes happens all the same after so many batches. */
const BATCHES_MAX = 1_000

/**
 * The network of one store, which may die: from one batch on nothing of it reaches the server any more, as when
 * its process ends. Before that, some batches are late, so that calls meet in many orders.
 */
export class MortalNetwork implements Transport {
  readonly #good: Transport
  readonly #random: Random
  readonly #ended = new EventEmitter()
  /** By token: calls of one store compete for a lock, too. */
  readonly #locks = new Map<string, TakenLock>()
  #underWay = 0
  #batches = 0
  #plan: Death | undefined
  #batchesLeft = 0
  #death: Death | undefined
  readonly #watcher: NetworkWatcher

  constructor(good: Transport, random: Random, watcher: NetworkWatcher) {
    this.#good = good
    this.#random = random
    this.#watcher = watcher
  }

  get isDead(): boolean {
    return this.#death !== undefined
  }

  /** Those that its store has taken and not given back. */
  get locks(): readonly TakenLock[] {
    return [...this.#locks.values()]
  }

  /** At the next batch that is such a step. */
  dieAt(death: Death): void {
    this.#plan ??= death
    this.#batchesLeft = BATCHES_MAX
  }

  /** Nothing of the store is with the server any more. */
  async quiet(): Promise<void> {
    while (this.#underWay > 0) await once(this.#ended, 'batch')
  }

  /** Grows with every batch. */
  get batches(): number {
    return this.#batches
  }

  async batchOperate(rows: readonly BatchRow[], options: BatchOptions): Promise<readonly RowAnswer[]> {
    this.#batches += 1
    const masters = rows.flatMap(row => (stepOf(row) === 'remove master' ? [row.key] : []))
    if (masters.length > 0 && !this.isDead) await this.#watcher.beforeRemoval(masters)
    await this.#lateness(masters.length > 0)
    if (this.isDead) throw died()
    const death = this.#dying(rows)
    if (death?.isApplied === false) {
      this.#die(death)
      throw died()
    }
    this.#noteLocks(rows)
    this.#underWay += 1
    try {
      if (death !== undefined) this.#die(death)
      const answers = await this.#good.batchOperate(rows, options)
      // What was with the server when the store died took effect, and nobody learns of it.
      if (this.isDead) throw died()
      this.#forgetLocks(rows, answers)
      return answers
    } finally {
      this.#underWay -= 1
      this.#ended.emit('batch')
    }
  }

  async #lateness(isRemoval: boolean): Promise<void> {
    const { share, msMax } = isRemoval ? LATE_REMOVAL : { share: LATE_SHARE, msMax: LATE_MS_MAX }
    if (this.#random.chance(share)) await delay(this.#random.below(msMax))
  }

  #die(death: Death): void {
    this.#death = death
    this.#watcher.onDeath(death)
  }

  #dying(rows: readonly BatchRow[]): Death | undefined {
    if (this.#plan === undefined) return undefined
    this.#batchesLeft -= 1
    const step = rows.map(stepOf).find(one => one === this.#plan?.step)
    if (step !== undefined) return this.#plan
    const [first] = rows
    return this.#batchesLeft > 0 || first === undefined
      ? undefined
      : { step: stepOf(first), isApplied: this.#plan.isApplied }
  }

  #noteLocks(rows: readonly BatchRow[]): void {
    for (const row of rows) {
      const token = takenToken(row)
      if (token !== undefined) this.#locks.set(token, { key: row.key, token })
    }
  }

  /** Given back, or never got. */
  #forgetLocks(rows: readonly BatchRow[], answers: readonly RowAnswer[]): void {
    for (const { index, status } of answers) {
      const row = rows[index]
      if (row === undefined || !isLock(row.key)) continue
      const token = status === RECORD_EXISTS ? takenToken(row) : releasedToken(row)
      if (token !== undefined) this.#locks.delete(token)
    }
  }
}

function takenToken(row: BatchRow): string | undefined {
  if (row.kind !== 'write' || !isLock(row.key)) return undefined
  for (const operation of row.operations)
    if (operation.kind === 'put' && operation.bin === 'lock_token') return String(operation.value)
  return undefined
}

function releasedToken({ kind, filter }: BatchRow): string | undefined {
  return kind === 'remove' && filter !== undefined && 'right' in filter ? String(filter.right) : undefined
}

function died(): StoreError {
  return new StoreError('STORAGE_ERROR', 'mortal network: the store has died')
}

const LOCK_SUFFIX = Buffer.from('feffffff', 'hex')
const TXID_BYTES = 32
const RECORD_EXISTS = 5

function isLock({ userKey }: RecordKey): boolean {
  return typeof userKey !== 'string' && LOCK_SUFFIX.equals(userKey.subarray(TXID_BYTES))
}

function stepOf(row: BatchRow): Step {
  const { key, kind } = row
  const isPage = typeof key.userKey !== 'string' && key.userKey.length > TXID_BYTES
  if (isLock(key)) return kind === 'remove' ? 'release lock' : kind === 'write' ? 'take lock' : 'read'
  if (key.set.endsWith('_pruneintent')) return kind === 'remove' ? 'end intent' : 'write intent'
  if (kind === 'remove') return isPage ? 'remove pages' : 'remove master'
  if (kind === 'apply') return row.function === 'incrementSpentExtraRecs' ? 'count pages' : 'other'
  if (kind !== 'write') return 'read'
  if (row.exists === 'create-only') return isPage ? 'write pages' : 'write master'
  if (row.operations.some(operation => operation.kind === 'map-put' && operation.bin === 'deletedChildren'))
    return 'tell parents'
  const bins = row.operations.flatMap(operation => ('bin' in operation ? operation.bin : []))
  if (bins.includes('creating')) return isPage ? 'clear pages' : 'clear master'
  return bins.length === 1 && bins[0] === 'deleteAtHeight' ? 'set delete-at-height' : 'other'
}
