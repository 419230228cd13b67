// Reads what file-sink.js writes, from where the last commit says.
import { open, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { HEAD_BYTES, PARTITIONS, partitionFile } from './file-sink.js'

/** @typedef {import('aerospike-utxo-store/tx-meta').FeedRecord} FeedRecord */
/** @typedef {import('aerospike-utxo-store/tx-meta').FeedSource} FeedSource */

const IDLE_MS = 20
/** More than the largest message of a producer with its own limits. */
const READ_BYTES = 1_048_576

/**
 * The offset of a message is that of its last byte, so that the next one, wherever it begins, has a higher offset.
 *
 * @implements {FeedSource}
 */
export class FileSource {
  #folder
  #commitFile
  /** Of each partition, where the first message begins that was not delivered, and not applied. */
  #next
  #applied
  /** @type {(import('node:fs/promises').FileHandle | undefined)[]} */
  #files = new Array(PARTITIONS)
  /** @type {Set<number>} */
  #paused = new Set()

  /**
   * @param {string} folder
   * @param {string} commitFile
   * @param {number[]} from
   */
  constructor(folder, commitFile, from) {
    this.#folder = folder
    this.#commitFile = commitFile
    this.#next = [...from]
    this.#applied = [...from]
  }

  /**
   * @param {string} folder
   * @param {string} commitFile where this reader keeps how far it has come
   */
  static async open(folder, commitFile) {
    const committed = await readFile(commitFile, 'utf8').catch(() => undefined)
    const from = committed === undefined ? new Array(PARTITIONS).fill(0) : JSON.parse(committed)
    return new FileSource(folder, commitFile, from)
  }

  async poll() {
    const records = []
    for (let partition = 0; partition < PARTITIONS; partition += 1)
      if (!this.#paused.has(partition)) records.push(...(await this.#read(partition)))
    if (records.length === 0) await pause(IDLE_MS)
    return records
  }

  /**
   * @param {number} partition
   * @param {number} offset
   */
  mark(partition, offset) {
    this.#applied[partition] = offset + 1
  }

  /** Renamed into place: whoever is killed here finds either the old offsets or the new ones. */
  async commit() {
    const temporary = `${this.#commitFile}.tmp`
    await writeFile(temporary, JSON.stringify(this.#applied))
    await rename(temporary, this.#commitFile)
  }

  /** Unknown: this reader never passes over additions when it cannot keep up. */
  highWaterMark() {
    return undefined
  }

  /** @param {number} partition */
  pause(partition) {
    this.#paused.add(partition)
  }

  /** @param {number} partition */
  resume(partition) {
    this.#paused.delete(partition)
  }

  /** There is no other reader that partitions could go to. */
  onRevoke() {}

  async close() {
    for (const file of this.#files) await file?.close()
  }

  /** Bytes that are written and not yet applied. */
  async behind() {
    let bytes = 0
    for (const [partition, applied] of this.#applied.entries()) {
      const file = await stat(partitionFile(this.#folder, partition)).catch(() => undefined)
      bytes += (file?.size ?? 0) - applied
    }
    return bytes
  }

  /**
   * @param {number} partition
   * @returns {Promise<FeedRecord[]>}
   */
  async #read(partition) {
    const file = await this.#open(partition)
    if (file === undefined) return []
    const from = this.#next[partition] ?? 0
    const length = Math.min(READ_BYTES, (await file.stat()).size - from)
    if (length <= 0) return []
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from)
    const records = messagesOf(buffer.subarray(0, bytesRead), partition, from)
    this.#next[partition] = (records.at(-1)?.offset ?? from - 1) + 1
    return records
  }

  /**
   * Undefined until the validator has begun it.
   *
   * @param {number} partition
   */
  async #open(partition) {
    this.#files[partition] ??= await open(partitionFile(this.#folder, partition)).catch(() => undefined)
    return this.#files[partition]
  }
}

/**
 * The complete messages; one that is being written comes with a later poll.
 *
 * @param {Buffer} bytes
 * @param {number} partition
 * @param {number} from where in the file they begin
 */
function messagesOf(bytes, partition, from) {
  /** @type {FeedRecord[]} */
  const records = []
  for (let at = 0; at + HEAD_BYTES <= bytes.length; ) {
    const end = at + HEAD_BYTES + bytes.readUInt32LE(at)
    if (end > bytes.length) break
    records.push({ partition, offset: from + end - 1, value: bytes.subarray(at + HEAD_BYTES, end) })
    at = end
  }
  return records
}
