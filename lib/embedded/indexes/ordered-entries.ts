import type { StoredRecord } from '../storage/stored-record.ts'
import type { IndexKey } from './index-key.ts'

/** Entries side by side, ascending; two arrays take a fraction of the memory that objects would. */
interface Chunk {
  readonly keys: IndexKey[]
  readonly records: StoredRecord[]
}

/** Inserting moves at most this many entries. */
const CHUNK_ENTRIES_MAX = 512
/** A chunk that shrinks to this joins the next one, if both are small. */
const CHUNK_ENTRIES_SMALL = 128

/**
 * The entries of an index in one partition, ascending by key and then by digest, each once: the order in
 * which queries answer, and resume (protocol 10.4). An entry is found, added and removed in about the
 * logarithm of their number, also when all have one key.
 */
export class OrderedEntries {
  readonly #chunks: Chunk[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Adds an entry; false when it is there already. */
  add(key: IndexKey, record: StoredRecord): boolean {
    const at = Math.min(this.#chunkAt(key, record.id), this.#chunks.length - 1)
    const chunk = this.#chunks[at]
    if (chunk === undefined) {
      this.#chunks.push({ keys: [key], records: [record] })
    } else {
      const position = positionIn(chunk, key, record.id)
      if (isAt(chunk, position, key, record)) return false
      insert(chunk, position, key, record)
      if (chunk.keys.length > CHUNK_ENTRIES_MAX) this.#chunks.splice(at + 1, 0, upperHalf(chunk))
    }
    this.#size++
    return true
  }

  /** Removes an entry; false when it is not there. */
  delete(key: IndexKey, record: StoredRecord): boolean {
    const at = this.#chunkAt(key, record.id)
    const chunk = this.#chunks[at]
    if (chunk === undefined) return false
    const position = positionIn(chunk, key, record.id)
    if (!isAt(chunk, position, key, record)) return false
    chunk.keys.splice(position, 1)
    chunk.records.splice(position, 1)
    this.#size--
    if (chunk.keys.length <= CHUNK_ENTRIES_SMALL) this.#shrink(at, chunk)
    return true
  }

  /**
   * Visits entries in order, until the visitor answers false.
   *
   * @param afterId starts behind the entry of that digest with key `from`, also when it is not there; undefined
   *   to start with the first entry of `from`
   */
  visit(
    from: IndexKey,
    afterId: string | undefined,
    to: IndexKey,
    visitor: (key: IndexKey, record: StoredRecord) => boolean,
  ): void {
    const id = afterId ?? ''
    let position: number | undefined
    for (let at = this.#chunkAt(from, id); at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at]
      if (chunk === undefined) return
      position ??= firstBehind(chunk, positionIn(chunk, from, id), from, afterId)
      for (; position < chunk.keys.length; position++) {
        const key = chunk.keys[position]
        const record = chunk.records[position]
        if (key === undefined || record === undefined || key > to || !visitor(key, record)) return
      }
      position = 0
    }
  }

  /** Whether there is an entry with a key from one to another, both inclusive. */
  hasIn(from: IndexKey, to: IndexKey): boolean {
    const chunk = this.#chunks[this.#chunkAt(from, '')]
    const key = chunk?.keys[positionIn(chunk, from, '')]
    return key !== undefined && key <= to
  }

  /** All keys, ascending, one for each entry. */
  *keys(): Generator<IndexKey, void> {
    for (const { keys } of this.#chunks) yield* keys
  }

  /** The first chunk whose last entry is not before (key, id); their number when there is none. */
  #chunkAt(key: IndexKey, id: string): number {
    let low = 0
    let high = this.#chunks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const chunk = this.#chunks[middle]
      if (chunk !== undefined && isBefore(chunk, chunk.keys.length - 1, key, id)) low = middle + 1
      else high = middle
    }
    return low
  }

  #shrink(at: number, chunk: Chunk): void {
    const next = this.#chunks[at + 1]
    if (chunk.keys.length === 0) this.#chunks.splice(at, 1)
    else if (next !== undefined && next.keys.length <= CHUNK_ENTRIES_SMALL) {
      chunk.keys.push(...next.keys)
      chunk.records.push(...next.records)
      this.#chunks.splice(at + 1, 1)
    }
  }
}

function isBefore(chunk: Chunk, position: number, key: IndexKey, id: string): boolean {
  const other = chunk.keys[position]
  if (other === undefined) return false
  return other < key || (other === key && (chunk.records[position]?.id ?? '') < id)
}

function isAt(chunk: Chunk, position: number, key: IndexKey, record: StoredRecord): boolean {
  return chunk.keys[position] === key && chunk.records[position] === record
}

/** The first position whose entry is not before (key, id). */
function positionIn(chunk: Chunk, key: IndexKey, id: string): number {
  let low = 0
  let high = chunk.keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isBefore(chunk, middle, key, id)) low = middle + 1
    else high = middle
  }
  return low
}

function firstBehind(chunk: Chunk, position: number, key: IndexKey, afterId: string | undefined): number {
  const isThere = chunk.keys[position] === key && chunk.records[position]?.id === afterId
  return isThere ? position + 1 : position
}

function insert(chunk: Chunk, position: number, key: IndexKey, record: StoredRecord): void {
  if (position === chunk.keys.length) {
    chunk.keys.push(key)
    chunk.records.push(record)
  } else {
    chunk.keys.splice(position, 0, key)
    chunk.records.splice(position, 0, record)
  }
}

/** Takes the upper half of a chunk's entries out of it. */
function upperHalf({ keys, records }: Chunk): Chunk {
  const from = keys.length >>> 1
  return { keys: keys.splice(from), records: records.splice(from) }
}
