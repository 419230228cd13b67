import { InvalidArgumentError } from '../errors/index.ts'
import type { Block } from './block.ts'
import { doubleSha256 } from './sha256.ts'
import { requireTxid } from './txid.ts'

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
  const tree = new MerkleTree()
  for (const [index, txid] of txids.entries()) tree.add(requireTxid(txid, `txids[${index}]`))
  const root = tree.finish()
  if (root === undefined) throw new InvalidArgumentError('txids', 'at least one txid', txids)
  return { root, repeats: tree.repeats }
}

/**
 * A block's Merkle tree of txids that come one after the other; holds one node for each level, so that a block of
 * any size can be proven.
 */
export class MerkleTree {
  /** The left node of each level that waits for its sibling, from the txids up. */
  readonly #waiting: (Uint8Array | undefined)[] = []
  #repeats = false

  /** Two siblings are the same: the block is a forgery, even where the root is right (CVE-2012-2459). */
  get repeats(): boolean {
    return this.#repeats
  }

  /** Adds the next txid, 32 bytes in internal order, which it may keep. */
  add(txid: Uint8Array): void {
    let node = txid
    let level = 0
    for (; ; level++) {
      const left = this.#waiting[level]
      if (left === undefined) break
      node = this.#parent(left, node)
      this.#waiting[level] = undefined
    }
    this.#waiting[level] = node
  }

  /** The root, 32 bytes in internal order; undefined where nothing was added. Nothing can be added afterwards. */
  finish(): Uint8Array | undefined {
    let node: Uint8Array | undefined
    for (const [level, left] of this.#waiting.entries()) {
      if (left !== undefined && node !== undefined) node = this.#parent(left, node)
      else if (left !== undefined) node = level === this.#waiting.length - 1 ? left : hashPair(left, left)
      else if (node !== undefined) node = hashPair(node, node)
    }
    return node === undefined ? undefined : new Uint8Array(node)
  }

  #parent(left: Uint8Array, right: Uint8Array): Uint8Array {
    if (Buffer.compare(left, right) === 0) this.#repeats = true
    return hashPair(left, right)
  }
}

function hashPair(left: Uint8Array, right: Uint8Array): Uint8Array {
  return doubleSha256(Buffer.concat([left, right]))
}
