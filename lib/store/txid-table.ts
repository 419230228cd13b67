import { randomInt } from 'node:crypto'

const TXID_BYTES = 32
const TXID_WORDS = 8
const CAPACITY_MIN = 16

/**
 * Whoever makes transactions can choose the txids that they name: without a secret, all of them for one chain. Two
 * factors for each word, since what only a single one is applied to keeps its topmost bit, whatever the factor.
 */
const FACTORS = Int32Array.from({ length: 2 * TXID_WORDS }, () => randomInt(2 ** 32) | 1)

/** No entry: of a txid that is not in the table, or at the end of a chain. */
export const ABSENT = -1

/**
 * A set of txids in flat buffers, each with a number of its own for as long as it is in. A `Set` of strings makes a
 * string for each txid, and hashes it, for several times the cost; and what stays the garbage collector has to copy.
 * The bytes are copied, so that a number stays true whatever becomes of the caller's array.
 */
export class TxidTable {
  readonly #capacityMin: number
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

  /** @param expected txids for which there is room at once; the table grows beyond it, and shrinks back */
  constructor(expected: number) {
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(CAPACITY_MIN, expected)))
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
    const hash = txidHash(txid)
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
    return this.#lookUp(txid, txidHash(txid))
  }

  /** @param entry the number of a txid, which may become another's; without one nothing is removed */
  remove(entry: number): void {
    if (!this.#unlink(entry)) return
    this.#next[entry] = this.#firstFree
    this.#firstFree = entry
    this.#size -= 1
    if (this.#size === 0) this.#reset()
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

  /** An empty table counts from 0 again, and keeps no room for what a burst needed. */
  #reset(): void {
    this.#firstFree = ABSENT
    this.#unused = 0
    if (this.#next.length === this.#capacityMin) return
    this.#txids = new Uint8Array(this.#capacityMin * TXID_BYTES)
    this.#hashes = new Int32Array(this.#capacityMin)
    this.#heads = new Int32Array(this.#capacityMin).fill(ABSENT)
    this.#next = new Int32Array(this.#capacityMin)
  }

  #chainOf(hash: number): number {
    return hash & (this.#heads.length - 1)
  }

  #isAt(entry: number, txid: Uint8Array): boolean {
    const start = entry * TXID_BYTES
    for (let at = 0; at < TXID_BYTES; at++) if (this.#txids[start + at] !== txid[at]) return false
    return true
  }
}

/** 32 bits that nobody outside of this process can foretell. */
export function txidHash(txid: Uint8Array): number {
  let hash = 0
  for (let word = 0; word < TXID_WORDS; word++) {
    const at = word * 4
    let value =
      byteAt(txid, at) |
      (byteAt(txid, at + 1) << 8) |
      (byteAt(txid, at + 2) << 16) |
      (byteAt(txid, at + 3) << 24)
    value = Math.imul(value, FACTORS[word] ?? 1)
    hash = Math.imul(hash ^ value ^ (value >>> 16), FACTORS[TXID_WORDS + word] ?? 1)
    hash ^= hash >>> 15
  }
  return hash
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0
}
