import type { UtxoStore } from 'aerospike-utxo-store'
import { coinbase, LOCKING_SCRIPT, spending } from './sample-transactions.ts'
import {
  type Accepts,
  isAmount,
  isBoolean,
  isBytes,
  isEmptyList,
  isFunction,
  isHeightOrBeyond,
  isObject,
  isPositive,
  isUint32,
  isWholeNumber,
  nothing,
  optional,
} from './wrong-values.ts'

/** Members that are no calls, and those that are more than calls, which have tests of their own. */
type Others =
  | 'transport'
  | 'transportChoice'
  | 'settings'
  | 'blockState'
  | 'setBlockState'
  | 'health'
  | 'close'
  | typeof Symbol.asyncDispose

export type CallName = Exclude<keyof UtxoStore, Others>

/** Where in the arguments, what an error calls it, and what is right there. */
export type Place = readonly [path: string, field: string, accepts: Accepts]

export interface CallArguments {
  /** Right ones; the options are the last. */
  readonly right: readonly unknown[]
  /** Every place in those before the options. */
  readonly places: readonly Place[]
  /** The options beside `signal`. */
  readonly options?: Readonly<Record<string, Accepts>>
}

const txid = new Uint8Array(32).fill(7)
const output = { satoshis: 1n, lockingScript: LOCKING_SCRIPT }
const outpoint = { txid, vout: 0, utxoHash: new Uint8Array(32) }
const parent = coinbase()
const tx = spending([{ tx: parent, vout: 0 }])
/** As a caller would write it down: no parser has made it. */
const parts = { version: 1, locktime: 0, inputs: tx.inputs, outputs: tx.outputs }
const block = { blockId: 1, blockHeight: 1, subtreeIdx: 0 }

const flag = optional(isBoolean)
const told = optional(isFunction)

const LIST_OF_TXIDS: readonly Place[] = [
  ['0', 'txids', isEmptyList],
  ['0.0', 'txids[0]', nothing],
]
const TXID: readonly Place[] = [['0', 'txid', nothing]]
const TRANSACTION: readonly Place[] = [
  // The parser names what it was reading of bytes.
  ['0', '', nothing],
  ['0.version', 'version', isUint32],
  ['0.locktime', 'locktime', isUint32],
  ['0.inputs', '', isEmptyList],
  ['0.inputs.0', 'inputs[0]', nothing],
  ['0.inputs.0.previousTxid', 'inputs[0].previousTxid', nothing],
  ['0.inputs.0.previousVout', 'inputs[0].previousVout', isUint32],
  ['0.inputs.0.unlockingScript', 'inputs[0].unlockingScript', isBytes],
  ['0.inputs.0.sequence', 'inputs[0].sequence', isUint32],
  ['0.inputs.0.previousSatoshis', 'inputs[0].previousSatoshis', optional(isAmount)],
  ['0.inputs.0.previousLockingScript', 'inputs[0].previousLockingScript', optional(isBytes)],
  ['0.outputs', '', isEmptyList],
  ['0.outputs.0', 'outputs[0]', nothing],
  ['0.outputs.0.satoshis', 'outputs[0].satoshis', isAmount],
  ['0.outputs.0.lockingScript', 'outputs[0].lockingScript', isBytes],
]
const CREATION_OPTIONS = {
  minedBlockInfos: optional(isEmptyList),
  'minedBlockInfos.0': nothing,
  'minedBlockInfos.0.blockId': isUint32,
  'minedBlockInfos.0.blockHeight': isUint32,
  'minedBlockInfos.0.subtreeIdx': isUint32,
  isCoinbase: flag,
  frozen: flag,
  locked: flag,
  conflicting: flag,
} as const
const SPEND_OPTIONS = {
  ignoreConflicting: flag,
  ignoreLocked: flag,
  ignorePolicyFreeze: flag,
  ignoreConsensusFreeze: flag,
} as const

function outputPlaces(path: string, field: string): Place[] {
  return [
    [path, field, nothing],
    [`${path}.txid`, `${field}.txid`, nothing],
    [`${path}.vout`, `${field}.vout`, isUint32],
    [`${path}.utxoHash`, `${field}.utxoHash`, optional(nothing)],
  ]
}

