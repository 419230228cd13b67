import { type TransactionInput, txidToHex, utxoHash } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { encodeSpendingData } from '../../../record/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { throwFailures } from '../../store-errors.ts'
import { uniqueTxids } from '../../txids.ts'
import { batchDecorate } from '../reading/batch-decorate.ts'
import { readOutpoints } from '../reading/outpoint-states.ts'
import type { SpentOutput } from '../spending/unspend-rows.ts'

/** A stored transaction with what its inputs spend. */
export interface StoredSpends {
  readonly txid: Uint8Array
  readonly isConflicting: boolean
  /** Pages of its record. */
  readonly pages: number
  /** One for each input, in order; none for a coinbase. The slots need not hold them. */
  readonly spends: readonly SpentOutput[]
  /** Inputs stored without what they spend, of outputs that were given to another owner: their hashes are not known. */
  readonly unproven: readonly SpentOutput[]
  /** The transactions whose outputs it spends, each once. */
  readonly parents: readonly Uint8Array[]
}

const FIELDS = ['inputs', 'isCoinbase', 'conflicting', 'totalExtraRecs'] as const

/**
 * Reads transactions with their inputs as spends; the answers in the order of the txids. A missing or damaged one
 * has its error instead. An input that was stored without the output it spends (`skipExtendedInputs`) takes the
 * utxo hash from that output's slot.
 */
export async function readStoredSpends(
  context: StoreContext,
  txids: readonly Uint8Array[],
  signal: AbortSignal | undefined,
): Promise<(StoredSpends | StoreError)[]> {
  const decorated = await batchDecorate(context, txids, FIELDS, signal)
  const bare = decorated.flatMap(({ data }) =>
    data?.isCoinbase === false ? (data.inputs ?? []).filter(isBare) : [],
  )
  const stored = await storedOutputs(context, bare, signal)
  return decorated.map(({ txid, data, error }) => {
    if (error !== null) return error
    if (data === null) return new StoreError('TX_NOT_FOUND', `${txidToHex(txid)} is no transaction`)
    const inputs = data.isCoinbase === true ? [] : (data.inputs ?? [])
    const spends = inputs.map((input, vin) => ({
      txid: input.previousTxid,
      vout: input.previousVout,
      utxoHash: stored.get(input)?.utxoHash ?? hashOf(input),
      spendingData: encodeSpendingData({ txid, vin }),
    }))
    return {
      txid,
      isConflicting: data.conflicting === true,
      pages: data.totalExtraRecs ?? 0,
      spends,
      unproven: spends.filter((_, vin) => stored.get(inputs[vin])?.isReassigned),
      parents: uniqueTxids(inputs.map(({ previousTxid }) => previousTxid)),
    }
  })
}

/** The transactions, where every one could be read; otherwise throws what failed. */
export function allRead(read: readonly (StoredSpends | StoreError)[]): StoredSpends[] {
  const failures: StoreError[] = []
  const transactions: StoredSpends[] = []
  for (const entry of read) {
    if (entry instanceof StoreError) failures.push(entry)
    else transactions.push(entry)
  }
  throwFailures(failures, read.length, 'transactions could not be read')
  return transactions
}

/** Stored without what it spends: the same bytes as an empty script and no value, which hardly any output has. */
function isBare({ previousLockingScript, previousSatoshis }: TransactionInput): boolean {
  return (previousLockingScript?.length ?? 0) === 0 && (previousSatoshis ?? 0n) === 0n
}

interface StoredOutput {
  readonly utxoHash: Uint8Array
  readonly isReassigned: boolean
}

async function storedOutputs(
  context: StoreContext,
  inputs: readonly TransactionInput[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<TransactionInput | undefined, StoredOutput>> {
  const outpoints = inputs.map(({ previousTxid, previousVout }) => ({
    txid: previousTxid,
    vout: previousVout,
  }))
  const states = outpoints.length === 0 ? [] : await readOutpoints(context, outpoints, signal)
  const outputs = new Map<TransactionInput, StoredOutput>()
  for (const [index, input] of inputs.entries()) {
    const { slot, isReassigned = false } = states[index] ?? {}
    if (slot !== undefined && slot.state !== 'nil')
      outputs.set(input, { utxoHash: slot.utxoHash, isReassigned })
  }
  return outputs
}

function hashOf({
  previousTxid,
  previousVout,
  previousLockingScript,
  previousSatoshis,
}: TransactionInput): Uint8Array {
  return utxoHash(
    previousTxid,
    previousVout,
    previousLockingScript ?? new Uint8Array(),
    previousSatoshis ?? 0n,
  )
}
