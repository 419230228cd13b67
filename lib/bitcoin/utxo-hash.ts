import { StoreError } from '../errors/index.ts'
import { ByteWriter } from './byte-writer.ts'
import { compactSizeLength } from './compact-size.ts'
import { sha256 } from './sha256.ts'
import { requireTxid } from './txid.ts'
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
  const sizeBytes =
    requireTxid(previousTxid, 'previousTxid').byteLength +
    compactSizeLength(requireUint32(vout, 'vout')) +
    lockingScript.byteLength +
    compactSizeLength(requireUint64(satoshis, 'satoshis'))
  return sha256(
    new ByteWriter(sizeBytes)
      .bytes(previousTxid)
      .compactSize(vout)
      .bytes(lockingScript)
      .compactSize(satoshis)
      .finish(),
  )
}
