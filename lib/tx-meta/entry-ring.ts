/** Words of an entry before its value: length of the value, height, txid. */
const LENGTH_AT = 0
const HEIGHT_AT = 1
const TXID_AT = 2
const TXID_WORDS = 8
const HEADER_WORDS = TXID_AT + TXID_WORDS
const HEADER_BYTES = HEADER_WORDS * 4
/** In place of a length: the rest of the ring was too short for the next entry. */
const WRAP = -1

/** A slot of the index has two words: the hash of a txid, and where its entry begins, plus one; 0 is empty. */
const SLOT_BYTES = 8
/** Memory for each slot of the index: entries of twice that size fill the ring before they fill the index. */
const BYTES_FOR_EACH_SLOT = 64
const SLOTS_MIN = 8
/** Beyond it probes become long. */
const LOAD_MAX = 0.75

/** A txid as it is looked up: its eight words, and a hash of them. All words are signed: an unsigned one is no small integer to the engine. */
export interface EntryKey {
  readonly words: Int32Array
  readonly hash: number
}

/** Hashes the eight words from `at`; the same for a key and for an entry in a ring. */
export type HashWords = (words: Int32Array, at: number) => number

/**
 * One bucket of the cache: the newest entries that fit into a fixed number of bytes. They follow each other in
 * a ring of words, oldest first; an open-addressed index finds them. Both are flat arrays outside the
 * garbage-collected heap and never grow, and an entry is no object, so that ten million of them cost the
 * collector nothing.
 */
export class EntryRing {
  /** What `clear` was last given. */
  clears = 0
  readonly #hashWords: HashWords
  readonly #words: Int32Array
  readonly #bytes: Uint8Array
  readonly #index: Int32Array
  readonly #mask: number
  readonly #entriesMax: number
  /** Where the oldest entry begins, and where the next one will. */
  #tail = 0
  #head = 0
  /** The head has come round and is behind the tail. */
  #isWrapped = false
  #entries = 0
  #evicted = 0

  /** Takes `bytes` of memory in all, index included; from `at` of the buffer on, both multiples of 4. */
  constructor(buffer: ArrayBuffer, at: number, bytes: number, hashWords: HashWords) {
    this.#hashWords = hashWords
    const slots = 2 ** Math.max(Math.log2(SLOTS_MIN), Math.floor(Math.log2(bytes / BYTES_FOR_EACH_SLOT)))
    this.#index = new Int32Array(buffer, at, slots * 2)
    this.#mask = slots - 1
    this.#entriesMax = Math.floor(slots * LOAD_MAX)
    const from = at + slots * SLOT_BYTES
    const words = Math.floor((bytes - slots * SLOT_BYTES) / 4)
    this.#words = new Int32Array(buffer, from, words)
    this.#bytes = new Uint8Array(buffer, from, words * 4)
  }

  get entries(): number {
    return this.#entries
  }

  /** Entries dropped to make room since the beginning. */
  get evicted(): number {
    return this.#evicted
  }

