/** A signal that a UDF gave for a record of a transaction with pages (semantics 2.1, 3.11). */
export interface RecordSignal {
  readonly txid: Uint8Array
  /**
   * That of a call that changed nothing tells how the record stands, and ends in `_STANDS`
   * (lua/utxo/delete_at_height.lua).
   */
  readonly signal: string
  /** The record's number, where it may be a page. */
  readonly page?: number
  /** Pages of the transaction, where the record is its master. */
  readonly childCount: number
  /** The height that the UDF was called with. */
  readonly height: number
}