/** Every call of the store: a new one does not compile before somebody has written down what it takes. */
export const CALL_ARGUMENTS = {
  create: {
    right: [parts, 1, { minedBlockInfos: [block] }],
    places: [...TRANSACTION, ['1', 'blockHeight', isUint32]],
    options: { ...CREATION_OPTIONS, skipExtendedInputs: flag },
  },
  createPartial: {
    right: [txid, new Map([[0, output]]), 1, { minedBlockInfos: [block] }],
    places: [
      ...TXID,
      ['1', 'outputs', nothing],
      ['1.0', 'outputs[0]', nothing],
      ['1.0.satoshis', 'outputs[0].satoshis', isAmount],
      ['1.0.lockingScript', 'outputs[0].lockingScript', isBytes],
      ['2', 'blockHeight', isUint32],
    ],
    options: CREATION_OPTIONS,
  },
  get: {
    right: [txid, ['fee'], {}],
    places: [...TXID, ['1', 'fields', optional(nothing)], ['1.0', 'fields[0]', nothing]],
  },
  getMeta: { right: [txid, {}], places: TXID },
  batchDecorate: {
    right: [[txid], ['fee'], {}],
    places: [...LIST_OF_TXIDS, ['1', 'fields', optional(nothing)], ['1.0', 'fields[0]', nothing]],
    options: { onProgress: told },
  },
  previousOutputsDecorate: { right: [parts, {}], places: TRANSACTION },
  batchPreviousOutputsDecorate: {
    right: [[parts], {}],
    // An entry that is wrong fails alone.
    places: [['0', 'txs', Array.isArray]],
    options: { onProgress: told },
  },
  delete: { right: [txid, {}], places: TXID },
  deleteComplete: { right: [txid, {}], places: TXID },
  spend: {
    right: [parts, 1, {}],
    places: [...TRANSACTION, ['1', 'blockHeight', isPositive]],
    options: SPEND_OPTIONS,
  },
  spendAndCreate: {
    right: [parts, 1, { minedBlockInfos: [block] }],
    places: [...TRANSACTION, ['1', 'blockHeight', isPositive]],
    options: {
      ...SPEND_OPTIONS,
      ...CREATION_OPTIONS,
      skipExtendedInputs: flag,
      createOnly: flag,
      spendOnly: flag,
      confirmSpends: flag,
    },
  },
  unspend: {
    right: [[{ ...outpoint, spendingData: new Uint8Array(36) }], {}],
    places: [
      ['0', 'spends', isEmptyList],
      ['0.0', 'spends[0]', nothing],
      ['0.0.txid', 'spends[0].txid', nothing],
      ['0.0.vout', 'spends[0].vout', isUint32],
      ['0.0.utxoHash', 'spends[0].utxoHash', nothing],
      ['0.0.spendingData', 'spends[0].spendingData', nothing],
    ],
    options: { markAsLocked: flag },
  },
  getSpend: {
    right: [outpoint, {}],
    places: outputPlaces('0', 'output'),
    options: { blockHeight: optional(isUint32) },
  },
  freezeUtxos: {
    right: [[outpoint], {}],
    places: [['0', 'outputs', isEmptyList], ...outputPlaces('0.0', 'outputs[0]')],
    options: {
      from: optional(isHeightOrBeyond),
      until: optional(isHeightOrBeyond),
      policyExpires: flag,
    },
  },
  unfreezeUtxos: {
    right: [[outpoint], {}],
    places: [['0', 'outputs', isEmptyList], ...outputPlaces('0.0', 'outputs[0]')],
  },
  reassignUtxo: {
    right: [outpoint, output, {}],
    places: [
      ...outputPlaces('0', 'output'),
      ['1', 'newOutput', nothing],
      ['1.satoshis', 'newOutput.satoshis', isAmount],
      ['1.lockingScript', 'newOutput.lockingScript', isBytes],
    ],
  },
  getFreezeRecords: { right: [txid, {}], places: TXID },
  setLocked: {
    right: [[txid], true, {}],
    places: [...LIST_OF_TXIDS, ['1', 'locked', isBoolean]],
    options: { onProgress: told },
  },
  setConflicting: { right: [[txid], true, {}], places: [...LIST_OF_TXIDS, ['1', 'value', isBoolean]] },
  removeFromConflictingChildren: {
    right: [[{ parentTxid: txid, childTxid: txid }], {}],
    places: [
      ['0', 'removals', isEmptyList],
      ['0.0', 'removals[0]', nothing],
      ['0.0.parentTxid', 'removals[0].parentTxid', nothing],
      ['0.0.childTxid', 'removals[0].childTxid', nothing],
    ],
  },
  getConflictingChildren: { right: [txid, {}], places: TXID },
  getCounterConflicting: { right: [txid, {}], places: TXID },
  getAndLockChildren: { right: [txid, {}], places: TXID },
  processConflicting: {
    right: [[txid], { blockHeight: 1, blockHash: txid }, {}],
    places: [
      ['0', 'winners', nothing],
      ['0.0', 'winners[0]', nothing],
      ['1', 'block', nothing],
      ['1.blockHeight', 'block.blockHeight', isPositive],
      ['1.blockHash', 'block.blockHash', nothing],
    ],
  },
  pendingConflictIntents: { right: [{}], places: [] },
  recoverConflicts: { right: [() => false, {}], places: [['0', 'isWanted', told]] },
  discardConflictIntent: { right: [txid, {}], places: [['0', 'intentId', nothing]] },
  setMinedMulti: {
    right: [[txid], { ...block, onLongestChain: true }, {}],
    places: [
      ...LIST_OF_TXIDS,
      ['1', 'minedInfo', nothing],
      ['1.blockId', 'minedInfo.blockId', isUint32],
      ['1.blockHeight', 'minedInfo.blockHeight', isUint32],
      ['1.subtreeIdx', 'minedInfo.subtreeIdx', isUint32],
      ['1.onLongestChain', 'minedInfo.onLongestChain', isBoolean],
      ['1.unsetMined', 'minedInfo.unsetMined', flag],
    ],
    options: { onProgress: told },
  },
  markTransactionsOnLongestChain: {
    right: [[txid], true, {}],
    places: [...LIST_OF_TXIDS, ['1', 'onLongestChain', isBoolean]],
    options: { onProgress: told },
  },
  queryOldUnminedTransactions: { right: [1, {}], places: [['0', 'cutoff', isUint32]] },
  prune: {
    right: [1, {}],
    places: [['0', 'height', isUint32]],
    options: { onProgress: told, isCatchingUp: flag, trigger: optional(nothing) },
  },
  preserveTransactions: {
    right: [[txid], 1, {}],
    places: [...LIST_OF_TXIDS, ['1', 'height', isPositive]],
  },
  processExpiredPreservations: { right: [1, {}], places: [['0', 'currentHeight', isUint32]] },
  incrementSpentRecords: {
    right: [txid, 1, 1, {}],
    places: [...TXID, ['1', 'change', isWholeNumber], ['2', 'height', isPositive]],
  },
  setDeleteAtHeightForChildRecords: {
    right: [txid, 1, 1, {}],
    places: [...TXID, ['1', 'pages', isUint32], ['2', 'deleteAtHeight', isUint32]],
  },
  unminedTransactions: { right: [{}], places: [], options: { onProgress: told } },
  conflictingTransactions: { right: [{}], places: [], options: { onProgress: told } },
  inconsistentTransactions: {
    right: [{}],
    places: [],
    options: { onProgress: told, isOnLongestChain: told },
  },
} as const satisfies Readonly<Record<CallName, CallArguments>>

