// The feed between processes without a broker: a file for each partition, to which one process appends. On Kafka,
// `KafkaSink` and `KafkaSource` of aerospike-utxo-store/tx-meta/kafka take the place of this and of file-source.js.
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'

/** @typedef {import('aerospike-utxo-store/tx-meta').FeedSink} FeedSink */

export const PARTITIONS = 8
/** A message has its length before it, 32 bits. */
export const HEAD_BYTES = 4

/**
 * @param {string} folder
 * @param {number} partition
 */
export function partitionFile(folder, partition) {
  return join(folder, `partition-${partition}.log`)
}

/** @implements {FeedSink} */
export class FileSink {
  partitions = PARTITIONS
  /** @type {import('node:fs/promises').FileHandle[]} */
  #files = []

  /** @param {string} folder */
  static async open(folder) {
    await mkdir(folder, { recursive: true })
    const sink = new FileSink()
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      const file = await open(partitionFile(folder, partition), 'a+')
      sink.#files.push(file)
      // A process that was killed may have left a part of a message, which no reader has taken.
      await file.truncate(await completeBytes(file))
    }
    return sink
  }

  /**
   * Outlives the process; what is to outlive the machine needs a sync, too. The producer sends the messages of a
   * partition one after the other.
   *
   * @param {number} partition
   * @param {Uint8Array} _key for brokers, which spread messages by it
   * @param {Uint8Array} value
   */
  async send(partition, _key, value) {
    const head = Buffer.alloc(HEAD_BYTES)
    head.writeUInt32LE(value.byteLength)
    await this.#files[partition]?.appendFile(Buffer.concat([head, value]))
  }

  async close() {
    for (const file of this.#files) await file.close()
  }
}

/** @param {import('node:fs/promises').FileHandle} file */
async function completeBytes(file) {
  const { size } = await file.stat()
  const head = Buffer.alloc(HEAD_BYTES)
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(head, 0, HEAD_BYTES, at)
    const end = at + HEAD_BYTES + head.readUInt32LE()
    if (bytesRead < HEAD_BYTES || end > size) return at
    at = end
  }
}
