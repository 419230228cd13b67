/**
 * What a blob holds: `tx` the whole transaction in extended format, `outputs` only some of its outputs
 * (semantics 1.8).
 */
export type BlobType = 'tx' | 'outputs'

export interface ExternalCallOptions {
  /**
   * Fires when nobody waits for the call any more. It should then end soon, in whatever way, and let go of what it
   * holds; what it has sent may still take effect, but it must not replace a body that came meanwhile.
   */
  readonly signal?: AbortSignal | undefined
}

/**
 * Keeps the bodies of transactions that are too large for a record. Names are display-hex txids and types, so
 * that a body never changes; every failure is a `StoreError`, `STORAGE_ERROR` where the body is damaged. Calls need
 * no bounds of their own: the store that uses them gives up what takes too long.
 */
export interface ExternalStore {
  /** Publishes a body whole or not at all. A body that is there already is success and stays as it is. */
  set(txid: string, type: BlobType, body: Uint8Array, options?: ExternalCallOptions): Promise<void>
  /** The body, or undefined where there is none. */
  get(txid: string, type: BlobType, options?: ExternalCallOptions): Promise<Uint8Array | undefined>
  /**
   * The body in pieces, for readers that need only its beginning: what is not read is not fetched. Yields
   * nothing where there is none.
   */
  stream(txid: string, type: BlobType, options?: ExternalCallOptions): AsyncIterable<Uint8Array>
  /** Removes a body; a missing one is fine. */
  delete(txid: string, type: BlobType, options?: ExternalCallOptions): Promise<void>
  /** Releases connections, and waits for nothing. Bodies stay. */
  close(): Promise<void>
}
