import type { Logger, MetricsRegistry, Transaction, UtxoStore } from 'aerospike-utxo-store'
import type { EmbeddedServerHandle } from 'aerospike-utxo-store/embedded'

/** What code blocks of the documents may use without saying where it comes from. They are compiled, never run. */

export declare const store: UtxoStore
export declare const logger: Logger
export declare const metrics: MetricsRegistry
export declare const tx: Transaction
/** 32 bytes, internal order. */
export declare const txid: Uint8Array
export declare const height: number
export declare const medianTime: number
export declare function isOnLongestChain(blockHash: Uint8Array): boolean
export declare const server: EmbeddedServerHandle
