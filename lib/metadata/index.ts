/**
 * Small values by name, in one record, written asynchronously.
 *
 * @module aerospike-utxo-store/metadata
 */

export { AerospikeMetadata, type AerospikeMetadataOptions } from './aerospike-metadata.ts'
export {
  CoalescingMetadata,
  type CoalescingMetadataOptions,
  type MetadataLogger,
} from './coalescing-metadata.ts'
export type { MetadataBatch, MetadataStore } from './metadata-store.ts'
