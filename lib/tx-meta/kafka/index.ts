export type { ClientSettings, KafkaOptions } from './kafka-client.ts'
export { KafkaSink, type KafkaSinkOptions } from './kafka-sink.ts'
export { KafkaSource, type KafkaSourceOptions } from './kafka-source.ts'
