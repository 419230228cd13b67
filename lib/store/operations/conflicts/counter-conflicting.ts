import { outpointToString, txidKey, txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { decodeSpendingData } from '../../../record/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { RecordNotFoundError } from '../../store-errors.ts'
import { txidSet } from '../../txids.ts'
import { type OutpointState, readOutpoints } from '../reading/outpoint-states.ts'
import { isRecent } from '../reading/transaction-nodes.ts'
import type { SpentOutput } from '../spending/unspend-rows.ts'
import { type WalkRoot, walkDescendants } from './conflicting-children.ts'
import { isHeldBy } from './held-inputs.ts'
import { allRead, readStoredSpends, type StoredSpends } from './stored-spends.ts'

/** What stands against transactions that want their inputs. */
export interface CounterConflicts {
  /** Who holds an input, and all descendants of those; each once, all with a record. */
  readonly txids: readonly Uint8Array[]
  /** Inputs that are held by a transaction without a record, which is no surprise so near to the tip. */
  readonly dangling: readonly SpentOutput[]
  /** Inputs that the transactions hold themselves. */
  readonly held: readonly SpentOutput[]
  /** Inputs whose outputs have another hash: what they spend was never there, or was given to another owner. */
  readonly mismatched: readonly SpentOutput[]
  /** Of the transactions themselves, those that descend from one that stands against them, by `txidKey`. */
  readonly descending: ReadonlySet<string>
}

export interface CounterConflictOptions {
  /** Further transactions that the walk begins with. */
  readonly alsoFrom?: readonly WalkRoot[]
  /** The most transactions that the walk visits; 0 is unlimited. */
  readonly nodesMax?: number
  readonly signal: AbortSignal | undefined
}

/**
 * Looks up who holds the inputs of transactions, and all descendants of those.
 *
 * Throws `TX_NOT_FOUND` for a parent without a record, and for a spender without one that may have been mined and
 * pruned; `PROCESSING` for an input that names no output; `UTXO_FROZEN` where an output that would be taken away
 * is frozen (semantics 3.10).
 */
export async function counterConflicts(
  context: StoreContext,
  transactions: readonly StoredSpends[],
  { alsoFrom = [], nodesMax = 0, signal }: CounterConflictOptions,
): Promise<CounterConflicts> {
  const own = txidSet(transactions.map(({ txid }) => txid))
  const spends = transactions.flatMap(transaction => transaction.spends)
  const states = await readOutpoints(context, spends, signal)
  const held: SpentOutput[] = []
  const unproven = new Set(transactions.flatMap(transaction => transaction.unproven))
  const mismatched: SpentOutput[] = []
  const rivals: { root: WalkRoot; spend: SpentOutput }[] = []
  for (const [index, spend] of spends.entries()) {
    const holder = holderOf(spend, states[index])
    // Who holds an output has proved that it fits.
    const doesFit =
      isHeldBy(spend, states[index]) || !(unproven.has(spend) || hasOtherHash(spend, states[index]))
    if (!doesFit) mismatched.push(spend)
    if (holder === undefined) continue
    const { txid } = decodeSpendingData(holder.spendingData)
    if (own.has(txidKey(txid))) held.push(holder)
    else rivals.push({ root: { txid, mayBeMissing: isRecent(holder.age, context) }, spend: holder })
  }
  const { found, missing, hasFrozenOutput, met } = await walkDescendants(
    context,
    [...rivals.map(({ root }) => root), ...alsoFrom],
    { nodesMax, except: own, signal },
  )
  if (hasFrozenOutput)
    throw new StoreError('UTXO_FROZEN', 'a transaction that stands against it has a frozen output')
  const unexplained = missing.find(({ mayBeMissing }) => !mayBeMissing)
  if (unexplained !== undefined) {
    throw new StoreError(
      'TX_NOT_FOUND',
      `transaction ${txidToHex(unexplained.txid)} holds an output, but has no record; it may have been mined and pruned`,
    )
  }
  const absent = txidSet(missing.map(({ txid }) => txid))
  const dangling = rivals.filter(({ root }) => absent.has(txidKey(root.txid))).map(({ spend }) => spend)
  if (dangling.length > 0) {
    context.logger.warn(
      { event: 'dangling_spenders', outputs: dangling.length },
      'outputs are spent by transactions that have no record',
    )
  }
  return { txids: found, dangling, held, mismatched, descending: met }
}

type Holder = SpentOutput & { readonly age: NonNullable<OutpointState['parent']> }

/** The spend that holds an output, or undefined where it is free. */
function holderOf(spend: SpentOutput, state: OutpointState | undefined): Holder | undefined {
  const { parent, slot } = state ?? {}
  if (parent === undefined) throw new RecordNotFoundError(spend.txid)
  if (slot === undefined)
    throw new StoreError('PROCESSING', `there is no output ${outpointToString(spend)}, which an input names`)
  if (slot.state === 'frozen')
    throw new StoreError('UTXO_FROZEN', `output ${outpointToString(spend)} is frozen`)
  if (slot.state !== 'spent') return undefined
  const { txid, vout } = spend
  return { txid, vout, utxoHash: slot.utxoHash, spendingData: slot.spendingData, age: parent }
}

function hasOtherHash({ utxoHash }: SpentOutput, state: OutpointState | undefined): boolean {
  const slot = state?.slot
  return slot !== undefined && slot.state !== 'nil' && Buffer.compare(slot.utxoHash, utxoHash) !== 0
}

/**
 * A transaction, whoever holds one of its inputs, and all descendants of those; each once. Throws `WalkLimitError` where
 * they are more than the setting allows.
 */
export async function counterConflicting(
  context: StoreContext,
  txid: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<Uint8Array[]> {
  const transactions = allRead(await readStoredSpends(context, [txid], signal))
  const nodesMax = context.settings.conflictingChildrenMaxNodes
  const { txids } = await counterConflicts(context, transactions, { nodesMax, signal })
  return [txid, ...txids]
}
