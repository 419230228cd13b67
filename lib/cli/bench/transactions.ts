import { randomBytes } from 'node:crypto'
import {
  encodeExtendedTransaction,
  encodeTransaction,
  extendTransaction,
  parseTransaction,
  type Transaction,
  type TransactionInput,
} from '../../index.ts'

/**
 * The transactions of one round, parsed, each of one input and two outputs. Their txids are not hashed yet, so
 * that the hash counts where the store needs it. Spenders spend output 0 of the parent at their place.
 */
export interface RoundTransactions {
  /** Extended transactions. */
  readonly parents: readonly Transaction[]
  /** The parents' txids. */
  readonly txids: readonly Uint8Array[]
  /** Extended, so that they can be spent at once. */
  readonly spenders: readonly Transaction[]
  /** The same transactions without what they spend. */
  readonly undecoratedSpenders: readonly Transaction[]
  /** They spend output 1 of the parent at their place, and are without it, as a block holds them. */
  readonly blockTransactions: readonly Transaction[]
}

/** Pay-to-public-key-hash, the usual locking script. */
const LOCKING_SCRIPT = Buffer.from(`76a914${'00'.repeat(20)}88ac`, 'hex')
/** A signature and a public key. */
const UNLOCKING_SCRIPT_BYTES = 107
const OUTPUT = { satoshis: 1_000n, lockingScript: LOCKING_SCRIPT }
const OUTPUTS = 2

/** What all parents spend; nobody stores it. */
const FUNDING = transaction({ previousTxid: new Uint8Array(32), previousVout: 0xffffffff })

/** Makes the transactions of one round, each with a txid that no other has. */
export function roundTransactions(count: number): RoundTransactions {
  const hashed = Array.from({ length: count }, () =>
    extended(transaction({ previousTxid: FUNDING.txid, previousVout: 0 }), FUNDING),
  )
  const txids = hashed.map(({ txid }) => txid)
  const undecoratedSpenders = txids.map(txid => transaction({ previousTxid: txid, previousVout: 0 }))
  return {
    parents: hashed.map(tx => parseTransaction(encodeExtendedTransaction(tx))),
    txids,
    spenders: undecoratedSpenders.map((tx, index) => extended(tx, hashed[index] ?? FUNDING)),
    undecoratedSpenders,
    blockTransactions: txids.map(txid => transaction({ previousTxid: txid, previousVout: 1 })),
  }
}

function transaction(outpoint: Pick<TransactionInput, 'previousTxid' | 'previousVout'>): Transaction {
  const input = {
    ...outpoint,
    unlockingScript: randomBytes(UNLOCKING_SCRIPT_BYTES),
    sequence: 0xffffffff,
    previousSatoshis: undefined,
    previousLockingScript: undefined,
  }
  const outputs = Array.from({ length: OUTPUTS }, () => OUTPUT)
  return parseTransaction(encodeTransaction({ version: 1, locktime: 0, inputs: [input], outputs }))
}

/** All outputs are alike, whichever is spent. */
function extended(tx: Transaction, { outputs: [output] }: Transaction): Transaction {
  return output === undefined ? tx : extendTransaction(tx, [output])
}
