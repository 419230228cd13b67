/**
 * A Fastify plugin that serves subtrees’ data, and the peer’s side of it.
 *
 * @module aerospike-utxo-store/asset
 */

export type { AssetLogger } from './asset-log.ts'
export { type AssetPluginOptions, assetPlugin } from './asset-plugin.ts'
export { fetchSubtreeData } from './fetch-subtree-data.ts'
export { type FetchWhenAvailableOptions, fetchWhenAvailable } from './fetch-when-available.ts'
export type { SubtreeDataOptions } from './service-options.ts'
export { type AssetLoad, type SubtreeData, SubtreeDataService } from './subtree-data-service.ts'
export type {
  PartialDataFile,
  SubtreeDataFile,
  SubtreeFiles,
  SubtreeNode,
  SubtreeNodes,
} from './subtree-files.ts'
export { SubtreeFolder, type SubtreeFolderOptions } from './subtree-folder.ts'
export type { ReadTransaction, TransactionSource } from './transaction-source.ts'
