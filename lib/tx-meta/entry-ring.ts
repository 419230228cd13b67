/** Words of an entry before its value: length of the value, height, txid. */
const LENGTH_AT = 0
const HEIGHT_AT = 1
const TXID_AT = 2
const TXID_WORDS = 8
const HEADER_WORDS = TXID_AT + TXID_WORDS
const HEADER_BYTES = HEADER_WORDS * 4
/** In place of a length: the rest of the ring was too short for the next entry. No complement of a length, either. */
const WRAP = -(2 ** 31)

/** A slot of the index has two words: the hash of a txid, and the place of its entry; 0 is empty. */
const SLOT_BYTES = 8
/** Memory for each slot of the index: entries of twice that size fill the ring before they fill the index. */
const BYTES_FOR_EACH_SLOT = 64
const SLOTS_MIN = 8
/** Of the slots, those of entries that are in the ring: what lies between is for slots of entries that no longer are. */
const HELD_MAX = 0.65
/** Beyond it probes become long. */
const USED_MAX = 0.85

/** A txid as it is looked up: its eight words, and a hash of them. All words are signed: an unsigned one is no small integer to the engine. */
export interface EntryKey {
  readonly words: Int32Array
  readonly hash: number
}

/**
 * One bucket of the cache: the newest entries that fit into a fixed number of bytes. They follow each other in
 * a ring of words, oldest first; an open-addressed index finds them. Both are flat arrays outside the
 * garbage-collected heap and never grow, and an entry is no object, so that ten million of them cost the
 * collector nothing.
 *
 * What an operation costs is the memory that it waits for. A hit waits twice, for its slot and for its entry; a
 * new entry once, for its slot, since the ends of the ring are read and written in order. Therefore nobody looks
 * for the slot of an entry that is dropped: a slot tells the lap of the ring in which its entry was written, by
 * which it can be seen that the entry is gone, and such slots are swept before the ring comes round to the same
 * lap again.
 */
export class EntryRing {
  /** What `clear` was last given. */
  clears = 0
  readonly #words: Int32Array
  readonly #bytes: Uint8Array
  readonly #index: Int32Array
  readonly #mask: number
  readonly #heldMax: number
  readonly #usedMax: number
  readonly #start: number
  /** Where the oldest entry begins, and where the next one will. */
  #tail: number
  #head: number
  /** The head has come round and is behind the tail. */
  #isWrapped = false
  /** Of the tail; 0 or 1, in turns. That of the head is the other one while the ring is wrapped. */
  #lap = 0
  /** Entries in the ring, those included that were replaced or removed. */
  #held = 0
  #entries = 0
  /** Slots that are not empty. */
  #used = 0
  #evicted = 0

