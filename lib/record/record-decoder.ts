import {
  assembleTransaction,
  type Transaction,
  type TransactionInput,
  type TransactionOutput,
  txidKey,
} from '../bitcoin/index.ts'
import { StoreError } from '../errors/index.ts'
import { BinReader } from './bin-reader.ts'
import type { Bins } from './bin-value.ts'
import { BINS } from './bins.ts'
import { type Field, GET_FIELDS } from './fields.ts'
import { type FreezeRecord, readFreezes } from './freeze-record.ts'
import { HEIGHT_MAX } from './height.ts'
import { decodeStoredInput, decodeStoredOutput } from './stored-transaction.ts'
import { decodeSlots, type UtxoSlot } from './utxo-slot.ts'

/** A parent and the outputs that are used of it, in the order of the inputs. */
export interface TxInpoint {
  readonly txid: Uint8Array
  readonly vouts: readonly number[]
}

/** What is known of a transaction; each field only where it was asked for. Heights in blocks, amounts in satoshis. */
export interface TransactionMetadata {
  readonly txid?: Uint8Array
  readonly version?: number
  readonly locktime?: number
  readonly fee?: number
  readonly sizeInBytes?: number
  readonly extendedSize?: number
  readonly isCoinbase?: boolean
  readonly conflicting?: boolean
  readonly locked?: boolean
  readonly creating?: boolean
  readonly external?: boolean
  /** Blocks that hold the transaction, with their heights and subtrees; three parallel lists. */
  readonly blockIds?: readonly number[]
  readonly blockHeights?: readonly number[]
  readonly subtreeIdxs?: readonly number[]
  readonly unminedSince?: number
  readonly spendingHeight?: number
  readonly deleteAtHeight?: number
  readonly preserveUntil?: number
  /** Unix milliseconds. */
  readonly createdAt?: number
  /** Of the master record alone. */
  readonly spentUtxos?: number
  readonly recordUtxos?: number
  readonly totalUtxos?: number
  readonly totalExtraRecs?: number
  readonly spentExtraRecs?: number
  readonly lastSpentState?: string
  readonly tx?: Transaction
  readonly inputs?: readonly TransactionInput[]
  /** Null where an output of a partial transaction is not known. */
  readonly outputs?: readonly (TransactionOutput | null)[]
  readonly txInpoints?: readonly TxInpoint[]
  /** One entry for each output, in order. */
  readonly utxos?: readonly UtxoSlot[]
  /** Freeze records, by output. Slots that are merely marked as frozen have none. */
  readonly freezes?: readonly FreezeRecord[]
  /** Pages that may carry freeze records. */
  readonly freezePages?: readonly number[]
  readonly conflictingChildren?: readonly Uint8Array[]
}

type Mutable = { -readonly [Name in keyof TransactionMetadata]: TransactionMetadata[Name] }

/**
 * Decodes the bins of a master record. Throws `STORAGE_ERROR` for whatever is not as it was written. Of an
 * external transaction the fields of its body stay out; `external` then says so.
 */
export function decodeMetadata(bins: Bins, fields: readonly Field[]): TransactionMetadata {
  const reader = new MasterReader(bins)
  return (fields === GET_FIELDS ? usualMetadata(reader) : undefined) ?? metadataOf(reader, fields)
}

function metadataOf(reader: MasterReader, fields: readonly Field[]): TransactionMetadata {
  const metadata: Mutable = {}
  for (const decode of decodersOf(fields)) decode(metadata, reader)
  return metadata
}

/**
 * GET_FIELDS of a record that has them all, as one literal: an object that grows field by field takes three times
 * the memory, and a hundred thousand of these are made a second. Undefined where a field is not there.
 */
function usualMetadata(reader: MasterReader): TransactionMetadata | undefined {
  const locktime = reader.integer(BINS.locktime)
  if (locktime === undefined || reader.boolean(BINS.external)) return undefined
  const tx = wholeTransaction(reader)
  if (tx === undefined) return undefined
  return {
    locktime,
    fee: reader.requiredInteger(BINS.fee),
    sizeInBytes: reader.requiredInteger(BINS.sizeInBytes),
    txInpoints: txInpointsOf(reader.inputs),
    blockIds: reader.uint32List(BINS.blockIds),
    blockHeights: reader.uint32List(BINS.blockHeights),
    subtreeIdxs: reader.uint32List(BINS.subtreeIdxs),
    isCoinbase: reader.requiredBoolean(BINS.isCoinbase),
    conflicting: reader.boolean(BINS.conflicting),
    locked: reader.boolean(BINS.locked),
    creating: reader.boolean(BINS.creating),
    tx,
  }
}

