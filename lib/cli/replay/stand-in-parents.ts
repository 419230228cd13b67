import { type Transaction, type TransactionOutput, txidKey } from '../../index.ts'

/** Outputs that a parent before the files has to have, by output index. */
export interface StandInParent {
  readonly txid: Uint8Array
  readonly outputs: Map<number, TransactionOutput>
}

/** Anyone-can-spend, the shortest locking script that a stand-in can have. */
const OP_TRUE = Uint8Array.of(0x51)

/** Transactions of the files for which one pass collects parents; each takes some hundred bytes. */
const TRANSACTIONS_PER_PASS = 1_000_000

/** Txids are hashes, so that a share of their first bytes is a share of the transactions. */
const FIRST_BYTES = 256

/**
 * The parents that blocks spend from without holding them. What a real parent's outputs paid is not in the
 * blocks, so a stand-in pays the spender's outputs evenly over its inputs, rounded up: no fee is negative.
 * All files are looked at before the first is replayed, because a stand-in cannot be extended later; and they are
 * looked at several times, each time for a share of the parents, where one time would take too much memory.
 *
 * @param transactions reads all files from the start
 * @param transactionCount how many they are, as far as known
 */
export async function* standInParents(
  transactions: () => AsyncIterable<Transaction>,
  transactionCount: number,
): AsyncGenerator<StandInParent[], void, undefined> {
  const passes = Math.min(FIRST_BYTES, Math.max(1, Math.ceil(transactionCount / TRANSACTIONS_PER_PASS)))
  const share = Math.ceil(FIRST_BYTES / passes)
  for (let from = 0; from < FIRST_BYTES; from += share) {
    const isOfShare = ([first = 0]: Uint8Array): boolean => first >= from && first < from + share
    yield await parentsOfShare(transactions(), isOfShare)
  }
}

async function parentsOfShare(
  transactions: AsyncIterable<Transaction>,
  isOfShare: (txid: Uint8Array) => boolean,
): Promise<StandInParent[]> {
  const inFiles = new Set<string>()
  const parents = new Map<string, StandInParent>()
  for await (const tx of transactions) {
    if (!tx.isCoinbase) addParents(parents, tx, isOfShare)
    if (isOfShare(tx.txid)) inFiles.add(txidKey(tx.txid))
  }
  return [...parents].flatMap(([key, parent]) => (inFiles.has(key) ? [] : [parent]))
}

function addParents(
  parents: Map<string, StandInParent>,
  tx: Transaction,
  isOfShare: (txid: Uint8Array) => boolean,
): void {
  const paid = tx.outputs.reduce((sum, output) => sum + output.satoshis, 0n)
  const inputs = BigInt(tx.inputs.length)
  const satoshis = (paid + inputs - 1n) / inputs
  for (const { previousTxid, previousVout } of tx.inputs) {
    if (!isOfShare(previousTxid)) continue
    const key = txidKey(previousTxid)
    let parent = parents.get(key)
    if (parent === undefined) {
      // A copy: a view would hold the piece of the file that it lies in.
      parent = { txid: previousTxid.slice(), outputs: new Map() }
      parents.set(key, parent)
    }
    parent.outputs.set(previousVout, { satoshis, lockingScript: OP_TRUE })
  }
}
