/** A value as the wire protocol carries it: the particle type and its wire bytes (protocol 3.4). */
export interface Particle {
  readonly type: number
  readonly value: Uint8Array
}

/** A bin; its name has one character per byte (latin1), as names in storage do. */
export interface NamedParticle extends Particle {
  readonly name: string
}

/** The record a function is called with, as it is before the call. */
export interface UdfRecord {
  /** False for a missing record: the function runs all the same, with an empty record. */
  readonly exists: boolean
  /** 20 bytes, RIPEMD-160 of set and key. */
  readonly digest: Uint8Array
  /** The set the record is (or would be) in, one character per byte. */
  readonly setName: string | undefined
  /** The key stored with the record, else the key of the request. */
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
  /** In the layout in which records are kept, that of a reply's operations (protocol 3.3). */
  readonly bins: Buffer
  readonly binCount: number
}

/** What the record has to become after the call (semantics of the commit: protocol 7.6). */
export type UdfChange =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'write'
      /** False when the function removed the record before it wrote: none of the bins it had is left. */
      readonly keepsBins: boolean
      /**
       * The name of each bin that came or went, in order. A bin that is there goes, and the last one takes its place;
       * one that is not comes, to the end.
       */
      readonly comingsAndGoings: readonly string[]
      /** The bins that are not as they were, after all of them came and went. */
      readonly changed: readonly NamedParticle[]
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
