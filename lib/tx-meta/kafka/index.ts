/**
 * The feed of transaction metadata on Kafka.
 *
 * @module aerospike-utxo-store/tx-meta/kafka
 */

export type { ClientSettings, KafkaOptions } from './kafka-client.ts'
export { KafkaSink, type KafkaSinkOptions } from './kafka-sink.ts'
export { KafkaSource, type KafkaSourceOptions } from './kafka-source.ts'
