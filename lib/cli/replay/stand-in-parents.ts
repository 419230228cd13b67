import { type Block, type Transaction, txidKey } from '../../index.ts'

/** Outputs that a parent before the files has to have, by output index. */
export interface StandInParent {
  readonly txid: Uint8Array
  readonly outputs: Map<number, { satoshis: bigint; lockingScript: Uint8Array }>
}

/** Anyone-can-spend, the shortest locking script that a stand-in can have. */
const OP_TRUE = Uint8Array.of(0x51)

/**
 * The parents that blocks spend from without holding them. What a real parent's outputs paid is not in the
 * blocks, so a stand-in pays the spender's outputs evenly over its inputs, rounded up: no fee is negative.
 * All files are looked at before the first is replayed, because a stand-in cannot be extended later.
 */
export function standInParents(blocks: Iterable<Block>): StandInParent[] {
  const inFiles = new Set<string>()
  const parents = new Map<string, StandInParent>()
  for (const block of blocks) {
    for (const tx of block.transactions) {
      if (!tx.isCoinbase) addParents(parents, tx)
      inFiles.add(txidKey(tx.txid))
    }
  }
  return [...parents].flatMap(([key, parent]) => (inFiles.has(key) ? [] : [parent]))
}

function addParents(parents: Map<string, StandInParent>, tx: Transaction): void {
  const paid = tx.outputs.reduce((sum, output) => sum + output.satoshis, 0n)
  const inputs = BigInt(tx.inputs.length)
  const satoshis = (paid + inputs - 1n) / inputs
  for (const { previousTxid, previousVout } of tx.inputs) {
    const key = txidKey(previousTxid)
    let parent = parents.get(key)
    if (parent === undefined) {
      parent = { txid: previousTxid, outputs: new Map() }
      parents.set(key, parent)
    }
    parent.outputs.set(previousVout, { satoshis, lockingScript: OP_TRUE })
  }
}
