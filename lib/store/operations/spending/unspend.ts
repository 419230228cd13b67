import { toTxid } from '../../../bitcoin/index.ts'
import { checkObject, InvalidArgumentError } from '../../../errors/index.ts'
import { decodeSpendingData, SPENDING_DATA_BYTES } from '../../../record/index.ts'
import { checkUint32, type TxidInput } from '../../arguments.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { aggregateError } from '../../store-errors.ts'
import { uniqueTxids } from '../../txids.ts'
import { lockNow } from '../locking/lock-children.ts'
import { type SpentOutput, unspendRows } from './unspend-rows.ts'

/** A spend to undo: an entry of what `spend` returned fits as it is. */
export interface UnspendInput {
  readonly txid: TxidInput
  readonly vout: number
  readonly utxoHash: Uint8Array
  /** 36 bytes; the proof of ownership: a slot that holds anything else is left alone (incident #766). */
  readonly spendingData: Uint8Array
}

/** Checks every entry before the first is sent. */
export function prepareUnspends(spends: readonly UnspendInput[]): SpentOutput[] {
  return Array.from(spends, (spend, index) => {
    const field = `spends[${index}]`
    checkObject(field, spend)
    const { vout, utxoHash, spendingData } = spend
    checkUint32(`${field}.vout`, vout)
    checkBytes(`${field}.utxoHash`, utxoHash, 32)
    checkBytes(`${field}.spendingData`, spendingData, SPENDING_DATA_BYTES)
    const txid = toTxid(spend.txid, `${field}.txid`)
    return { txid, vout, utxoHash: new Uint8Array(utxoHash), spendingData: new Uint8Array(spendingData) }
  })
}

/**
 * Undoes spends in batches; throws an aggregate of what failed after everything was tried. With `markAsLocked`
 * the transactions whose outputs become free are locked before the first one is, masters and pages, so that
 * nobody takes them meanwhile; they stay locked (semantics 3.6). One that cannot be locked ends the call.
 */
export async function unspend(
  context: StoreContext,
  spends: readonly SpentOutput[],
  markAsLocked: boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (markAsLocked) await lockNow(context, uniqueTxids(spends.map(({ txid }) => txid)), true)
  for (const { spendingData } of spends)
    context.acknowledgedSpends.forget(decodeSpendingData(spendingData).txid)
  const errors = await unspendRows(context, spends, context.blockState.current.height, { signal })
  const failures = errors.filter(error => error !== undefined)
  if (failures.length === 1 && failures[0] !== undefined) throw failures[0]
  if (failures.length > 0) {
    throw aggregateError(
      'STORAGE_ERROR',
      `${failures.length} of ${spends.length} outputs could not be unspent`,
      failures,
    )
  }
}

function checkBytes(field: string, value: Uint8Array, length: number): void {
  if (!(value instanceof Uint8Array) || value.length !== length) {
    throw new InvalidArgumentError(field, `${length} bytes`, value)
  }
}
