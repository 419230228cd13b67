import { StoreError } from '../errors/index.ts'
import { compactSizeLength } from './compact-size.ts'
import { hashInput } from './hash-input.ts'
import { sha256 } from './sha256.ts'
import { requireTxid, TXID_BYTES } from './txid.ts'
import { requireUint32, requireUint64 } from './unsigned.ts'

/**
 * The hash that identifies an output together with what it pays and to whom (semantics 1.3):
 *
 *     SHA-256( txid(32, internal order) | CompactSize(vout) | locking script | CompactSize(satoshis) )
 *
 * A single SHA-256, and no length before the script. A spender proves with it that it knows the output it
 * spends, so the store need not keep the script.
 *
 * @param previousTxid the transaction that holds the output: 32 bytes, internal order
 * @param vout the output's index in it
 * @param lockingScript its script; empty is legal
 * @param satoshis its value
 * @returns 32 bytes as stored, not reversed
 * @throws StoreError `PROCESSING` when there is no locking script (an input that is not extended)
 * @throws InvalidArgumentError for any other argument out of range
 */
export function utxoHash(
  previousTxid: Uint8Array,
  vout: number,
  lockingScript: Uint8Array,
  satoshis: bigint,
): Uint8Array {
  if (!(lockingScript instanceof Uint8Array)) {
    throw new StoreError(
      'PROCESSING',
      `utxo hash of output ${vout} needs its locking script, which is missing`,
    )
  }
  requireTxid(previousTxid, 'previousTxid')
  requireUint32(vout, 'vout')
  const amount = numberOrBigint(requireUint64(satoshis, 'satoshis'))
  const sizeBytes = TXID_BYTES + compactSizeLength(vout) + lockingScript.length + compactSizeLength(amount)
  return sha256(
    hashInput(sizeBytes)
      .bytes(previousTxid)
      .compactSize(vout)
      .bytes(lockingScript)
      .compactSize(amount)
      .filled(),
  )
}

/** As a number where it is one: computing with bigints takes many times as long. */
function numberOrBigint(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
