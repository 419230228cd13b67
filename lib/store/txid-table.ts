import { randomInt } from 'node:crypto'

const TXID_BYTES = 32
const TXID_WORDS = 8
const CAPACITY_MIN = 1024

/** No entry: of a txid that is not in the table, or at the end of a chain. */
export const ABSENT = -1

/**
 * A set of txids in flat buffers, each with a number of its own for as long as it is in. A `Set` of strings makes a
 * string for each txid, and hashes it, for several times the cost; and what stays the garbage collector has to copy.
 * The bytes are copied, so that a number stays true whatever becomes of the caller's array.
 */
export class TxidTable {
  readonly #capacityMin: number
  /** Whoever makes transactions can choose their txids: without a secret, all of them for one chain. */
  readonly #seed = Int32Array.from({ length: TXID_WORDS }, () => randomInt(2 ** 32) | 1)
  #txids: Uint8Array
  #hashes: Int32Array
  /** The first entry of each chain. */
  #heads: Int32Array
  /** The entry behind each in its chain, or behind a free one in the list of those. */
  #next: Int32Array
  #firstFree = ABSENT
  /** Entries from here on have not been used. */
  #unused = 0
  #size = 0

  /** @param capacity txids for which there is room at once, a power of two; the table grows beyond it, and shrinks back */
  constructor(capacity = CAPACITY_MIN) {
    this.#capacityMin = capacity
    this.#txids = new Uint8Array(capacity * TXID_BYTES)
    this.#hashes = new Int32Array(capacity)
    this.#heads = new Int32Array(capacity).fill(ABSENT)
    this.#next = new Int32Array(capacity)
  }

  get size(): number {
    return this.#size
  }

  /**
   * Puts a txid in, unless it is there; `size` tells.
   *
   * @param txid 32 bytes
   * @returns its number, below the most txids there have been at a time since the table was last empty or cleared
   */
  add(txid: Uint8Array): number {
    const hash = this.#hash(txid)
    const known = this.#lookUp(txid, hash)
    if (known !== ABSENT) return known
    if (this.#size === this.#next.length) this.#grow()
    const entry = this.#takeFree()
    this.#txids.set(txid, entry * TXID_BYTES)
    this.#hashes[entry] = hash
    this.#link(entry)
    this.#size += 1
    return entry
  }

  /** The number of a txid, or `ABSENT`. */
  find(txid: Uint8Array): number {
    return this.#lookUp(txid, this.#hash(txid))
  }

  /** @param entry the number of a txid, which may become another's; without one nothing is removed */
  remove(entry: number): void {
    if (!this.#unlink(entry)) return
    this.#next[entry] = this.#firstFree
    this.#firstFree = entry
    this.#size -= 1
    if (this.#size === 0 && this.#next.length > this.#capacityMin) this.#shrink()
  }

  clear(): void {
    this.#heads.fill(ABSENT)
    this.#firstFree = ABSENT
    this.#unused = 0
    this.#size = 0
  }

  #takeFree(): number {
    const entry = this.#firstFree
    if (entry === ABSENT) return this.#unused++
    this.#firstFree = this.#next[entry] ?? ABSENT
    return entry
  }

  #lookUp(txid: Uint8Array, hash: number): number {
    let entry = this.#heads[this.#chainOf(hash)] ?? ABSENT
    while (entry !== ABSENT && !(this.#hashes[entry] === hash && this.#isAt(entry, txid)))
      entry = this.#next[entry] ?? ABSENT
    return entry
  }

  #link(entry: number): void {
    const chain = this.#chainOf(this.#hashes[entry] ?? 0)
    this.#next[entry] = this.#heads[chain] ?? ABSENT
    this.#heads[chain] = entry
  }

  /** Takes an entry out of its chain; false where it is in none. */
  #unlink(entry: number): boolean {
    const chain = this.#chainOf(this.#hashes[entry] ?? 0)
    let before = ABSENT
    let place = this.#heads[chain] ?? ABSENT
    while (place !== ABSENT && place !== entry) {
      before = place
      place = this.#next[place] ?? ABSENT
    }
    if (place === ABSENT) return false
    const behind = this.#next[entry] ?? ABSENT
    if (before === ABSENT) this.#heads[chain] = behind
    else this.#next[before] = behind
    return true
  }

  /** Only where every entry is taken. */
  #grow(): void {
    const taken = this.#next.length
    const txids = new Uint8Array(2 * this.#txids.length)
    txids.set(this.#txids)
    this.#txids = txids
    const hashes = new Int32Array(2 * taken)
    hashes.set(this.#hashes)
    this.#hashes = hashes
    this.#heads = new Int32Array(2 * taken).fill(ABSENT)
    this.#next = new Int32Array(2 * taken)
    for (let entry = 0; entry < taken; entry++) this.#link(entry)
  }

  /** An empty table keeps no room for what a burst needed. */
  #shrink(): void {
    this.#txids = new Uint8Array(this.#capacityMin * TXID_BYTES)
    this.#hashes = new Int32Array(this.#capacityMin)
    this.#heads = new Int32Array(this.#capacityMin)
    this.#next = new Int32Array(this.#capacityMin)
    this.clear()
  }

  #chainOf(hash: number): number {
    return hash & (this.#heads.length - 1)
  }

  #hash(txid: Uint8Array): number {
    let hash = 0
    for (let word = 0; word < TXID_WORDS; word++) {
      const at = word * 4
      const value =
        byteAt(txid, at) |
        (byteAt(txid, at + 1) << 8) |
        (byteAt(txid, at + 2) << 16) |
        (byteAt(txid, at + 3) << 24)
      hash = Math.imul(hash ^ value, this.#seed[word] ?? 1)
      hash ^= hash >>> 15
    }
    return hash
  }

  #isAt(entry: number, txid: Uint8Array): boolean {
    const start = entry * TXID_BYTES
    for (let at = 0; at < TXID_BYTES; at++) if (this.#txids[start + at] !== txid[at]) return false
    return true
  }
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0
}
