import {
  extendTransaction,
  StoreError,
  type Transaction,
  type TransactionOutput,
  txidKey,
  txidToHex,
  type UtxoStore,
} from '../../index.ts'

/** Parents that are read at a time: one may have a million outputs. */
const PARENTS_AT_A_TIME = 1_024

/** Outputs that are wanted of a parent, found or not yet. */
interface Parent {
  readonly txid: Uint8Array
  readonly outputs: Map<number, TransactionOutput | undefined>
}

export interface ExtendedTransactions {
  readonly extended: readonly Transaction[]
  /** Keys of the parents that are not in the store. */
  readonly missing: readonly string[]
  /** Keys of parents in the store that are of the same block. */
  readonly ofBlock: ReadonlySet<string>
}

/**
 * Gives transactions of a block what their inputs spend: from one another, or from the store, which has those of
 * the block that came before. Transactions with a parent that is in neither are left out; so are those that spend
 * from one that is left out.
 */
export async function extendWithParents(
  store: UtxoStore,
  transactions: readonly Transaction[],
  among: ReadonlyMap<string, Transaction>,
  blockId: number,
): Promise<ExtendedTransactions> {
  const parents = new Map<string, Parent>()
  for (const tx of transactions) if (!tx.isCoinbase) collectParents(tx, among, parents)
  const { missing, ofBlock } = await readParents(store, [...parents.values()], blockId)
  const extended: Transaction[] = []
  const kept = new Map<string, Transaction>()
  for (const tx of transactions) {
    const whole = tx.isCoinbase ? tx : extend(tx, parents, kept)
    if (whole === undefined) continue
    extended.push(whole)
    kept.set(txidKey(tx.txid), tx)
  }
  return { extended, missing, ofBlock }
}

function collectParents(
  tx: Transaction,
  among: ReadonlyMap<string, Transaction>,
  parents: Map<string, Parent>,
): void {
  for (const { previousTxid, previousVout } of tx.inputs) {
    const key = txidKey(previousTxid)
    if (among.has(key)) continue
    const parent = parents.get(key)
    if (parent === undefined)
      parents.set(key, { txid: previousTxid, outputs: new Map([[previousVout, undefined]]) })
    else parent.outputs.set(previousVout, undefined)
  }
}

/** Fills in the outputs that are wanted, and lets the rest of each parent go. */
async function readParents(
  store: UtxoStore,
  parents: readonly Parent[],
  blockId: number,
): Promise<{ missing: string[]; ofBlock: Set<string> }> {
  const missing: string[] = []
  const ofBlock = new Set<string>()
  for (let first = 0; first < parents.length; first += PARENTS_AT_A_TIME) {
    const some = parents.slice(first, first + PARENTS_AT_A_TIME)
    const found = await store.batchDecorate(
      some.map(({ txid }) => txid),
      ['outputs', 'blockIds'],
    )
    for (const [index, { txid, outputs }] of some.entries()) {
      const { data, error } = found[index] ?? {}
      if (error?.code === 'TX_NOT_FOUND') missing.push(txidKey(txid))
      else if (error) {
        throw new StoreError(error.code, `reading parent ${txidToHex(txid)}: ${error.message}`, {
          cause: error,
        })
      }
      for (const vout of outputs.keys()) outputs.set(vout, data?.outputs?.[vout] ?? undefined)
      if (data?.blockIds?.includes(blockId)) ofBlock.add(txidKey(txid))
    }
  }
  return { missing, ofBlock }
}

/** Undefined when a parent's output is not known. */
function extend(
  tx: Transaction,
  parents: ReadonlyMap<string, Parent>,
  kept: ReadonlyMap<string, Transaction>,
): Transaction | undefined {
  const previous: TransactionOutput[] = []
  for (const { previousTxid, previousVout } of tx.inputs) {
    const key = txidKey(previousTxid)
    const output = kept.get(key)?.outputs[previousVout] ?? parents.get(key)?.outputs.get(previousVout)
    if (output === undefined) return undefined
    previous.push(output)
  }
  return extendTransaction(tx, previous)
}