/** Creating alone is another way through the call. */
export const CREATE_ONLY: CallArguments = {
  right: [parts, 1, { createOnly: true, minedBlockInfos: [block] }],
  places: [...TRANSACTION, ['1', 'blockHeight', isUint32]],
  options: { ...CREATION_OPTIONS, skipExtendedInputs: flag },
}

/** The places of a call, its options included, which come last. */
export function placesOf({ right, places, options = {} }: CallArguments): readonly Place[] {
  const at = String(right.length - 1)
  const ofOptions = Object.entries({ signal: optional(nothing), ...options }).map(
    ([path, accepts]): Place => [`${at}.${path}`, path.replaceAll(/\.(\d+)/g, '[$1]'), accepts],
  )
  return [...places, [at, 'options', optional(isObject)], ...ofOptions]
}

/** The right arguments with another value in one place. */
export function withValue(container: unknown, path: readonly string[], value: unknown): unknown {
  const [step, ...rest] = path
  if (step === undefined) return value
  if (container instanceof Map) {
    const key = Number(step)
    return new Map([...container, [key, withValue(container.get(key), rest, value)]])
  }
  if (Array.isArray(container)) {
    const copy = [...container]
    copy[Number(step)] = withValue(copy[Number(step)], rest, value)
    return copy
  }
  const known = container as Readonly<Record<string, unknown>>
  return { ...known, [step]: withValue(known[step], rest, value) }
}
