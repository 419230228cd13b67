import {
  extendTransaction,
  StoreError,
  type Transaction,
  type TransactionOutput,
  txidKey,
  txidToHex,
  type UtxoStore,
} from '../../index.ts'

type Outputs = readonly (TransactionOutput | null)[]

/**
 * Gives a block's transactions what their inputs spend: from the block itself, or from the store, which is
 * asked once for all parents. Transactions with a parent that is in neither are left out; so are those that
 * spend from one that is left out.
 */
export async function extendWithParents(
  store: UtxoStore,
  transactions: readonly Transaction[],
  inBlock: ReadonlyMap<string, Transaction>,
): Promise<{ extended: Transaction[]; missing: string[] }> {
  const before = new Map<string, Uint8Array>()
  for (const tx of transactions) {
    if (tx.isCoinbase) continue
    for (const { previousTxid } of tx.inputs) {
      const key = txidKey(previousTxid)
      if (!inBlock.has(key)) before.set(key, previousTxid)
    }
  }
  const outputs = new Map<string, Outputs>()
  const missing: string[] = []
  for (const { txid, data, error } of await store.batchDecorate([...before.values()], ['outputs'])) {
    if (error?.code === 'TX_NOT_FOUND') missing.push(txidToHex(txid))
    else if (error !== null)
      throw new StoreError(error.code, `reading parent ${txidToHex(txid)}: ${error.message}`, {
        cause: error,
      })
    else outputs.set(txidKey(txid), data?.outputs ?? [])
  }
  const extended: Transaction[] = []
  for (const tx of transactions) {
    const whole = tx.isCoinbase ? tx : extend(tx, outputs)
    if (whole === undefined) continue
    extended.push(whole)
    outputs.set(txidKey(tx.txid), tx.outputs)
  }
  return { extended, missing }
}

/** Undefined when a parent's output is not known. */
function extend(tx: Transaction, outputs: ReadonlyMap<string, Outputs>): Transaction | undefined {
  const previous: TransactionOutput[] = []
  for (const { previousTxid, previousVout } of tx.inputs) {
    const output = outputs.get(txidKey(previousTxid))?.[previousVout]
    if (output === undefined || output === null) return undefined
    previous.push(output)
  }
  return extendTransaction(tx, previous)
}
