import { outpointKey, outpointToString, txidKey, txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { decodeSpendingData } from '../../../record/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { isPlaceholderTxid, txidSet, uniqueTxids } from '../../txids.ts'
import { isRecent, readNodes } from '../reading/transaction-nodes.ts'
import type { SpentOutput } from '../spending/unspend-rows.ts'
import type { WalkRoot } from './conflicting-children.ts'
import { type CounterConflicts, counterConflicts } from './counter-conflicting.ts'
import { allRead, readStoredSpends, type StoredSpends } from './stored-spends.ts'

/** What making transactions win comes to, found out before anything is changed. */
export interface ConflictPlan {
  readonly winners: readonly StoredSpends[]
  /** Who has to give way: who holds what the winners spend, and all that descends from those. */
  readonly losers: readonly Uint8Array[]
  /** Inputs of winners that are held by a transaction without a record. */
  readonly dangling: readonly SpentOutput[]
  /** Inputs that the winners hold already, by `spendKey`. */
  readonly heldBefore: ReadonlySet<string>
  /** The winners have won: none is conflicting, and each holds all its inputs. */
  readonly isSettled: boolean
}

/** Equal for spends of the same output by the same input. */
export function spendKey({ txid, vout, spendingData }: SpentOutput): string {
  return `${outpointKey(txid, vout)}/${Buffer.from(spendingData).toString('latin1')}`
}

/**
 * Reads what is needed to process winners. An interrupted run leaves losers that hold nothing any more: when it
 * is taken up again (`isResumed`), they are found in the lists of their parents.
 *
 * Throws what `counterConflicts` throws, `UTXO_HASH_MISMATCH` for an input that does not fit its output, and
 * `PROCESSING` for winners that contradict each other or are not in conflict at all.
 */
export async function planConflict(
  context: StoreContext,
  txids: readonly Uint8Array[],
  isResumed: boolean,
  signal: AbortSignal | undefined,
): Promise<ConflictPlan> {
  if (txids.some(isPlaceholderTxid))
    throw new StoreError('UTXO_FROZEN', 'the transaction 32 × FF stands for a frozen output and cannot win')
  const winners = allRead(await readStoredSpends(context, txids, signal))
  refuseRivalWinners(winners)
  const roots = [
    ...(await ownDescendants(context, winners, signal)),
    ...(isResumed ? await formerHolders(context, winners, signal) : []),
  ]
  const conflicts = await counterConflicts(context, winners, { alsoFrom: roots, signal })
  refuseOtherHashes(conflicts)
  const heldBefore = new Set(conflicts.held.map(spendKey))
  const isWon = ({ isConflicting, spends }: StoredSpends): boolean =>
    !isConflicting && spends.every(spend => heldBefore.has(spendKey(spend)))
  if (!isResumed) refuseContradictions(winners, conflicts, isWon)
  return {
    winners,
    losers: conflicts.txids,
    dangling: conflicts.dangling,
    heldBefore,
    isSettled: winners.every(isWon),
  }
}

/**
 * Who spends an output of a winner while that is conflicting is conflicting, too, and does not win with it: the
 * output has to be free when the winner is not conflicting any more.
 */
async function ownDescendants(
  context: StoreContext,
  winners: readonly StoredSpends[],
  signal: AbortSignal | undefined,
): Promise<WalkRoot[]> {
  const own = txidSet(winners.map(({ txid }) => txid))
  const conflicting = winners.filter(({ isConflicting }) => isConflicting).map(({ txid }) => txid)
  const nodes = await readNodes(context, conflicting, signal)
  return nodes.flatMap(node =>
    (node?.spenders ?? [])
      .filter(spender => !own.has(txidKey(spender)))
      .map(txid => ({ txid, mayBeMissing: node !== undefined && isRecent(node.age, context) })),
  )
}

/**
 * Transactions that want an output which a winner spends, from the lists of their parents. Those that are not marked yet
 * are among them: an interrupted run had entered them, or freed what they held before they had a record.
 */
async function formerHolders(
  context: StoreContext,
  winners: readonly StoredSpends[],
  signal: AbortSignal | undefined,
): Promise<WalkRoot[]> {
  const own = txidSet(winners.map(({ txid }) => txid))
  const wanted = new Set(
    winners.flatMap(({ spends }) => spends.map(({ txid, vout }) => outpointKey(txid, vout))),
  )
  const parents = await readNodes(context, uniqueTxids(winners.flatMap(winner => winner.parents)), signal)
  const children = uniqueTxids(parents.flatMap(parent => parent?.conflictingChildren ?? [])).filter(
    txid => !own.has(txidKey(txid)),
  )
  const rivals = await readStoredSpends(context, children, signal)
  return rivals.flatMap(rival => {
    if (rival instanceof StoreError) {
      if (rival.code === 'TX_NOT_FOUND') return []
      throw rival
    }
    const isRival = rival.spends.some(({ txid, vout }) => wanted.has(outpointKey(txid, vout)))
    return isRival ? [{ txid: rival.txid, mayBeMissing: true }] : []
  })
}

/** A spend with another hash is refused for good; by then its rivals would have lost what they held. */
function refuseOtherHashes({ mismatched }: CounterConflicts): void {
  const [spend] = mismatched
  if (spend === undefined) return
  const spender = txidToHex(decodeSpendingData(spend.spendingData).txid)
  throw new StoreError(
    'UTXO_HASH_MISMATCH',
    `transaction ${spender} cannot win: output ${outpointToString(spend)} has another hash, or was given to another owner`,
  )
}

function refuseRivalWinners(winners: readonly StoredSpends[]): void {
  const claims = new Set<string>()
  for (const { spends } of winners) {
    for (const spend of spends) {
      const key = outpointKey(spend.txid, spend.vout)
      if (claims.has(key))
        throw new StoreError('PROCESSING', `two of the winners spend output ${outpointToString(spend)}`)
      claims.add(key)
    }
  }
}

function refuseContradictions(
  winners: readonly StoredSpends[],
  { descending }: CounterConflicts,
  isWon: (winner: StoredSpends) => boolean,
): void {
  for (const winner of winners) {
    const hex = txidToHex(winner.txid)
    if (descending.has(txidKey(winner.txid)))
      throw new StoreError(
        'PROCESSING',
        `transaction ${hex} cannot win: it descends from one that has to give way`,
      )
    if (!winner.isConflicting && !isWon(winner))
      throw new StoreError(
        'PROCESSING',
        `transaction ${hex} is not conflicting, and does not hold its inputs`,
      )
  }
}