  /**
   * Takes `bytes` of memory in all, index included; from `at` of the buffer on, both multiples of 4. The first entry
   * is written after `startPart` of the ring, from 0 to less than 1: rings that fill side by side would otherwise
   * all come round, and be swept, at the same time.
   */
  constructor(buffer: ArrayBuffer, at: number, bytes: number, startPart = 0) {
    // A small integer to the engine, as all that is computed from it.
    const slots =
      (2 ** Math.max(Math.log2(SLOTS_MIN), Math.floor(Math.log2(bytes / BYTES_FOR_EACH_SLOT)))) | 0
    this.#index = new Int32Array(buffer, at, slots * 2)
    // The system gives memory by the page when it is first touched. Of the index each early entry would touch another.
    this.#index.fill(0)
    this.#mask = slots - 1
    this.#heldMax = Math.floor(slots * HELD_MAX)
    this.#usedMax = Math.floor(slots * USED_MAX)
    const from = at + slots * SLOT_BYTES
    const words = Math.floor((bytes - slots * SLOT_BYTES) / 4)
    this.#words = new Int32Array(buffer, from, words)
    this.#bytes = new Uint8Array(buffer, from, words * 4)
    this.#start = Math.floor(words * startPart)
    this.#tail = this.#start
    this.#head = this.#start
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
    const { length } = value
    const size = HEADER_WORDS + ((length + 3) >>> 2)
    if (size > this.#words.length) return false
    const at = this.#makeRoom(size)
    const words = this.#words
    words[at + LENGTH_AT] = length
    words[at + HEIGHT_AT] = height
    // A loop: eight words are written before a call of `set` has begun.
    for (let i = 0; i < TXID_WORDS; i++) words[at + TXID_AT + i] = key.words[i] as number
    this.#bytes.set(value, at * 4 + HEADER_BYTES)
    this.#point(key, at)
    this.#held += 1
    this.#entries += 1
    return true
  }

  /**
   * Copies the value to `target` from `targetAt` on, and returns its length in bytes; -1 where there is none, or it
   * was stored below `heightMin`. The last word is copied whole: there is room for as long as a value can be.
   */
  copyTo(key: EntryKey, heightMin: number, target: Int32Array, targetAt = 0): number {
    const at = this.#find(key)
    const words = this.#words
    if (at === -1 || (words[at + HEIGHT_AT] as number) >>> 0 < heightMin) return -1
    const length = words[at + LENGTH_AT] as number
    const end = at + HEADER_WORDS + ((length + 3) >>> 2)
    let from = at + HEADER_WORDS
    let to = targetAt
    // Eight in a turn: the engine looks at both arrays anew in each.
    for (; from + 8 <= end; from += 8, to += 8) {
      target[to] = words[from] as number
      target[to + 1] = words[from + 1] as number
      target[to + 2] = words[from + 2] as number
      target[to + 3] = words[from + 3] as number
      target[to + 4] = words[from + 4] as number
      target[to + 5] = words[from + 5] as number
      target[to + 6] = words[from + 6] as number
      target[to + 7] = words[from + 7] as number
    }
    for (; from < end; from++, to++) target[to] = words[from] as number
    return length
  }

  /** Whether there was one. Its bytes stay in the ring until their turn comes. */
  delete(key: EntryKey): boolean {
    const at = this.#find(key)
    if (at === -1) return false
    this.#bury(at)
    return true
  }

  /** Removes everything. `clears` is for whoever clears rings one by one, later: it tells which have been. */
  clear(clears = 0): void {
    this.clears = clears
    this.#index.fill(0)
    this.#tail = this.#start
    this.#head = this.#start
    this.#isWrapped = false
    this.#held = 0
    this.#entries = 0
    this.#used = 0
  }

  /** Where an entry of that many words can begin, once everything in its way has been dropped. */
  #makeRoom(size: number): number {
    while (this.#held >= this.#heldMax) this.#dropOldest()
    if (this.#head + size > this.#words.length) {
      while (this.#isWrapped) this.#dropOldest()
      if (this.#head < this.#words.length) this.#words[this.#head] = WRAP
      // Now nothing is left of the lap before; the next one has its number.
      this.#sweep()
      this.#head = 0
      this.#isWrapped = true
    }
    while (this.#isWrapped && this.#tail < this.#head + size) this.#dropOldest()
    const at = this.#head
    this.#head += size
    return at
  }

  #dropOldest(): void {
    const at = this.#tail
    const length = this.#words[at + LENGTH_AT] ?? WRAP
    if (length === WRAP) {
      this.#tail = 0
      this.#isWrapped = false
      this.#lap ^= 1
      return
    }
    const isBuried = length < 0
    if (!isBuried) {
      this.#entries -= 1
      this.#evicted += 1
    }
    this.#held -= 1
    this.#tail = at + HEADER_WORDS + (((isBuried ? ~length : length) + 3) >>> 2)
  }

  /** Marks an entry that was replaced or removed: its length becomes the complement. Once is enough. */
  #bury(at: number): void {
    const length = this.#words[at + LENGTH_AT] as number
    if (length < 0) return
    this.#words[at + LENGTH_AT] = ~length
    this.#entries -= 1
  }

  /** Where the entry of a key begins, or -1. */
  #find(key: EntryKey): number {
    const index = this.#index
    const mask = this.#mask
    const hash = key.hash
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const place = index[slot * 2 + 1] as number
      if (place === 0) return -1
      if (index[slot * 2] !== hash || !this.#isHeld(place)) continue
      const at = entryAt(place)
      if (this.#isTxid(at, key.words)) return (this.#words[at + LENGTH_AT] as number) < 0 ? -1 : at
    }
  }

  /** Lets the key's slot point to a new entry, or the first slot that nobody needs, and buries the older entry. */
  #point(key: EntryKey, at: number): void {
    if (this.#used >= this.#usedMax) this.#sweep()
    const index = this.#index
    const mask = this.#mask
    const hash = key.hash
    let free = -1
    let slot = hash & mask
    for (; ; slot = (slot + 1) & mask) {
      const place = index[slot * 2 + 1] as number
      if (place === 0) break
      if (!this.#isHeld(place)) {
        if (free === -1) free = slot
      } else if (index[slot * 2] === hash && this.#isTxid(entryAt(place), key.words)) {
        this.#bury(entryAt(place))
        free = slot
        break
      }
    }
    if (free === -1) {
      free = slot
      this.#used += 1
    }
    index[free * 2] = hash
    index[free * 2 + 1] = placeOf(at, this.#isWrapped ? this.#lap ^ 1 : this.#lap)
  }

  /** Empties the slots of entries that are gone, and moves up what was pushed behind them: a probe ends at an empty one. */
  #sweep(): void {
    const index = this.#index
    const mask = this.#mask
    // Behind an empty slot nothing was pushed from before it.
    let empty = 0
    while (index[empty * 2 + 1] !== 0) empty += 1
    for (let i = 1; i <= mask; i++) {
      const slot = (empty + i) & mask
      const place = index[slot * 2 + 1] as number
      if (place === 0) continue
      index[slot * 2 + 1] = 0
      if (!this.#isHeld(place)) {
        this.#used -= 1
        continue
      }
      const hash = index[slot * 2] as number
      let to = hash & mask
      while (index[to * 2 + 1] !== 0) to = (to + 1) & mask
      index[to * 2] = hash
      index[to * 2 + 1] = place
    }
  }

  /** Whether the entry of a place has not been dropped. */
  #isHeld(place: number): boolean {
    return lapOf(place) === this.#lap ? entryAt(place) >= this.#tail : this.#isWrapped
  }

  /** No loop: eight comparisons in a row are half the work. */
  #isTxid(at: number, txid: Int32Array): boolean {
    const words = this.#words
    const from = at + TXID_AT
    return (
      words[from] === txid[0] &&
      words[from + 1] === txid[1] &&
      words[from + 2] === txid[2] &&
      words[from + 3] === txid[3] &&
      words[from + 4] === txid[4] &&
      words[from + 5] === txid[5] &&
      words[from + 6] === txid[6] &&
      words[from + 7] === txid[7]
    )
  }
}

/** Where an entry begins and the lap in which it was written, as one positive number. */
function placeOf(at: number, lap: number): number {
  return ((at + 1) << 1) | lap
}

function entryAt(place: number): number {
  return (place >>> 1) - 1
}

function lapOf(place: number): number {
  return place & 1
}
