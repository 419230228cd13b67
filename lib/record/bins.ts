/** On which records of a transaction a bin is: the master, the pages, or all of them. */
export type BinPlace = 'all' | 'master' | 'pages'

interface BinRow {
  readonly bin: string
  readonly on: BinPlace
  readonly meaning: string
}

/**
 * Every bin of a transaction's records that this version reads or writes: the one place for its name
 * (semantics 1.5; at most 15 bytes, case-sensitive, shared with the reference system).
 */
export const BIN_TABLE = {
  txid: { bin: 'txID', on: 'all', meaning: 'blob of 32 bytes, internal order' },
  version: { bin: 'version', on: 'all', meaning: 'integer' },
  locktime: { bin: 'locktime', on: 'all', meaning: 'integer' },
  fee: {
    bin: 'fee',
    on: 'all',
    meaning: 'integer, satoshis, within 2^53; 0 for a coinbase or without inputs',
  },
  sizeInBytes: { bin: 'sizeInBytes', on: 'all', meaning: 'integer; 0 without inputs' },
  extendedSize: { bin: 'extendedSize', on: 'all', meaning: 'integer; 0 without inputs' },
  spentUtxos: { bin: 'spentUtxos', on: 'all', meaning: 'integer: slots spent in this record' },
  recordUtxos: { bin: 'recordUtxos', on: 'all', meaning: 'integer: slots of this record that are not nil' },
  utxos: { bin: 'utxos', on: 'all', meaning: 'list of slots' },
  isCoinbase: { bin: 'isCoinbase', on: 'all', meaning: 'boolean' },
  spendingHeight: {
    bin: 'spendingHeight',
    on: 'all',
    meaning: 'integer: a coinbase cannot be spent below it',
  },
  conflicting: { bin: 'conflicting', on: 'all', meaning: 'boolean; absent is false' },
  locked: { bin: 'locked', on: 'all', meaning: 'boolean; absent is false' },
  creating: { bin: 'creating', on: 'all', meaning: 'true while the records are being written, else absent' },
  totalExtraRecs: {
    bin: 'totalExtraRecs',
    on: 'master',
    meaning: 'integer: pages; its absence tells a page',
  },
  totalUtxos: { bin: 'totalUtxos', on: 'master', meaning: 'integer: outputs, nils included' },
  blockIds: { bin: 'blockIDs', on: 'master', meaning: 'list of integers' },
  blockHeights: { bin: 'blockHeights', on: 'master', meaning: 'list of integers, parallel' },
  subtreeIdxs: { bin: 'subtreeIdxs', on: 'master', meaning: 'list of integers, parallel' },
  unminedSince: { bin: 'unminedSince', on: 'master', meaning: 'integer height; absent when mined' },
  createdAt: { bin: 'createdAt', on: 'master', meaning: 'integer, Unix milliseconds' },
  external: {
    bin: 'external',
    on: 'master',
    meaning: 'true when the body is in the external store, else absent',
  },
  inputs: { bin: 'inputs', on: 'master', meaning: 'list of blobs; absent when external' },
  outputs: { bin: 'outputs', on: 'master', meaning: 'list of blobs or nil; absent when external' },
  spentExtraRecs: { bin: 'spentExtraRecs', on: 'master', meaning: 'integer: fully spent pages; absent is 0' },
  deleteAtHeight: {
    bin: 'deleteAtHeight',
    on: 'all',
    meaning: 'integer height; present when eligible for pruning',
  },
  preserveUntil: { bin: 'preserveUntil', on: 'master', meaning: 'integer height' },
  lastSpentState: {
    bin: 'lastSpentState',
    on: 'pages',
    meaning: 'ALLSPENT or NOTALLSPENT; absent is NOTALLSPENT',
  },
  deletedChildren: {
    bin: 'deletedChildren',
    on: 'all',
    meaning: 'map of display-hex txid to true: spenders that were pruned, whose replay is refused',
  },
  conflictingChildren: { bin: 'conflictingCs', on: 'master', meaning: 'list of blobs of 32 bytes' },
  spendableIn: {
    bin: 'utxoSpendableIn',
    on: 'all',
    meaning: 'map of slot offset to height: a reassigned output cannot be spent below it',
  },
  freezeFrom: {
    bin: 'utxoFreezeFrom',
    on: 'all',
    meaning: 'map of slot offset to height: the entry is the freeze record',
  },
  freezeUntil: {
    bin: 'utxoFreezeUntil',
    on: 'all',
    meaning: 'map of slot offset to height, where a freeze window ends',
  },
  freezeExpires: {
    bin: 'utxoFreezeExp',
    on: 'all',
    meaning: 'map of slot offset to true, where the policy ends with the window',
  },
  freezeRecordNumbers: {
    bin: 'utxoFreezeRecs',
    on: 'master',
    meaning: 'map of record number to 1: records that may carry freeze records',
  },
} as const satisfies Record<string, BinRow>

type BinName = keyof typeof BIN_TABLE

/** Names of the bins on the wire, by what they are called here. */
export const BINS = Object.freeze(
  Object.fromEntries(Object.entries(BIN_TABLE).map(([name, row]) => [name, row.bin])),
) as { readonly [Name in BinName]: (typeof BIN_TABLE)[Name]['bin'] }

/** Bins of the record that locks the creation of a transaction, beside its records (semantics 1.5). */
export const LOCK_BINS = {
  /** Integer, Unix seconds. */
  createdAt: 'created_at',
  /** String, one of LOCK_TYPES. */
  lockType: 'lock_type',
  processId: 'process_id',
  hostname: 'hostname',
  /** Integer: records of the transaction. */
  expectedRecords: 'expected_recs',
  /** String: 32 hex characters that only the holder knows. */
  token: 'lock_token',
} as const

/** What the holder of the lock does; the reference knows creations only. */
export const LOCK_TYPES = { creation: 'tx_creation', removal: 'tx_removal' } as const
