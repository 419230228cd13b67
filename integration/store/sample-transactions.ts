import { randomBytes } from 'node:crypto'
import {
  encodeTransaction,
  extendTransaction,
  parseTransaction,
  type Transaction,
} from 'aerospike-utxo-store'

/** Anyone can spend: what a script says is no matter of the store. */
export const LOCKING_SCRIPT = Uint8Array.of(0x51)

/** A coinbase transaction of its own: random bytes in its script make every txid different. */
export function coinbase({
  outputs = 1,
  satoshis = 5_000_000_000n,
}: {
  outputs?: number
  satoshis?: bigint
} = {}): Transaction {
  return parseTransaction(
    encodeTransaction({
      version: 1,
      locktime: 0,
      inputs: [
        {
          previousTxid: new Uint8Array(32),
          previousVout: 0xffffffff,
          unlockingScript: randomBytes(16),
          sequence: 0xffffffff,
          previousSatoshis: undefined,
          previousLockingScript: undefined,
        },
      ],
      outputs: Array.from({ length: outputs }, () => ({ satoshis, lockingScript: LOCKING_SCRIPT })),
    }),
  )
}

export interface SpentOutput {
  readonly tx: Transaction
  readonly vout: number
}

/** A transaction that spends outputs of others, extended with what it spends. `salt` tells rivals apart. */
export function spending(
  spent: readonly SpentOutput[],
  { outputs = 1, salt = randomBytes(4) }: { outputs?: number; salt?: Uint8Array } = {},
): Transaction {
  const plain = parseTransaction(
    encodeTransaction({
      version: 1,
      locktime: 0,
      inputs: spent.map(({ tx, vout }) => ({
        previousTxid: tx.txid,
        previousVout: vout,
        unlockingScript: salt,
        sequence: 0xffffffff,
        previousSatoshis: undefined,
        previousLockingScript: undefined,
      })),
      outputs: Array.from({ length: outputs }, () => ({ satoshis: 1_000n, lockingScript: LOCKING_SCRIPT })),
    }),
  )
  return extendTransaction(
    plain,
    spent.map(({ tx, vout }) => {
      const output = tx.outputs[vout]
      if (output === undefined) throw new Error(`no output ${vout}`)
      return output
    }),
  )
}