/** Inputs are decoded once for all the fields that come from them. */
class MasterReader extends BinReader {
  #inputs: readonly TransactionInput[] | undefined

  get inputs(): readonly TransactionInput[] {
    this.#inputs ??= storedInputs(this)
    return this.#inputs
  }
}

type Decoder = (metadata: Mutable, reader: MasterReader) => void

const decoders = new WeakMap<readonly Field[], readonly Decoder[]>()

/** Each decoder once, though it may be that of several fields. */
function decodersOf(fields: readonly Field[]): readonly Decoder[] {
  const known = decoders.get(fields)
  if (known !== undefined) return known
  const unique = [...new Set(fields.map(field => DECODERS[field]))]
  // What can change is not remembered: a caller may add a field to its list between two calls.
  if (Object.isFrozen(fields)) decoders.set(fields, unique)
  return unique
}

const height =
  (name: 'unminedSince' | 'spendingHeight' | 'preserveUntil'): Decoder =>
  (metadata, reader) =>
    assign(metadata, name, reader.height(BINS[name]))

const integer =
  (
    name:
      | 'version'
      | 'locktime'
      | 'extendedSize'
      | 'createdAt'
      | 'spentUtxos'
      | 'recordUtxos'
      | 'totalUtxos'
      | 'spentExtraRecs',
  ): Decoder =>
  (metadata, reader) =>
    assign(metadata, name, reader.integer(BINS[name]))

const requiredInteger =
  (name: 'fee' | 'sizeInBytes'): Decoder =>
  (metadata, reader) => {
    metadata[name] = reader.requiredInteger(BINS[name])
  }

const flag =
  (name: 'conflicting' | 'locked' | 'creating' | 'external'): Decoder =>
  (metadata, reader) => {
    metadata[name] = reader.boolean(BINS[name])
  }

const blocks: Decoder = (metadata, reader) => {
  metadata.blockIds = reader.uint32List(BINS.blockIds)
  metadata.blockHeights = reader.uint32List(BINS.blockHeights)
  metadata.subtreeIdxs = reader.uint32List(BINS.subtreeIdxs)
}

/** Decodes a field of the body, unless that is in the external store. */
const body =
  (decode: Decoder): Decoder =>
  (metadata, reader) => {
    if (reader.boolean(BINS.external)) metadata.external = true
    else decode(metadata, reader)
  }

const DECODERS: Readonly<Record<Field, Decoder>> = {
  txid: (metadata, reader) => assign(metadata, 'txid', reader.bytes(BINS.txid, 32)),
  version: integer('version'),
  locktime: integer('locktime'),
  fee: requiredInteger('fee'),
  sizeInBytes: requiredInteger('sizeInBytes'),
  extendedSize: integer('extendedSize'),
  spentUtxos: integer('spentUtxos'),
  recordUtxos: integer('recordUtxos'),
  utxos: (metadata, reader) => {
    metadata.utxos = requiredSlots(reader)
    metadata.totalExtraRecs = reader.pageCount(BINS.totalExtraRecs) ?? 0
    metadata.totalUtxos = reader.requiredInteger(BINS.totalUtxos)
  },
  isCoinbase: (metadata, reader) => {
    metadata.isCoinbase = reader.requiredBoolean(BINS.isCoinbase)
  },
  spendingHeight: height('spendingHeight'),
  conflicting: flag('conflicting'),
  locked: flag('locked'),
  creating: flag('creating'),
  totalExtraRecs: (metadata, reader) =>
    assign(metadata, 'totalExtraRecs', reader.pageCount(BINS.totalExtraRecs)),
  totalUtxos: integer('totalUtxos'),
  blockIds: blocks,
  blockHeights: blocks,
  subtreeIdxs: blocks,
  unminedSince: height('unminedSince'),
  createdAt: integer('createdAt'),
  external: flag('external'),
  inputs: body((metadata, reader) => {
    metadata.inputs = reader.inputs
  }),
  outputs: body((metadata, reader) => {
    metadata.outputs = storedOutputs(reader)
  }),
  spentExtraRecs: integer('spentExtraRecs'),
  deleteAtHeight: (metadata, reader) => {
    const height = reader.height(BINS.deleteAtHeight)
    // "Never": some spends of the reference system write it into pages, where this library removes the bin (semantics 3.11).
    assign(metadata, 'deleteAtHeight', height === HEIGHT_MAX ? undefined : height)
  },
  preserveUntil: height('preserveUntil'),
  lastSpentState: (metadata, reader) => assign(metadata, 'lastSpentState', reader.text(BINS.lastSpentState)),
  conflictingChildren: (metadata, reader) => {
    metadata.conflictingChildren = (reader.blobs(BINS.conflictingChildren) ?? []).filter(
      txid => txid !== null,
    )
  },
  freezes: (metadata, reader) => {
    metadata.freezes = freezeRecords(reader, 0)
    const marked = reader.integerKeyedMap(BINS.freezeRecordNumbers)?.keys() ?? []
    metadata.freezePages = [...marked].filter(number => number > 0).sort((a, b) => a - b)
  },
  tx: body((metadata, reader) => {
    assign(metadata, 'tx', wholeTransaction(reader))
  }),
  txInpoints: body((metadata, reader) => {
    metadata.txInpoints = txInpointsOf(reader.inputs)
  }),
}

