import { setTimeout as delay } from 'node:timers/promises'
import { txidKey, txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { decodeSpendingData } from '../../../record/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { handleNow } from '../../dispatch/handle-now.ts'
import { asStoreError, throwFailures } from '../../store-errors.ts'
import { txidSet, uniqueTxids } from '../../txids.ts'
import { lockNow } from '../locking/lock-children.ts'
import { batchDecorate } from '../reading/batch-decorate.ts'
import { readOutpoints } from '../reading/outpoint-states.ts'
import { readNodes } from '../reading/transaction-nodes.ts'
import { type SpendFlags, spendHandler } from '../spending/spend-dispatch.ts'
import { GIVE_BACK_FLAGS } from '../spending/spend-undo.ts'
import { type SpentOutput, unspendRows } from '../spending/unspend-rows.ts'
import { type ConflictPlan, spendKey } from './conflict-plan.ts'
import { markConflicting } from './set-conflicting.ts'
import { readStoredSpends, type StoredSpends } from './stored-spends.ts'

/** The phases in their order (semantics 3.10). */
export type ConflictPhase = 'mark' | 'free' | 'spend' | 'clear' | 'unlock' | 'complete'

const PHASES: readonly ConflictPhase[] = ['mark', 'free', 'spend', 'clear', 'unlock', 'complete']

/** Pauses before the attempts of a step that must not be given up lightly (semantics 3.10). */
const RETRY_DELAYS_MS = [0, 50, 200]

const WINNER_FLAGS: SpendFlags = {
  ignoreConflicting: true,
  ignoreLocked: true,
  ignorePolicyFreeze: false,
  ignoreConsensusFreeze: false,
}

/**
 * One run of conflict processing: five phases forward, and the way back. Every step may be repeated, and each
 * notes what it is about to change before it does, so that the way back covers a step that failed in the middle.
 * Nothing here listens to the caller's signal: half of it is worse than any end.
 */
export class ConflictRun {
  /** The phase that was begun last. */
  phase: ConflictPhase = 'mark'
  readonly #context: StoreContext
  readonly #plan: ConflictPlan
  readonly #blockHeight: number
  readonly #isResumed: boolean
  readonly #marked = new Map<string, StoredSpends>()
  readonly #freed: SpentOutput[] = []
  readonly #locked: Uint8Array[] = []

  constructor(context: StoreContext, plan: ConflictPlan, blockHeight: number, isResumed: boolean) {
    this.#context = context
    this.#plan = plan
    this.#blockHeight = blockHeight
    this.#isResumed = isResumed
  }

  /** Transactions that were marked as conflicting, in the order of the walk. */
  get marked(): Uint8Array[] {
    return [...this.#marked.values()].map(({ txid }) => txid)
  }

  /** What the rule of the delete-at-height counts from: not below the tip, or it would prune too early. */
  get #height(): number {
    return Math.max(this.#blockHeight, this.#context.blockState.current.height)
  }

  async forward(): Promise<void> {
    const { winners, losers, dangling, isSettled } = this.#plan
    if (isSettled) return this.#unlockAfterAll()
    this.phase = 'mark'
    const spends = await this.#mark(losers)
    this.phase = 'free'
    await this.#free([...spends, ...dangling])
    // A holder without a record may have got one meanwhile; from now on it is a loser like the others.
    const late = await this.#mark(dangling.map(({ spendingData }) => decodeSpendingData(spendingData).txid))
    await this.#free(late)
    this.phase = 'spend'
    await this.#spend(
      winners.flatMap(winner => winner.spends),
      this.#blockHeight,
      WINNER_FLAGS,
    )
    this.phase = 'clear'
    await markConflicting(this.#context, winners, false, this.#height, undefined)
    this.phase = 'unlock'
    await this.#unlock()
  }

  /** Takes back what was done, the last first, and stops where that fails: what is left is for a new run. */
  async back(): Promise<void> {
    const { winners, heldBefore } = this.#plan
    if (this.#hasBegun('clear')) {
      const conflicting = winners.filter(({ isConflicting }) => isConflicting)
      await markConflicting(this.#context, conflicting, true, this.#height, undefined)
    }
    if (this.#hasBegun('spend')) {
      const spends = winners.flatMap(winner => winner.spends)
      await this.#unspend(spends.filter(spend => !heldBefore.has(spendKey(spend))))
    }
    if (this.#hasBegun('free')) await this.#spend(this.#freed, this.#height, GIVE_BACK_FLAGS)
    const newlyMarked = [...this.#marked.values()].filter(({ isConflicting }) => !isConflicting)
    await markConflicting(this.#context, newlyMarked, false, this.#height, undefined)
    await this.#unlock()
  }

  #hasBegun(phase: ConflictPhase): boolean {
    return PHASES.indexOf(this.phase) >= PHASES.indexOf(phase)
  }

  /** Marks transactions and whoever has spent an output of theirs since the plan was made. Returns their inputs. */
  async #mark(txids: readonly Uint8Array[]): Promise<SpentOutput[]> {
    const winners = txidSet(this.#plan.winners.map(({ txid }) => txid))
    const isNew = (txid: Uint8Array): boolean =>
      !this.#marked.has(txidKey(txid)) && !winners.has(txidKey(txid))
    const spends: SpentOutput[] = []
    let level = uniqueTxids(txids).filter(isNew)
    while (level.length > 0) {
      const transactions = await this.#stored(level)
      for (const transaction of transactions) {
        this.#marked.set(txidKey(transaction.txid), transaction)
        for (const spend of transaction.spends) spends.push(spend)
      }
      await markConflicting(this.#context, transactions, true, this.#height, undefined)
      const nodes = await readNodes(
        this.#context,
        transactions.map(({ txid }) => txid),
        undefined,
      )
      level = uniqueTxids(nodes.flatMap(node => node?.spenders ?? [])).filter(isNew)
    }
    return spends
  }

  /** Those that have a record. One without may get it at any moment; whoever creates it has to look then. */
  async #stored(txids: readonly Uint8Array[]): Promise<StoredSpends[]> {
    const transactions: StoredSpends[] = []
    for (const entry of await readStoredSpends(this.#context, txids, undefined)) {
      if (!(entry instanceof StoreError)) transactions.push(entry)
      else if (entry.code !== 'TX_NOT_FOUND') throw entry
    }
    return transactions
  }

  /**
   * Frees the outputs that are held by exactly these spends. Their parents are locked before, so that no third
   * transaction takes what a winner is to get; a conflicting parent needs no lock. A lock that was there is left
   * to whoever set it, but a run that is taken up again cannot tell its own locks and takes all for its own.
   */
  async #free(spends: readonly SpentOutput[]): Promise<void> {
    const states = await readOutpoints(this.#context, spends, undefined)
    const held: SpentOutput[] = []
    const toLock: Uint8Array[] = []
    for (const [index, spend] of spends.entries()) {
      const { parent, slot } = states[index] ?? {}
      const isHeld = slot?.state === 'spent' && Buffer.compare(slot.spendingData, spend.spendingData) === 0
      if (isHeld) held.push({ ...spend, utxoHash: slot.utxoHash })
      if (parent === undefined || this.#marked.has(txidKey(spend.txid))) continue
      if (parent.locked === true ? this.#isResumed : isHeld) toLock.push(spend.txid)
    }
    const parents = uniqueTxids(toLock)
    for (const parent of parents) this.#locked.push(parent)
    await lockNow(this.#context, parents, true)
    for (const spend of held) this.#freed.push(spend)
    await this.#unspend(held)
  }

  async #unspend(spends: readonly SpentOutput[]): Promise<void> {
    for (const { spendingData } of spends)
      this.#context.acknowledgedSpends.forget(decodeSpendingData(spendingData).txid)
    const outcomes = await unspendRows(this.#context, spends, this.#height, {})
    // A parent without a record was pruned: there is nothing to free.
    const failures = outcomes.filter(outcome => outcome !== undefined && outcome.code !== 'TX_NOT_FOUND')
    throwFailures(
      failures.filter(failure => failure !== undefined),
      spends.length,
      'outputs could not be unspent',
    )
  }

  async #spend(spends: readonly SpentOutput[], blockHeight: number, flags: SpendFlags): Promise<void> {
    const requests = spends.map(spend => ({ ...spend, blockHeight, flags }))
    const outcomes = await handleNow(this.#context, 'conflict spends', spendHandler(this.#context), requests)
    throwFailures(
      outcomes.flatMap(outcome =>
        outcome.status === 'rejected' ? [asStoreError(outcome.reason, 'spending')] : [],
      ),
      spends.length,
      'outputs could not be spent',
    )
  }

  async #unlock(): Promise<void> {
    await retried(() => lockNow(this.#context, this.#locked, false))
  }

  /** A run that was interrupted in its last phase: what is still locked of the losers' and winners' parents. */
  async #unlockAfterAll(): Promise<void> {
    this.phase = 'unlock'
    const { winners, losers } = this.#plan
    const given = await this.#stored(losers)
    const conflicting = txidSet(given.map(({ txid }) => txid))
    const parents = uniqueTxids([...winners, ...given].flatMap(transaction => transaction.parents)).filter(
      txid => !conflicting.has(txidKey(txid)),
    )
    for (const { txid, data, error } of await batchDecorate(this.#context, parents, ['locked'], undefined)) {
      if (error !== null && error.code !== 'TX_NOT_FOUND') throw error
      if (data?.locked === true) this.#locked.push(txid)
    }
    this.#context.logger.info(
      { event: 'conflict_unlock', txids: this.#locked.map(txidToHex) },
      'parents are still locked by an interrupted run',
    )
    await this.#unlock()
  }
}

/** Tries again after short pauses; the last failure is thrown. */
export async function retried<Result>(work: () => Promise<Result>): Promise<Result> {
  let failure: unknown
  for (const pauseMs of RETRY_DELAYS_MS) {
    if (pauseMs > 0) await delay(pauseMs)
    try {
      return await work()
    } catch (error) {
      failure = error
    }
  }
  throw failure
}
