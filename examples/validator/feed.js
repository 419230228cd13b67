// The feed between validator and reader: on Kafka where brokers are named, in files otherwise.
import { KafkaSink, KafkaSource } from 'aerospike-utxo-store/tx-meta/kafka'
import { FileSink } from './file-sink.js'
import { FileSource } from './file-source.js'
import { logger, READER_GROUP } from './settings.js'

/** @typedef {Pick<import('./settings.js').Settings, 'folder' | 'kafka'>} FeedPlace */

/** The group misses a reader that was killed for so long; brokers take no less by default. */
const GROUP_SETTINGS = { 'session.timeout.ms': 6_000, 'heartbeat.interval.ms': 500 }

/** @param {FeedPlace} place */
export async function openSink({ folder, kafka }) {
  return kafka ? KafkaSink.open({ ...kafka, logger }) : FileSink.open(`${folder}/feed`)
}

/** @param {FeedPlace} place */
export async function openSource({ folder, kafka }) {
  if (!kafka) return FileSource.open(`${folder}/feed`, `${folder}/reader.offsets`)
  return KafkaSource.open({ ...kafka, groupId: READER_GROUP, logger, clientSettings: GROUP_SETTINGS })
}
