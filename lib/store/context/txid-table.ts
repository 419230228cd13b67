import { randomInt } from 'node:crypto'

const TXID_BYTES = 32
const TXID_WORDS = 8
const EMPTY = 0
const TAKEN = 1
/** Was taken: a look-up goes on behind it. */
const FORGOTTEN = 2

/**
 * A bounded set of txids in one flat buffer. A `Set` of strings makes a string for each, which stays so long that the
 * garbage collector has to copy it, twice; here nothing is made at all.
 */
export class TxidTable {
  readonly #places: number
  readonly #marks: Uint8Array
  readonly #txids: Uint8Array
  /** Whoever makes transactions can choose their txids: without a secret, all of them for one place. */
  readonly #seed = Int32Array.from({ length: TXID_WORDS }, () => randomInt(2 ** 32) | 1)
  #used = 0

  /** @param sizeMax most txids, a power of two */
  constructor(sizeMax: number) {
    // Half of the places stay empty, so that a look-up ends after a few.
    this.#places = 2 * sizeMax
    this.#marks = new Uint8Array(this.#places)
    this.#txids = new Uint8Array(this.#places * TXID_BYTES)
  }

  /** Txids that were added; those that were removed count until `clear`. */
  get used(): number {
    return this.#used
  }

  add(txid: Uint8Array): void {
    const place = this.#find(txid)
    if (this.#marks[place] === TAKEN) return
    this.#marks[place] = TAKEN
    this.#txids.set(txid, place * TXID_BYTES)
    this.#used += 1
  }

  has(txid: Uint8Array): boolean {
    return this.#marks[this.#find(txid)] === TAKEN
  }

  delete(txid: Uint8Array): void {
    const place = this.#find(txid)
    if (this.#marks[place] === TAKEN) this.#marks[place] = FORGOTTEN
  }

  clear(): void {
    this.#marks.fill(EMPTY)
    this.#used = 0
  }

  /** Where a txid is, or else the empty place at which it would be looked for last. */
  #find(txid: Uint8Array): number {
    let place = this.#hash(txid)
    while (this.#marks[place] !== EMPTY && !(this.#marks[place] === TAKEN && this.#isAt(place, txid)))
      place = (place + 1) & (this.#places - 1)
    return place
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
    return hash & (this.#places - 1)
  }

  #isAt(place: number, txid: Uint8Array): boolean {
    const start = place * TXID_BYTES
    for (let at = 0; at < TXID_BYTES; at++) if (this.#txids[start + at] !== txid[at]) return false
    return true
  }
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0
}
