/** One output of a transaction. */
export interface TransactionOutput {
  /** The value: 0 … 2^64 − 1. */
  readonly satoshis: bigint
  readonly lockingScript: Uint8Array
}

/** One input of a transaction, with what it spends where that is known. */
export interface TransactionInput {
  /** The transaction whose output is spent: 32 bytes, internal order. */
  readonly previousTxid: Uint8Array
  /** The index of that output. */
  readonly previousVout: number
  readonly unlockingScript: Uint8Array
  readonly sequence: number
  /** The value of the output that is spent; undefined where it is not known. */
  readonly previousSatoshis: bigint | undefined
  /** The script of the output that is spent; undefined where it is not known. */
  readonly previousLockingScript: Uint8Array | undefined
}

/**
 * A transaction. Scripts and txids of a parsed one are views into the bytes it was parsed from: keep those
 * bytes unchanged while the transaction is in use.
 */
export interface Transaction {
  /** 32 bytes, internal order; hashed at the first use and then kept. */
  readonly txid: Uint8Array
  /** The four version bytes as an unsigned integer. */
  readonly version: number
  readonly locktime: number
  readonly inputs: readonly TransactionInput[]
  readonly outputs: readonly TransactionOutput[]
  /** There is one input, and it spends the null outpoint (32 zero bytes, index 2^32 − 1). */
  readonly isCoinbase: boolean
  /** There are inputs, and each carries the value and the script of what it spends. */
  readonly isExtended: boolean
  /** Length of the standard encoding, whose hash is the txid. */
  readonly sizeBytes: number
  /** Length of the extended encoding; an input that does not carry what it spends adds 9 bytes (semantics 1.6). */
  readonly extendedSizeBytes: number
}

/** What a transaction consists of; everything else follows from it. */
export type TransactionParts = Pick<Transaction, 'version' | 'locktime' | 'inputs' | 'outputs'>
