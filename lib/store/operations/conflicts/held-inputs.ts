import { txidKey } from '../../../bitcoin/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { txidSet } from '../../txids.ts'
import { type OutpointState, readOutpoints } from '../reading/outpoint-states.ts'
import type { SpentOutput } from '../spending/unspend-rows.ts'
import type { StoredSpends } from './stored-spends.ts'

/** Whether an output is held by exactly this spend. */
export function isHeldBy(spend: SpentOutput, state: OutpointState | undefined): boolean {
  const slot = state?.slot
  return slot?.state === 'spent' && Buffer.compare(slot.spendingData, spend.spendingData) === 0
}

/** Those of the spends that hold their outputs, with the hashes that these have. */
export function heldOf(
  spends: readonly SpentOutput[],
  states: readonly OutpointState[],
): readonly SpentOutput[] {
  return spends.flatMap((spend, index) => {
    const slot = states[index]?.slot
    return slot?.state === 'spent' && isHeldBy(spend, states[index])
      ? [{ ...spend, utxoHash: slot.utxoHash }]
      : []
  })
}

/** Transactions by whether they can be alive. */
export interface Judged {
  /** They hold all of their inputs, and descend from none that does not, nor from another that conflicts. */
  readonly whole: readonly StoredSpends[]
  readonly broken: readonly StoredSpends[]
}

/** Looks at the inputs of transactions. A parent without a record was pruned, and is no loss. */
export async function judgeByInputs(
  context: StoreContext,
  transactions: readonly StoredSpends[],
): Promise<Judged> {
  const inputs = transactions.flatMap(({ txid, spends }) => spends.map(spend => ({ txid, spend })))
  const states = await readOutpoints(
    context,
    inputs.map(({ spend }) => spend),
    undefined,
  )
  const judged = txidSet(transactions.map(({ txid }) => txid))
  const lost = inputs.filter(({ spend }, index) => {
    const state = states[index]
    if (state?.parent === undefined) return false
    return !isHeldBy(spend, state) || (state.parent.conflicting === true && !judged.has(txidKey(spend.txid)))
  })
  const broken = new Set(lost.map(({ txid }) => txidKey(txid)))
  const isBroken = ({ txid }: StoredSpends): boolean => broken.has(txidKey(txid))
  for (let known = -1; known < broken.size; ) {
    known = broken.size
    for (const { txid, parents } of transactions)
      if (parents.some(parent => broken.has(txidKey(parent)))) broken.add(txidKey(txid))
  }
  return {
    whole: transactions.filter(transaction => !isBroken(transaction)),
    broken: transactions.filter(isBroken),
  }
}
