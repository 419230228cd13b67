import { randomBytes } from 'node:crypto'
import { InvalidArgumentError, StoreError } from '../errors/index.ts'
import { EntryRing } from './entry-ring.ts'

const MEGABYTE = 1_048_576
/** Small enough that dropping what is in the way of one entry takes no time, large enough for any value. */
const BUCKET_BYTES = MEGABYTE
/** A small cache is divided further, so that its contents go piece by piece, too. */
const BUCKETS_MIN = 8
/** A larger value is refused (semantics 9.1.1). */
export const VALUE_BYTES_MAX = 2_048
const TXID_BYTES = 32
const TXID_WORDS = 8
const HEIGHT_MAX = 2 ** 32 - 1

export interface FlatCacheStatistics {
  readonly entries: number
  readonly hits: number
  readonly misses: number
  /** Entries dropped for newer ones. */
  readonly evicted: number
}

/**
 * Byte values by txid within a fixed amount of memory outside the garbage-collected heap; the oldest go first.
 * It is divided into buckets by a hash of the txid. The hash has a random seed, since whoever makes transactions
 * chooses their txids and could send all of them to one bucket.
 */
export class FlatCache {
  readonly #buckets: EntryRing[]
  readonly #seeds = new Uint32Array(randomBytes(8).buffer.slice(0, 8))
  /** The txid of the call in progress; calls do not overlap, so that one is enough. */
  readonly #key: { words: Uint32Array; hash: number } = { words: new Uint32Array(TXID_WORDS), hash: 0 }
  readonly #keyBytes = new Uint8Array(this.#key.words.buffer)
  #hits = 0
  #misses = 0

  /** Takes `megabytes` of memory, at once. Throws `INVALID_ARGUMENT` for anything but a positive number. */
  constructor(megabytes: number) {
    if (!(Number.isFinite(megabytes) && megabytes > 0))
      throw new InvalidArgumentError('megabytes', 'a positive number', megabytes)
    const bytes = megabytes * MEGABYTE
    const count = Math.max(BUCKETS_MIN, Math.ceil(bytes / BUCKET_BYTES))
    const hashWords = (words: Uint32Array, at: number): number => this.#hashWords(words, at)
    this.#buckets = Array.from({ length: count }, () => new EntryRing(bytes / count, hashWords))
  }

  /**
   * Stores a copy of the value under the txid (32 bytes), as seen at `height`. Throws `PROCESSING` for a value
   * that is too large, and then keeps no older one either.
   */
  set(txid: Uint8Array, value: Uint8Array, height: number): void {
    this.#checkHeight(height)
    const bucket = this.#bucketOf(txid)
    if (value.byteLength <= VALUE_BYTES_MAX && bucket.set(this.#key, value, height)) return
    bucket.delete(this.#key)
    throw new StoreError('PROCESSING', `a value of ${value.byteLength} bytes is too large for the cache`)
  }

  /** A copy of the value, or undefined where there is none or it was stored below `heightMin`. */
  get(txid: Uint8Array, heightMin = 0): Uint8Array | undefined {
    const value = this.#bucketOf(txid).get(this.#key, heightMin)
    if (value === undefined) this.#misses += 1
    else this.#hits += 1
    return value
  }

  /** Whether there was one. */
  delete(txid: Uint8Array): boolean {
    return this.#bucketOf(txid).delete(this.#key)
  }

  clear(): void {
    for (const bucket of this.#buckets) bucket.clear()
  }

  get statistics(): FlatCacheStatistics {
    let entries = 0
    let evicted = 0
    for (const bucket of this.#buckets) {
      entries += bucket.entries
      evicted += bucket.evicted
    }
    return { entries, hits: this.#hits, misses: this.#misses, evicted }
  }

  /** Puts the txid into the key of this call, and returns its bucket. */
  #bucketOf(txid: Uint8Array): EntryRing {
    if (!(txid instanceof Uint8Array) || txid.byteLength !== TXID_BYTES)
      throw new InvalidArgumentError('txid', `${TXID_BYTES} bytes`, txid)
    this.#keyBytes.set(txid)
    const hash = this.#hashWords(this.#key.words, 0)
    this.#key.hash = hash
    // By other bits than those that the index of the bucket begins with.
    return this.#buckets[(Math.imul(hash, 0x9e3779b1) >>> 0) % this.#buckets.length] as EntryRing
  }

  #hashWords(words: Uint32Array, at: number): number {
    const seed = this.#seeds[0] as number
    let hash = this.#seeds[1] as number
    for (let i = 0; i < TXID_WORDS; i++) {
      hash = Math.imul(hash ^ (words[at + i] as number) ^ seed, 0x85ebca6b)
      hash ^= hash >>> 15
    }
    return hash >>> 0
  }

  #checkHeight(height: number): void {
    if (!Number.isInteger(height) || height < 0 || height > HEIGHT_MAX)
      throw new InvalidArgumentError('height', `a block height from 0 to ${HEIGHT_MAX}`, height)
  }
}
