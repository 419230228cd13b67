export type { Bins, BinValue } from './bin-value.ts'
export { BIN_TABLE, BINS, LOCK_BINS, LOCK_TYPES } from './bins.ts'
export { deletedChildren } from './deleted-children.ts'
export {
  binsForFields,
  checkFields,
  DECORATE_FIELDS,
  FIELDS,
  type Field,
  GET_FIELDS,
  META_FIELDS,
  wantsBody,
} from './fields.ts'
export {
  FREEZE_BINS,
  type FreezeRecord,
  type FreezeWindow,
  isConsensusActive,
  isPolicyActive,
  normaliseWindow,
} from './freeze-record.ts'
export { HEIGHT_MAX, heightAfter } from './height.ts'
export { decodeOutput, OUTPUT_BINS, type OutputState, reassignedOffsets } from './output-state.ts'
export { isPageCount, PAGES_MAX, pageCountOf } from './page-count.ts'
export {
  decodePartialOutputs,
  encodePartialOutputs,
  holdSameOutputs,
  type PartialOutputs,
} from './partial-outputs.ts'
export {
  binValue,
  buildRecords,
  type MinedBlockInfo,
  type NewBin,
  type RecordBins,
  type RecordOptions,
  type TransactionRecords,
} from './record-builder.ts'
export {
  needsExternalBody,
  needsSeveralRecords,
  outputsNeedExternalBody,
  partialContent,
  type RecordContent,
  transactionContent,
} from './record-content.ts'
export {
  decodeMetadata,
  decodePageFreezes,
  decodePageSlots,
  type TransactionMetadata,
  type TxInpoint,
  txInpointsOf,
} from './record-decoder.ts'
export { lockKey, masterKey, pageKey, recordNumber, slotOffset } from './record-key.ts'
export {
  decodeSpendingData,
  encodeSpendingData,
  FROZEN_SENTINEL,
  isFrozenSentinel,
  parseSpendingDataText,
  SPENDING_DATA_BYTES,
  type SpendingData,
} from './spending-data.ts'
export { decodeSlot, type UtxoSlot } from './utxo-slot.ts'
