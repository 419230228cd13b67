/** A value as the wire protocol carries it: the particle type and its wire bytes (protocol 3.4). */
export interface Particle {
  readonly type: number
  readonly value: Uint8Array
}

/** The record a function is called with, as it is before the call. */
export interface UdfRecord {
  /** False for a missing record: the function runs all the same, with an empty record. */
  readonly exists: boolean
  /** 20 bytes, RIPEMD-160 of set and key. */
  readonly digest: Uint8Array
  /** The set the record is (or would be) in. */
  readonly setName: string | undefined
  /** The key stored with the record, not the key of the request. */
  readonly userKey: Particle | undefined
  readonly generation: number
  /** Seconds since 2010-01-01T00:00:00Z; 0 = never expires. */
  readonly voidTimeSeconds: number
  /** Seconds left to live; 0 = never expires. */
  readonly ttlSeconds: number
  /** Milliseconds since 2010-01-01T00:00:00Z. */
  readonly lastUpdateMs: number
  /** Stored size, what `record.size` answers. */
  readonly sizeBytes: number
  readonly bins: ReadonlyMap<string, Particle>
}

/** What the record has to become after the call (semantics of the commit: protocol 7.6). */
export type UdfChange =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'write'
      /** The complete set of bins after the call, never empty. */
      readonly bins: ReadonlyMap<string, Particle>
      /** True when the record was missing before the call. */
      readonly created: boolean
      /**
       * The argument of `record.set_ttl`, else undefined: the request's record_ttl applies. Seconds up to ten years;
       * 0 the default of the namespace, -1 never expires, -2 keeps the void time.
       */
      readonly ttlSeconds: number | undefined
      /** True when `record.drop_key` was called: the stored user key is forgotten. */
      readonly dropKey: boolean
    }
  | { readonly kind: 'remove' }

/** How a call ended. */
export type UdfOutcome =
  /** The function returned: answer result code 0 with `value` in the op SUCCESS, and apply `change`. */
  | { readonly kind: 'success'; readonly value: Particle; readonly change: UdfChange }
  /** Lua failed: answer result code 100 with `message` in the op FAILURE, and change nothing. */
  | { readonly kind: 'failure'; readonly message: string }
  /** The call cannot be committed: answer `resultCode` without an op, and change nothing. */
  | { readonly kind: 'refused'; readonly resultCode: number }

/** How an aggregation ended: one value for each message to the client, or the text for the op FAILURE. */
export type AggregateOutcome =
  | { readonly kind: 'success'; readonly values: readonly Particle[] }
  | { readonly kind: 'failure'; readonly message: string }
