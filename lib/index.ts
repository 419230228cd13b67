export {
  type Block,
  type BlockHeader,
  coinbaseHeight,
  encodeExtendedTransaction,
  encodeTransaction,
  extendTransaction,
  ParseError,
  parseBlock,
  parseTransaction,
  readBlockFile,
  type Transaction,
  type TransactionInput,
  type TransactionOutput,
  txidFromHex,
  txidKey,
  txidToHex,
  utxoHash,
} from './bitcoin/index.ts'
export { ERROR_CODES, type ErrorCode, InvalidArgumentError, StoreError } from './errors/index.ts'
export type { MetricsRegistry } from './metrics/index.ts'
export {
  decodeSpendingData,
  encodeSpendingData,
  type Field,
  type MinedBlockInfo,
  type SpendingData,
  type TransactionMetadata,
  type UtxoSlot,
} from './record/index.ts'
export { SETTINGS, type Settings, type SettingsInput } from './settings/index.ts'
export {
  type BlockState,
  type CallOptions,
  type CreateOptions,
  type DecoratedTransaction,
  type Health,
  type Logger,
  type MinedBlocks,
  type MinedInfo,
  type OpenOptions,
  SetMinedError,
  type Spend,
  SpendError,
  type SpendOptions,
  type TransactionSource,
  type TxidInput,
  type UnspendInput,
  UtxoSpentError,
  UtxoStore,
} from './store/index.ts'
export type { BatchOptions, BatchRow, Bins, BinValue, RowAnswer, Transport } from './transport/index.ts'
