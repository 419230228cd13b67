import { TXID_BYTES, toTxid } from '../bitcoin/index.ts'
import { InvalidArgumentError } from '../errors/index.ts'
import type { TxidInput } from './arguments.ts'
import type { Sliceable } from './dispatch/map-chunks.ts'

/**
 * A caller's list of txids, checked and copied, so that the caller may use its buffers again: 32 bytes for each,
 * where a million arrays would take ten times as much.
 */
export class TxidList implements Sliceable<Uint8Array> {
  readonly length: number
  readonly #bytes: Buffer

  /** @throws InvalidArgumentError naming the first entry that is no txid */
  constructor(txids: readonly TxidInput[]) {
    if (!Array.isArray(txids)) throw new InvalidArgumentError('txids', 'an array', txids)
    this.length = txids.length
    this.#bytes = Buffer.allocUnsafeSlow(txids.length * TXID_BYTES)
    for (const [index, txid] of txids.entries()) {
      this.#bytes.set(toTxid(txid, `txids[${index}]`), index * TXID_BYTES)
    }
  }

  /** Fresh bytes, which hold no more of the list alive than the slice. */
  slice(from: number, to: number): Uint8Array[] {
    const bytes = new Uint8Array(this.#bytes.subarray(from * TXID_BYTES, to * TXID_BYTES))
    const txids: Uint8Array[] = []
    for (let at = 0; at < bytes.length; at += TXID_BYTES) txids.push(bytes.subarray(at, at + TXID_BYTES))
    return txids
  }
}
