/** A signal that a UDF gave for a record of a transaction with pages (semantics 2.1, 3.11). */
export interface RecordSignal {
  readonly txid: Uint8Array
  readonly signal: string
  /** Pages of the transaction, where the record is its master. */
  readonly childCount: number
  /** The height that the UDF was called with. */
  readonly height: number
}
