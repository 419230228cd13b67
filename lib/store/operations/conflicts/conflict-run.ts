import { txidKey, txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { decodeSpendingData } from '../../../record/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { handleNow } from '../../dispatch/handle-now.ts'
import { asStoreError, isInDoubt, throwFailures } from '../../store-errors.ts'
import { txidSet, uniqueTxids } from '../../txids.ts'
import { lockNow } from '../locking/lock-children.ts'
import { readOutpoints } from '../reading/outpoint-states.ts'
import { readNodes } from '../reading/transaction-nodes.ts'
import { type SpendFlags, spendHandler } from '../spending/spend-dispatch.ts'
import { GIVE_BACK_FLAGS } from '../spending/spend-undo.ts'
import type { SpentOutput } from '../spending/unspend-rows.ts'
import { unspendUnchanged } from '../spending/unspend-unchanged.ts'
import { type ConflictLink, linkToParents } from './conflict-links.ts'
import { type ConflictPlan, spendKey } from './conflict-plan.ts'
import { heldOf, isHeldBy, judgeByInputs } from './held-inputs.ts'
import { retried } from './retried.ts'
import { markConflicting } from './set-conflicting.ts'
import { readStoredSpends, type StoredSpends } from './stored-spends.ts'

/** The phases in their order (semantics 3.10). */
export type ConflictPhase = 'mark' | 'free' | 'spend' | 'clear' | 'unlock' | 'complete'

const PHASES: readonly ConflictPhase[] = ['mark', 'free', 'spend', 'clear', 'unlock', 'complete']

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
  /** As they were before they were marked. */
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

  /** A change failed, and may take effect all the same, now or later. */
  isInDoubt = false

  /** What the rule of the delete-at-height counts from: not below the tip, or it would prune too early. */
  get #height(): number {
    return Math.max(this.#blockHeight, this.#context.blockState.current.height)
  }

  async forward(): Promise<void> {
    const { winners, losers, dangling, isSettled } = this.#plan
    this.phase = 'mark'
    if (isSettled) {
      // Who got a record after its predecessor had looked for it.
      await this.#free(await this.#mark(losers))
      return this.#finish()
    }
    // Without a record they cannot be marked: a run that takes this one up finds them by their entries.
    await this.#change(() => linkToParents(this.#context, dangling.map(linkOf), undefined))
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
    if (this.#isResumed) return this.#finish()
    this.phase = 'clear'
    await this.#setMark(winners, false)
    this.phase = 'unlock'
    await this.#unlock(this.#locked)
  }

  /**
   * Takes back what was done, the last first, and stops where that fails: what is left is for a new run. Who has been
   * pruned meanwhile stays gone, and who lacks an input stays marked and holds nothing.
   */
  async back(): Promise<void> {
    const { winners, heldBefore } = this.#plan
    if (this.#hasBegun('clear')) {
      const conflicting = winners.filter(({ isConflicting }) => isConflicting)
      await this.#setMark(await this.#stored(conflicting.map(({ txid }) => txid)), true)
    }
    if (this.#hasBegun('spend')) {
      const spends = winners.flatMap(winner => winner.spends)
      await this.#release(spends.filter(spend => !heldBefore.has(spendKey(spend))))
    }
    if (this.#hasBegun('free')) await this.#giveBack()
    await this.#liftMarks()
    await this.#unlock(this.#locked)
  }

  /**
   * Lifts the marks of those that were not conflicting and hold all of their inputs. Others may give a transaction up at
   * this very moment, by marking it and then freeing its inputs: so the inputs are looked at after the mark is lifted,
   * as those look at the mark after they have freed the inputs.
   */
  async #liftMarks(): Promise<void> {
    const before = [...this.#marked.values()].filter(({ isConflicting }) => !isConflicting)
    const { whole, broken } = await judgeByInputs(
      this.#context,
      await this.#stored(before.map(({ txid }) => txid)),
    )
    await this.#setMark(whole, false)
    const { broken: brokenSince } = await judgeByInputs(this.#context, whole)
    for (const { txid } of brokenSince) this.#marked.delete(txidKey(txid))
    const spends = await this.#mark(brokenSince.map(({ txid }) => txid))
    // One whose mark was refused is as it was, and holds what it holds.
    const marked = broken.filter(({ isConflicting }) => isConflicting)
    await this.#release([...spends, ...marked.flatMap(transaction => transaction.spends)])
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
      await this.#setMark(transactions, true)
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
    const held = heldOf(spends, states)
    const toLock: Uint8Array[] = []
    for (const [index, spend] of spends.entries()) {
      const parent = states[index]?.parent
      if (parent === undefined || this.#marked.has(txidKey(spend.txid))) continue
      if (parent.locked === true ? this.#isResumed : isHeldBy(spend, states[index])) toLock.push(spend.txid)
    }
    const parents = uniqueTxids(toLock)
    for (const parent of parents) this.#locked.push(parent)
    await this.#change(() => lockNow(this.#context, parents, true))
    for (const spend of held) this.#freed.push(spend)
    await this.#unspend(held)
  }

  /** Frees what is held by exactly these spends, and leaves everything else. */
  async #release(spends: readonly SpentOutput[]): Promise<void> {
    await this.#unspend(heldOf(spends, await readOutpoints(this.#context, spends, undefined)))
  }

  async #unspend(spends: readonly SpentOutput[]): Promise<void> {
    for (const { spendingData } of spends)
      this.#context.acknowledgedSpends.forget(decodeSpendingData(spendingData).txid)
    await this.#change(async () => {
      // One that is held up on its way must not free what has been spent again since.
      const outcomes = await unspendUnchanged(this.#context, spends, this.#height, { isDecided: true })
      // A parent without a record was pruned: there is nothing to free.
      const failures = outcomes.filter(outcome => outcome !== undefined && outcome.code !== 'TX_NOT_FOUND')
      throwFailures(
        failures.filter(failure => failure !== undefined),
        spends.length,
        'outputs could not be unspent',
      )
    })
  }

  async #spend(spends: readonly SpentOutput[], blockHeight: number, flags: SpendFlags): Promise<void> {
    await this.#change(async () =>
      throwFailures(
        await this.#spendFailures(spends, blockHeight, flags),
        spends.length,
        'outputs could not be spent',
      ),
    )
  }

  /** What another has taken meanwhile, or was given to another, is lost: who held it stays as marked as it is. */
  async #giveBack(): Promise<void> {
    await this.#change(async () => {
      const failures = await this.#spendFailures(this.#freed, this.#height, GIVE_BACK_FLAGS)
      const lost = failures.filter(failure => !isInDoubt(failure) && /^(UTXO|TX)_/.test(failure.code))
      if (lost.length > 0)
        this.#context.logger.warn(
          { event: 'conflict_output_lost', outputs: lost.length, err: lost[0] },
          'outputs could not be given back to those who held them before the conflict',
        )
      throwFailures(
        failures.filter(failure => !lost.includes(failure)),
        this.#freed.length,
        'outputs could not be given back',
      )
    })
  }

  async #spendFailures(
    spends: readonly SpentOutput[],
    blockHeight: number,
    flags: SpendFlags,
  ): Promise<StoreError[]> {
    const requests = spends.map(spend => ({ ...spend, blockHeight, flags }))
    const outcomes = await handleNow(this.#context, 'conflict spends', spendHandler(this.#context), requests)
    return outcomes.flatMap(outcome =>
      outcome.status === 'rejected' ? [asStoreError(outcome.reason, 'spending')] : [],
    )
  }

  #setMark(transactions: readonly StoredSpends[], value: boolean): Promise<void> {
    return this.#change(() => markConflicting(this.#context, transactions, value, this.#height, undefined))
  }

  #unlock(parents: readonly Uint8Array[]): Promise<unknown> {
    return retried(() => lockNow(this.#context, parents, false))
  }

  /**
   * The end of a run that was taken up again. Where its predecessor has stopped is not known, and masters do not tell of
   * their pages: so all that it may have left half done is done once more.
   */
  async #finish(): Promise<void> {
    this.phase = 'clear'
    const { winners, losers } = this.#plan
    await this.#setMark(winners, false)
    this.phase = 'unlock'
    const given = await this.#stored(losers)
    const conflicting = txidSet([...given, ...this.#marked.values()].map(({ txid }) => txid))
    const spenders = [...winners, ...given, ...this.#marked.values()]
    const parents = uniqueTxids([
      ...spenders.flatMap(spender => spender.parents).filter(txid => !conflicting.has(txidKey(txid))),
      ...this.#locked,
    ])
    this.#context.logger.info(
      { event: 'conflict_unlock', txids: parents.map(txidToHex) },
      'the parents that an interrupted run may have left locked are unlocked',
    )
    await this.#unlock(parents)
  }

  /** Every change passes here, so that a doubt is known wherever it came up. */
  async #change<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof StoreError && isInDoubt(error)) this.isInDoubt = true
      throw error
    }
  }
}

/** An output's transaction, and who holds it. */
function linkOf({ txid, spendingData }: SpentOutput): ConflictLink {
  return { parentTxid: txid, childTxid: decodeSpendingData(spendingData).txid }
}
