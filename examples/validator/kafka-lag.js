// How far the reader is behind on Kafka, as the brokers tell it: what a topic has, less what its group has committed.
import { setTimeout as pause } from 'node:timers/promises'
import { READER_GROUP } from './settings.js'

/** @typedef {import('./settings.js').KafkaTopic} KafkaTopic */

const TIMEOUT_MS = 10_000
const LOOK_AGAIN_MS = 100

export class KafkaLag {
  /** The client of node-rdkafka, which is an optional dependency without types here. @type {any} */
  #client
  #topic
  /** @type {number[]} */
  #partitions

  /**
   * @param {any} client
   * @param {string} topic
   * @param {number[]} partitions
   */
  constructor(client, topic, partitions) {
    this.#client = client
    this.#topic = topic
    this.#partitions = partitions
  }

  /**
   * Waits for the topic; brokers that may, create it.
   *
   * @param {KafkaTopic} kafka
   */
  static async open({ brokers, topic }) {
    const name = /** @type {string} */ ('node-rdkafka')
    const { default: module } = await import(name).catch(cause => {
      throw new Error('--kafka needs node-rdkafka: npm install node-rdkafka', { cause })
    })
    const client = new module.KafkaConsumer({
      'metadata.broker.list': brokers.join(),
      'group.id': READER_GROUP,
      'allow.auto.create.topics': true,
    })
    const options = { topic, timeout: TIMEOUT_MS }
    let metadata = await called(done => client.connect(options, done)).catch(cause => {
      throw new Error(`no Kafka broker answers at ${brokers.join()}`, { cause })
    })
    for (const end = performance.now() + TIMEOUT_MS; ; await pause(LOOK_AGAIN_MS)) {
      const found = metadata.topics.find((/** @type {{ name: string }} */ each) => each.name === topic)
      const partitions = found?.partitions.map((/** @type {{ id: number }} */ { id }) => id) ?? []
      if (partitions.length > 0) return new KafkaLag(client, topic, partitions)
      if (performance.now() > end) throw new Error(`Kafka has no topic ${topic}, and creates none`)
      metadata = await called(done => client.getMetadata(options, done))
    }
  }

  /** Messages that are published and not committed. */
  async messages() {
    const topic = this.#topic
    const asked = this.#partitions.map(partition => ({ topic, partition }))
    const committed = await called(done => this.#client.committed(asked, TIMEOUT_MS, done))
    let behind = 0
    for (const { partition, offset } of committed) {
      const { lowOffset, highOffset } = await called(done =>
        this.#client.queryWatermarkOffsets(topic, partition, TIMEOUT_MS, done),
      )
      behind += highOffset - (offset >= 0 ? offset : lowOffset)
    }
    return behind
  }

  async close() {
    await called(done => this.#client.disconnect(done))
  }
}

/**
 * @param {(done: (error: Error | null, result: any) => void) => void} call
 * @returns {Promise<any>}
 */
function called(call) {
  return new Promise((resolve, reject) => call((error, result) => (error ? reject(error) : resolve(result))))
}
