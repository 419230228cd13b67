import { randomBytes } from 'node:crypto'
import { InvalidArgumentError, StoreError } from '../errors/index.ts'
import { type EntryKey, EntryRing } from './entry-ring.ts'
import { ValuePool } from './value-pool.ts'

const MEGABYTE = 1_048_576
/** Small enough that dropping what is in the way of one entry takes no time, large enough for any value. */
const BUCKET_BYTES = MEGABYTE
/** A small cache is divided further, so that its contents go piece by piece, too. */
const BUCKETS_MIN = 8
/** Buckets share buffers, so that the collector knows of a few only; the size of one is limited by the engine. */
const SLAB_BUCKETS = 512
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

/** A txid that is looked up, and where. Made once and used again: calls do not overlap. */
interface LookUp extends EntryKey {
  hash: number
  bucket: EntryRing
}

/**
 * Byte values by txid within a fixed amount of memory outside the garbage-collected heap; the oldest go first.
 * It is divided into buckets by a hash of the txid. The hash has a random seed, since whoever makes transactions
 * chooses their txids and could send all of them to one bucket.
 */
export class FlatCache {
  readonly #buckets: EntryRing[]
  readonly #seed = randomBytes(4).readInt32LE()
  readonly #start = randomBytes(4).readInt32LE()
  readonly #lookUp: LookUp
  readonly #pool = new ValuePool(VALUE_BYTES_MAX)
  #clears = 0
  #hits = 0
  #misses = 0

  /** Takes `megabytes` of memory, at once. Throws `INVALID_ARGUMENT` for anything but a positive number. */
  constructor(megabytes: number) {
    if (!(Number.isFinite(megabytes) && megabytes > 0))
      throw new InvalidArgumentError('megabytes', 'a positive number', megabytes)
    const bytes = megabytes * MEGABYTE
    const count = Math.max(BUCKETS_MIN, Math.ceil(bytes / BUCKET_BYTES))
    const hashWords = (words: Int32Array, at: number): number => this.#hashWords(words, at)
    this.#buckets = makeBuckets(count, Math.floor(bytes / count / 4) * 4, hashWords)
    const bucket = this.#buckets[0] as EntryRing // at least BUCKETS_MIN
    this.#lookUp = { words: new Int32Array(TXID_WORDS), hash: 0, bucket }
  }

  /**
   * Stores a copy of the value under the txid (32 bytes), as seen at `height`. Throws `PROCESSING` for a value
   * that is too large, and then keeps no older one either.
   */
  set(txid: Uint8Array, value: Uint8Array, height: number): void {
    this.#checkHeight(height)
    const { bucket } = this.#find(txid)
    if (value.byteLength <= VALUE_BYTES_MAX && bucket.set(this.#lookUp, value, height)) return
    bucket.delete(this.#lookUp)
    throw new StoreError('PROCESSING', `a value of ${value.byteLength} bytes is too large for the cache`)
  }

  /** A copy of the value, or undefined where there is none or it was stored below `heightMin`. */
  get(txid: Uint8Array, heightMin = 0): Uint8Array | undefined {
    const lookUp = this.#find(txid)
    const pool = this.#pool
    const length = lookUp.bucket.copyTo(lookUp, heightMin, pool.words, pool.at)
    if (length === -1) {
      this.#misses += 1
      return undefined
    }
    this.#hits += 1
    return pool.take(length)
  }

  /** Whether there was one. */
  delete(txid: Uint8Array): boolean {
    return this.#find(txid).bucket.delete(this.#lookUp)
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

  /** The look-up of this call. */
  #find(txid: Uint8Array): LookUp {
    if (!(txid instanceof Uint8Array) || txid.byteLength !== TXID_BYTES)
      throw new InvalidArgumentError('txid', `${TXID_BYTES} bytes`, txid)
    const lookUp = this.#lookUp
    const { words } = lookUp
    for (let word = 0, at = 0; word < TXID_WORDS; word++, at += 4) words[word] = wordAt(txid, at)
    const hash = this.#hashWords(words, 0)
    lookUp.hash = hash
    // By other bits than those that the index of the bucket begins with.
    const bucket = this.#buckets[(Math.imul(hash, 0x9e3779b1) >>> 0) % this.#buckets.length] as EntryRing
    if (bucket.clears !== this.#clears) bucket.clear(this.#clears)
    lookUp.bucket = bucket
    return lookUp
  }

  #hashWords(words: Int32Array, at: number): number {
    const seed = this.#seed
    let hash = this.#start
    for (let i = 0; i < TXID_WORDS; i++) {
      hash = Math.imul(hash ^ (words[at + i] as number) ^ seed, 0x85ebca6b)
      hash ^= hash >>> 15
    }
    return hash
  }

  #checkHeight(height: number): void {
    if (!Number.isInteger(height) || height < 0 || height > HEIGHT_MAX)
      throw new InvalidArgumentError('height', `a block height from 0 to ${HEIGHT_MAX}`, height)
  }
}

function makeBuckets(
  count: number,
  bytes: number,
  hashWords: (words: Int32Array, at: number) => number,
): EntryRing[] {
  const buckets: EntryRing[] = []
  while (buckets.length < count) {
    const ofSlab = Math.min(SLAB_BUCKETS, count - buckets.length)
    const slab = new ArrayBuffer(ofSlab * bytes)
    for (let i = 0; i < ofSlab; i++) buckets.push(new EntryRing(slab, i * bytes, bytes, hashWords))
  }
  return buckets
}

/** Four bytes as a word, whatever the alignment. */
function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  )
}