  /** Stores a copy in place of an older one, dropping the oldest entries for room. False where it can never fit. */
  set(key: EntryKey, value: Uint8Array, height: number): boolean {
    const length = HEADER_WORDS + ((value.byteLength + 3) >>> 2)
    if (length > this.#words.length) return false
    this.delete(key)
    while (this.#entries >= this.#entriesMax) this.#dropOldest()
    const at = this.#makeRoom(length)
    const words = this.#words
    words[at + LENGTH_AT] = value.byteLength
    words[at + HEIGHT_AT] = height
    // A loop: eight words are written before a call of `set` has begun.
    for (let i = 0; i < TXID_WORDS; i++) words[at + TXID_AT + i] = key.words[i] as number
    this.#bytes.set(value, at * 4 + HEADER_BYTES)
    this.#insert(key.hash, at)
    this.#entries += 1
    return true
  }

  /**
   * Copies the value to the beginning of `target`, and returns its length in bytes; -1 where there is none, or it
   * was stored below `heightMin`. The last word is copied whole: `target` is as long as a value can be.
   */
  copyTo(key: EntryKey, heightMin: number, target: Int32Array, targetAt = 0): number {
    const words = this.#words
    const slot = this.#find(key)
    if (slot === -1) return -1
    const at = this.#entryAt(slot)
    if ((words[at + HEIGHT_AT] as number) >>> 0 < heightMin) return -1
    const length = words[at + LENGTH_AT] as number
    const from = at + HEADER_WORDS
    const count = (length + 3) >>> 2
    for (let i = 0; i < count; i++) target[targetAt + i] = words[from + i] as number
    return length
  }

  /** Whether there was one. Its bytes stay in the ring until their turn comes. */
  delete(key: EntryKey): boolean {
    const slot = this.#find(key)
    if (slot === -1) return false
    this.#vacate(slot)
    return true
  }

  /** Removes everything. `clears` is for whoever clears rings one by one, later: it tells which have been. */
  clear(clears = 0): void {
    this.clears = clears
    this.#index.fill(0)
    this.#tail = 0
    this.#head = 0
    this.#isWrapped = false
    this.#entries = 0
  }

  /** Where an entry of that many words can begin, once everything in its way has been dropped. */
  #makeRoom(length: number): number {
    if (this.#head + length > this.#words.length) {
      while (this.#isWrapped) this.#dropOldest()
      if (this.#head < this.#words.length) this.#words[this.#head] = WRAP
      this.#head = 0
      this.#isWrapped = true
    }
    while (this.#isWrapped && this.#tail < this.#head + length) this.#dropOldest()
    const at = this.#head
    this.#head += length
    return at
  }

  #dropOldest(): void {
    const at = this.#tail
    const length = this.#words[at] ?? WRAP
    if (length === WRAP) {
      this.#tail = 0
      this.#isWrapped = false
      return
    }
    // Entries that were replaced or removed are no longer in the index.
    const slot = this.#slotOf(at)
    if (slot !== -1) {
      this.#vacate(slot)
      this.#evicted += 1
    }
    this.#tail = at + HEADER_WORDS + ((length + 3) >>> 2)
  }

  #find(key: EntryKey): number {
    const index = this.#index
    const mask = this.#mask
    const hash = key.hash
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const at = (index[slot * 2 + 1] as number) - 1
      if (at === -1) return -1
      if (index[slot * 2] === hash && this.#isTxid(at, key.words)) return slot
    }
  }

  #isTxid(at: number, txid: Int32Array): boolean {
    const words = this.#words
    for (let i = 0; i < TXID_WORDS; i++) {
      if (words[at + TXID_AT + i] !== txid[i]) return false
    }
    return true
  }

  #slotOf(entry: number): number {
    const hash = this.#hashWords(this.#words, entry + TXID_AT)
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = this.#entryAt(slot)
      if (at === -1 || at === entry) return at === -1 ? -1 : slot
    }
  }

  #insert(hash: number, at: number): void {
    let slot = hash & this.#mask
    while (this.#entryAt(slot) !== -1) slot = (slot + 1) & this.#mask
    this.#index[slot * 2] = hash
    this.#index[slot * 2 + 1] = at + 1
  }

  /** Empties a slot and moves up what was pushed behind it, so that no probe ends too early. */
  #vacate(slot: number): void {
    let hole = slot
    for (let next = (hole + 1) & this.#mask; this.#entryAt(next) !== -1; next = (next + 1) & this.#mask) {
      const home = (this.#index[next * 2] as number) & this.#mask
      const isBetween = hole <= next ? hole < home && home <= next : hole < home || home <= next
      if (isBetween) continue
      this.#index[hole * 2] = this.#index[next * 2] as number
      this.#index[hole * 2 + 1] = this.#index[next * 2 + 1] as number
      hole = next
    }
    this.#index[hole * 2 + 1] = 0
    this.#entries -= 1
  }

  /** Where the entry of a slot begins; -1 for an empty slot. */
  #entryAt(slot: number): number {
    return (this.#index[slot * 2 + 1] as number) - 1
  }
}
