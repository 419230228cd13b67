import { InvalidArgumentError } from '../errors/index.ts'
import type { Block } from './block.ts'
import { doubleSha256 } from './sha256.ts'
import { requireTxid, TXID_BYTES } from './txid.ts'

/**
 * The root of a block's Merkle tree over its txids: each node is the double SHA-256 of its two children, and a
 * node without a sibling is paired with itself.
 *
 * @param txids in the order of the block, 32 bytes each, internal order; at least one
 * @returns 32 bytes, internal order
 */
export function merkleRoot(txids: readonly Uint8Array[]): Uint8Array {
  return reduceToRoot(txids).root
}

/**
 * Whether a block holds the transactions that its header commits to. False also for a block that repeats
 * transactions at its end such that the root stays the same (CVE-2012-2459): it is a forgery of the real one.
 */
export function hasValidMerkleRoot({ header, transactions }: Block): boolean {
  if (transactions.length === 0) return false
  const { root, repeats } = reduceToRoot(transactions.map(tx => tx.txid))
  return !repeats && Buffer.compare(root, header.merkleRoot) === 0
}

function reduceToRoot(txids: readonly Uint8Array[]): { root: Uint8Array; repeats: boolean } {
  if (txids.length === 0) throw new InvalidArgumentError('txids', 'at least one txid', txids)
  let level = Buffer.concat(txids.map((txid, index) => requireTxid(txid, `txids[${index}]`)))
  let repeats = false
  while (level.byteLength > TXID_BYTES) {
    const above = Buffer.allocUnsafe(Math.ceil(level.byteLength / (2 * TXID_BYTES)) * TXID_BYTES)
    for (let from = 0; from < level.byteLength; from += 2 * TXID_BYTES) {
      const left = level.subarray(from, from + TXID_BYTES)
      const right = level.subarray(from + TXID_BYTES, from + 2 * TXID_BYTES)
      if (right.equals(left)) repeats = true
      const sibling = right.byteLength === 0 ? left : right
      above.set(doubleSha256(Buffer.concat([left, sibling])), from / 2)
    }
    level = above
  }
  return { root: new Uint8Array(level), repeats }
}
