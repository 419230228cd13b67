/** Words of an entry before its value: length of the value, height, txid. */
const LENGTH_AT = 0
const HEIGHT_AT = 1
const TXID_AT = 2
const TXID_WORDS = 8
const HEADER_WORDS = TXID_AT + TXID_WORDS
const HEADER_BYTES = HEADER_WORDS * 4
/** In place of a length: the rest of the ring was too short for the next entry. */
const WRAP = 0xffffffff

/** A slot of the index has two words: the hash of a txid, and where its entry begins, plus one; 0 is empty. */
const SLOT_BYTES = 8
/** Memory for each slot of the index: entries of twice that size fill the ring before they fill the index. */
const BYTES_FOR_EACH_SLOT = 64
const SLOTS_MIN = 8
/** Beyond it probes become long. */
const LOAD_MAX = 0.75

/** A txid as it is looked up: its eight words, and a hash of them. */
export interface EntryKey {
  readonly words: Uint32Array
  readonly hash: number
}

/** Hashes the eight words from `at`; the same for a key and for an entry in a ring. */
export type HashWords = (words: Uint32Array, at: number) => number

/**
 * One bucket of the cache: the newest entries that fit into a fixed number of bytes. They follow each other in
 * a ring of words, oldest first; an open-addressed index finds them. Both are flat arrays outside the
 * garbage-collected heap and never grow, and an entry is no object, so that ten million of them cost the
 * collector nothing.
 */
export class EntryRing {
  readonly #hashWords: HashWords
  readonly #words: Uint32Array
  readonly #bytes: Buffer
  readonly #index: Uint32Array
  readonly #mask: number
  readonly #entriesMax: number
  /** Where the oldest entry begins, and where the next one will. */
  #tail = 0
  #head = 0
  /** The head has come round and is behind the tail. */
  #isWrapped = false
  #entries = 0
  #evicted = 0

  /** Takes `bytes` of memory in all, index included. */
  constructor(bytes: number, hashWords: HashWords) {
    this.#hashWords = hashWords
    const slots = 2 ** Math.max(Math.log2(SLOTS_MIN), Math.floor(Math.log2(bytes / BYTES_FOR_EACH_SLOT)))
    this.#index = new Uint32Array(slots * 2)
    this.#mask = slots - 1
    this.#entriesMax = Math.floor(slots * LOAD_MAX)
    const buffer = new ArrayBuffer(Math.floor((bytes - slots * SLOT_BYTES) / 4) * 4)
    this.#words = new Uint32Array(buffer)
    this.#bytes = Buffer.from(buffer)
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
    this.#words[at + LENGTH_AT] = value.byteLength
    this.#words[at + HEIGHT_AT] = height
    this.#words.set(key.words, at + TXID_AT)
    this.#bytes.set(value, at * 4 + HEADER_BYTES)
    this.#insert(key.hash, at)
    this.#entries += 1
    return true
  }

  /** A copy of the value, unless it was stored below `heightMin`. */
  get(key: EntryKey, heightMin: number): Uint8Array | undefined {
    const slot = this.#find(key)
    if (slot === -1) return undefined
    const at = this.#entryAt(slot)
    if ((this.#words[at + HEIGHT_AT] as number) < heightMin) return undefined
    const from = at * 4 + HEADER_BYTES
    const length = this.#words[at + LENGTH_AT] as number
    // From Node's pool: an array buffer for each value would cost more than everything else here together.
    const value = Buffer.allocUnsafe(length)
    this.#bytes.copy(value, 0, from, from + length)
    return value
  }

  /** Whether there was one. Its bytes stay in the ring until their turn comes. */
  delete(key: EntryKey): boolean {
    const slot = this.#find(key)
    if (slot === -1) return false
    this.#vacate(slot)
    return true
  }

  clear(): void {
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

  #find({ words, hash }: EntryKey): number {
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = this.#entryAt(slot)
      if (at === -1) return -1
      if (this.#index[slot * 2] === hash && this.#isTxid(at, words)) return slot
    }
  }

  #isTxid(at: number, words: Uint32Array): boolean {
    for (let i = 0; i < TXID_WORDS; i++) {
      if (this.#words[at + TXID_AT + i] !== words[i]) return false
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
