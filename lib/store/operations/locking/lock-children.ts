import { txidKey, txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { handleNow } from '../../dispatch/handle-now.ts'
import { asStoreError, RecordNotFoundError, throwFailures } from '../../store-errors.ts'
import { uniqueTxids } from '../../txids.ts'
import { readNodes } from '../reading/transaction-nodes.ts'
import { lockedHandler } from './set-locked.ts'

/**
 * Sets or lifts the lock of transactions at once, masters and pages; returns those that have no record. Throws
 * after all were tried.
 */
export async function lockNow(
  context: StoreContext,
  txids: readonly Uint8Array[],
  locked: boolean,
): Promise<readonly Uint8Array[]> {
  const outcomes = await handleNow(
    context,
    'locking',
    lockedHandler(context),
    txids.map(txid => ({ txid, locked })),
  )
  const missing: Uint8Array[] = []
  const failures: StoreError[] = []
  for (const [index, txid] of txids.entries()) {
    const outcome = outcomes[index]
    if (outcome?.status !== 'rejected') continue
    const failure = asStoreError(outcome.reason, 'locking')
    if (failure.code === 'TX_NOT_FOUND') missing.push(txid)
    else failures.push(failure)
  }
  throwFailures(failures, txids.length, 'locks could not be changed')
  return missing
}

/**
 * Locks a transaction and all its descendants, a level at a time: who is locked gets no new spender, so that the
 * spenders read after the lock are all there are (semantics 3.10). Returns the descendants; a spender without a
 * record is among them, unlocked. What was locked stays so when a later level fails.
 */
export async function lockChildren(
  context: StoreContext,
  txid: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<Uint8Array[]> {
  const visited = new Set([txidKey(txid)])
  const children: Uint8Array[] = []
  let level = [txid]
  while (level.length > 0) {
    const missing = await lockNow(context, level, true)
    if (children.length === 0 && missing.length > 0) throw new RecordNotFoundError(txid)
    const nodes = await readNodes(context, level, signal)
    const frozen = nodes.find(node => node?.hasFrozenOutput)
    if (frozen !== undefined)
      throw new StoreError('UTXO_FROZEN', `transaction ${txidToHex(frozen.txid)} has a frozen output`)
    level = uniqueTxids(nodes.flatMap(node => node?.spenders ?? [])).filter(
      child => !visited.has(txidKey(child)),
    )
    for (const child of level) visited.add(txidKey(child))
    // One by one: a level can be wider than a call has room for arguments.
    for (const child of level) children.push(child)
  }
  return children
}
