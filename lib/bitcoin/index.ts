export {
  assembleTransaction,
  copyOfOutput,
  createTransaction,
  encodeExtendedTransaction,
  encodeTransaction,
  extendTransaction,
  isAssembled,
  requireOutput,
} from './assembled-transaction.ts'
export { type Block, type BlockHeader, parseBlock } from './block.ts'
export { readBlockFile } from './block-file.ts'
export {
  type BlockLocation,
  type BlockStream,
  type Garbage,
  type LocateOptions,
  locateBlocks,
  streamBlock,
} from './block-stream.ts'
export { ByteReader } from './byte-reader.ts'
export { ByteWriter } from './byte-writer.ts'
export { coinbaseHeight } from './coinbase-height.ts'
export { hasValidMerkleRoot, MerkleTree, merkleRoot } from './merkle-root.ts'
export { type Outpoint, outpointKey, outpointToString, parseOutpoint } from './outpoint.ts'
export { ParseError } from './parse-error.ts'
export { PieceReader } from './piece-reader.ts'
export { doubleSha256 } from './sha256.ts'
export type { Transaction, TransactionInput, TransactionOutput, TransactionParts } from './transaction.ts'
export { variableBytesSize, writeExtension, writeInput, writeOutput } from './transaction-encoding.ts'
export { parseTransaction, readInput, readOutput, readTransactionHead } from './transaction-parser.ts'
export { requireTxid, TXID_BYTES, toTxid, txidFromHex, txidKey, txidToHex } from './txid.ts'
export { requireUint32, requireUint64, setUint32, UINT32_MAX } from './unsigned.ts'
export { utxoHash } from './utxo-hash.ts'
