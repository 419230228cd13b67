import type { TransactionParts } from '../bitcoin/index.ts'

/** What a store answers for one txid. */
export interface ReadTransaction {
  readonly data: { readonly tx?: TransactionParts } | null
  readonly error: Error | null
}

/** The part of a store that data files are built from; `UtxoStore` is one. */
export interface TransactionSource {
  /** One answer for each txid, in order. */
  batchDecorate(txids: readonly Uint8Array[], fields: readonly ['tx']): Promise<ReadTransaction[]>
  /** Of a store that has any. */
  readonly settings?: { readonly assetConcurrencySubtreeDataCreate: number }
}
