import { randomBytes } from 'node:crypto'
import { InvalidArgumentError, StoreError } from '../errors/index.ts'
import { type EntryKey, EntryRing } from './entry-ring.ts'
import { ValuePool } from './value-pool.ts'

const MEGABYTE = 1_048_576
/**
 * Few buckets are many entries written side by side, which the processor fetches ahead; but to clear one must take
 * no time.
 */
const BUCKET_BYTES_MAX = 16 * MEGABYTE
/** A small cache is divided further, so that its contents go piece by piece, too. */
const BUCKETS_MIN = 8
/** With less there would be buckets without room for one value of the largest size. */
const MEGABYTES_MIN = 1 / 32
const MEGABYTES_MAX = 2 ** 20
/** A larger value is refused (semantics 9.1.1). */
export const VALUE_BYTES_MAX = 2_048
const TXID_BYTES = 32
const TXID_WORDS = 8
const HASHED_WORDS = 4
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
  /** Odd, and as random as the start of a hash. */
  readonly #multipliers = Int32Array.from({ length: HASHED_WORDS }, () => randomBytes(4).readInt32LE() | 1)
  readonly #start = randomBytes(4).readInt32LE() | 0
  readonly #bucketShift: number
  /** What is looked up, and its bytes. Made once and used again: calls do not overlap. */
  readonly #key = { words: new Int32Array(TXID_WORDS), hash: 0 } satisfies EntryKey
  readonly #keyBytes = new Uint8Array(this.#key.words.buffer)
  readonly #pool = new ValuePool(VALUE_BYTES_MAX)
  #clears = 0
  #hits = 0
  #misses = 0

  /** Takes `megabytes` of memory, at once. Throws `INVALID_ARGUMENT` for anything but 1/32 to 2^20. */
  constructor(megabytes: number) {
    if (!(typeof megabytes === 'number' && megabytes >= MEGABYTES_MIN && megabytes <= MEGABYTES_MAX))
      throw new InvalidArgumentError('megabytes', `from ${MEGABYTES_MIN} to ${MEGABYTES_MAX}`, megabytes)
    const bytes = megabytes * MEGABYTE
    // A power of two, so that some bits of the hash are the number of the bucket.
    const bits = Math.ceil(Math.log2(Math.max(BUCKETS_MIN, bytes / BUCKET_BYTES_MAX)))
    this.#buckets = makeBuckets(2 ** bits, Math.floor(bytes / 2 ** bits / 4) * 4)
    this.#bucketShift = 32 - bits
  }

  /**
   * Stores a copy of the value under the txid (32 bytes), as seen at `height`. Throws `PROCESSING` for a value
   * that is too large, and then keeps no older one either.
   */
  set(txid: Uint8Array, value: Uint8Array, height: number): void {
    this.#checkHeight(height)
    const bucket = this.#bucketOf(txid)
    if (value.length <= VALUE_BYTES_MAX && bucket.set(this.#key, value, height)) return
    bucket.delete(this.#key)
    throw new StoreError('PROCESSING', `a value of ${value.length} bytes is too large for the cache`)
  }

  /** A copy of the value, or undefined where there is none or it was stored below `heightMin`. */
  get(txid: Uint8Array, heightMin = 0): Uint8Array | undefined {
    const bucket = this.#bucketOf(txid)
    const pool = this.#pool
    const length = bucket.copyTo(this.#key, heightMin, pool.words, pool.at)
    if (length === -1) {
      this.#misses += 1
      return undefined
    }
    this.#hits += 1
    return pool.take(length)
  }

  /** Whether there was one. */
  delete(txid: Uint8Array): boolean {
    return this.#bucketOf(txid).delete(this.#key)
  }

  /** Takes no time: each bucket is cleared when it is next used, for the index of a gigabyte is long. */
  clear(): void {
    this.#clears += 1
  }

  get statistics(): FlatCacheStatistics {
    let entries = 0
    let evicted = 0
    for (const bucket of this.#buckets) {
      if (bucket.clears === this.#clears) entries += bucket.entries
      evicted += bucket.evicted
    }
    return { entries, hits: this.#hits, misses: this.#misses, evicted }
  }

  /** Where the txid belongs, which becomes the key of this call. */
  #bucketOf(txid: Uint8Array): EntryRing {
    if (!(txid instanceof Uint8Array) || txid.length !== TXID_BYTES)
      throw new InvalidArgumentError('txid', `${TXID_BYTES} bytes`, txid)
    const key = this.#key
    this.#keyBytes.set(txid)
    const hash = this.#hash(key.words)
    key.hash = hash
    // By the highest bits: the index of the bucket begins with the lowest.
    const bucket = this.#buckets[hash >>> this.#bucketShift] as EntryRing
    if (bucket.clears !== this.#clears) bucket.clear(this.#clears)
    return bucket
  }

  /** Of half of the txid, which is enough: to make many that have it in common is beyond anybody. */
  #hash(words: Int32Array): number {
    const multipliers = this.#multipliers
    const sum =
      Math.imul(words[0] as number, multipliers[0] as number) +
      Math.imul(words[1] as number, multipliers[1] as number) +
      Math.imul(words[2] as number, multipliers[2] as number) +
      Math.imul(words[3] as number, multipliers[3] as number)
    let hash = (sum + this.#start) | 0
    // The lowest bits of a product depend on the lowest of its factors alone.
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b)
    return hash ^ (hash >>> 13)
  }

  #checkHeight(height: number): void {
    if (!Number.isInteger(height) || height < 0 || height > HEIGHT_MAX)
      throw new InvalidArgumentError('height', `a block height from 0 to ${HEIGHT_MAX}`, height)
  }
}

function makeBuckets(count: number, bytes: number): EntryRing[] {
  return Array.from(
    { length: count },
    (_, number) => new EntryRing(new ArrayBuffer(bytes), 0, bytes, number / count),
  )
}