/** The slots of a page. Throws `STORAGE_ERROR` for a page without, or with a damaged one. */
export function decodePageSlots(bins: Bins): readonly UtxoSlot[] {
  return requiredSlots(new BinReader(bins))
}

/** The freeze records of a page, whose first output is `firstVout`. */
export function decodePageFreezes(bins: Bins, firstVout: number): FreezeRecord[] {
  return freezeRecords(new BinReader(bins), firstVout)
}

function freezeRecords(reader: BinReader, firstVout: number): FreezeRecord[] {
  return [...readFreezes(reader)]
    .map(([offset, window]) => ({ vout: firstVout + offset, window }))
    .sort((a, b) => a.vout - b.vout)
}

/** Unique parents in first-seen order, each with the outputs that are used of it (semantics 3.2). */
export function txInpointsOf(
  inputs: readonly Pick<TransactionInput, 'previousTxid' | 'previousVout'>[],
): TxInpoint[] {
  const only = inputs[0]
  if (only !== undefined && inputs.length === 1)
    return [{ txid: only.previousTxid, vouts: [only.previousVout] }]
  const parents = new Map<string, { txid: Uint8Array; vouts: number[] }>()
  for (const { previousTxid, previousVout } of inputs) {
    const key = txidKey(previousTxid)
    const parent = parents.get(key)
    if (parent === undefined) parents.set(key, { txid: previousTxid, vouts: [previousVout] })
    else parent.vouts.push(previousVout)
  }
  return [...parents.values()]
}

function storedInputs(reader: BinReader): TransactionInput[] {
  const blobs = requiredBlobs(reader, BINS.inputs)
  const inputs = new Array<TransactionInput>(blobs.length)
  for (let vin = 0; vin < blobs.length; vin++) {
    const blob = blobs[vin] ?? null
    if (blob === null) throw new StoreError('STORAGE_ERROR', `the bin ${BINS.inputs} has a nil element`)
    inputs[vin] = decodeStoredInput(blob)
  }
  return inputs
}

function storedOutputs(reader: BinReader): (TransactionOutput | null)[] {
  const blobs = requiredBlobs(reader, BINS.outputs)
  const outputs = new Array<TransactionOutput | null>(blobs.length)
  for (let vout = 0; vout < blobs.length; vout++) {
    const blob = blobs[vout] ?? null
    outputs[vout] = blob === null ? null : decodeStoredOutput(blob)
  }
  return outputs
}

/** Undefined for a partial transaction, which has holes, or no inputs, and is no transaction. */
function wholeTransaction(reader: MasterReader): Transaction | undefined {
  const version = reader.requiredUint32(BINS.version)
  const locktime = reader.requiredUint32(BINS.locktime)
  const { inputs } = reader
  const outputs = storedOutputs(reader)
  if (!isWhole(outputs) || inputs.length === 0) return undefined
  return assembleTransaction({ version, locktime, inputs, outputs })
}

function isWhole(outputs: readonly (TransactionOutput | null)[]): outputs is readonly TransactionOutput[] {
  return !outputs.includes(null)
}

function requiredBlobs(reader: BinReader, bin: string): readonly (Uint8Array | null)[] {
  const blobs = reader.blobs(bin)
  if (blobs === undefined)
    throw new StoreError('STORAGE_ERROR', `the record has no bin ${bin}, and no external body`)
  return blobs
}

function requiredSlots(reader: BinReader): readonly UtxoSlot[] {
  const slots = decodeSlots(reader)
  if (slots === undefined) throw new StoreError('STORAGE_ERROR', `the record has no bin ${BINS.utxos}`)
  return slots
}

function assign<Name extends keyof Mutable>(
  metadata: Mutable,
  name: Name,
  value: Mutable[Name] | undefined,
): void {
  if (value !== undefined) metadata[name] = value
}
