/**
 * A store with a cache of transaction metadata before it, and the feed that fills it.
 *
 * @module aerospike-utxo-store/tx-meta
 */

export {
  type CachedStoreStatistics,
  CachedUtxoStore,
  type CachedUtxoStoreOptions,
} from './cached-store/cached-utxo-store.ts'
export type { StoreSurface } from './cached-store/call-policies.ts'
export type { FeedLogger, FeedRecord, FeedSink, FeedSource } from './feed/broker.ts'
export { FeedConsumer, type FeedConsumerOptions, type FeedCounts, type FeedTarget } from './feed/consumer.ts'
export {
  encodeFeedMessage,
  type FeedEntry,
  type FeedReading,
  type FeedVersion,
  type FeedVisitor,
  readFeedMessage,
} from './feed/message.ts'
export { FeedProducer, type FeedProducerOptions, partitionOf } from './feed/producer.ts'
export { FlatCache, type FlatCacheStatistics } from './flat-cache.ts'
export { type CachedInpoint, type CachedMetadata, decodeMetaBytes, encodeMetaBytes } from './meta-bytes.ts'
