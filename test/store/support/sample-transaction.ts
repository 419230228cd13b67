import {
  encodeTransaction,
  parseTransaction,
  type Transaction,
  type TransactionInput,
} from '../../../lib/bitcoin/index.ts'

const COINBASE: Pick<TransactionInput, 'previousTxid' | 'previousVout'> = {
  previousTxid: new Uint8Array(32),
  previousVout: 0xffffffff,
}

/** A transaction that spends the given outpoints, or a coinbase; `mark` makes its txid its own. */
export function sampleTransaction({
  mark = 1,
  outputs = 1,
  spends = [],
}: {
  mark?: number
  outputs?: number
  spends?: readonly { readonly txid: Uint8Array; readonly vout: number }[]
} = {}): Transaction {
  const outpoints =
    spends.length === 0
      ? [COINBASE]
      : spends.map(({ txid, vout }) => ({ previousTxid: txid, previousVout: vout }))
  return parseTransaction(
    encodeTransaction({
      version: 1,
      locktime: 0,
      inputs: outpoints.map(outpoint => ({
        ...outpoint,
        unlockingScript: Uint8Array.of(mark),
        sequence: 0,
        previousSatoshis: undefined,
        previousLockingScript: undefined,
      })),
      outputs: Array.from({ length: outputs }, () => ({ satoshis: 1n, lockingScript: Uint8Array.of(0x51) })),
    }),
  )
}
