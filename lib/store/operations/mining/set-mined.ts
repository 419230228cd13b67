import { txidToHex } from '../../../bitcoin/index.ts'
import { checkObject, StoreError } from '../../../errors/index.ts'
import { BINS, heightAfter, masterKey } from '../../../record/index.ts'
import { type BinValue, RESULT_CODES, type RowAnswer, type WriteOperation } from '../../../transport/index.ts'
import { checkBoolean, checkHeight, checkUint32 } from '../../arguments.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { forChunks, type Sliceable } from '../../dispatch/map-chunks.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { OneAtATime } from '../../dispatch/one-at-a-time.ts'
import type { OnProgress } from '../../dispatch/progress.ts'
import { FailureTally } from '../../failure-tally.ts'
import { asStoreError, RecordNotFoundError, rowError } from '../../store-errors.ts'
import { uniqueTxids } from '../../txids.ts'
import { blockIdsOf, parseUdfResponse, type UdfResponse } from '../../udf/udf-response.ts'
import { alignPages } from '../pages/delete-at-height-carrier.ts'
import { changeOf } from '../pages/missed-signals.ts'
import { alignLocks } from '../pages/page-locks.ts'
import { type PageWrite, writePages } from '../pages/page-writes.ts'
import type { RecordSignal } from '../pages/record-signal.ts'
import { verifyClaims } from '../pages/spent-pages.ts'
import { setMinedFiltered } from './set-mined-statements.ts'

/** The block that holds the transactions. */
export interface MinedInfo {
  readonly blockId: number
  readonly blockHeight: number
  readonly subtreeIdx: number
  readonly onLongestChain: boolean
  /** Takes the block away again. */
  readonly unsetMined?: boolean | undefined
}

/** Block ids of each transaction after the call, by display-hex txid. */
export type MinedBlocks = ReadonlyMap<string, readonly number[]>

/** Some transactions could not be set mined. `blockIds` has the ones that could; `cause` the first ten errors. */
export class SetMinedError extends StoreError {
  override readonly name = 'SetMinedError'
  readonly blockIds: MinedBlocks

  constructor(blockIds: MinedBlocks, failures: FailureTally, total: number) {
    const code = failures.code === 'TX_NOT_FOUND' ? 'TX_NOT_FOUND' : 'STORAGE_ERROR'
    const [first] = failures.first
    super(code, `${failures.count} of ${total} transactions could not be set mined: ${first?.message}`, {
      cause: failures.cause,
    })
    this.blockIds = blockIds
  }
}

export function checkMinedInfo(info: MinedInfo): void {
  checkObject('minedInfo', info)
  checkUint32('minedInfo.blockId', info.blockId)
  checkHeight('minedInfo.blockHeight', info.blockHeight)
  checkUint32('minedInfo.subtreeIdx', info.subtreeIdx)
  checkBoolean('minedInfo.onLongestChain', info.onLongestChain)
  if (info.unsetMined !== undefined) checkBoolean('minedInfo.unsetMined', info.unsetMined)
}

/**
 * Records a block on many transactions, batch by batch; every one is tried before a failure is thrown (semantics
 * 3.7). Of a batch nothing is kept but its block ids, and its first failures.
 */
export async function setMinedMulti(
  context: StoreContext,
  txids: Sliceable<Uint8Array>,
  info: MinedInfo,
  signal: AbortSignal | undefined,
  onProgress?: OnProgress,
): Promise<MinedBlocks> {
  const { maxMinedBatchSize: size, maxMinedRoutines: lanes } = context.settings
  const args = udfArguments(context, info)
  const filtered = setMinedFiltered(context, info)
  const blockIds = new Map<string, readonly number[]>()
  const failures = new FailureTally()
  // A batch of masters may have many batches of pages: only one batch's are on their way at a time.
  const pages = new OneAtATime()
  await forChunks(txids, { size, lanes, signal, onProgress }, async chunk => {
    const outcomes = await mapRows(context, uniqueTxids(chunk), signal, {
      toRow: txid => ({
        kind: 'apply',
        key: { set: context.set, userKey: masterKey(txid) },
        module: context.modules.setMined,
        function: 'setMined',
        args,
      }),
      describe: what,
      read: (txid, answer) => verdict(txid, answer, info),
      filtered,
    })
    for (const { txid, blockIds: listed, error } of outcomes) {
      if (error !== undefined) failures.add(error)
      // Each its own list: that of a first block stands for all transactions of the call.
      else if (listed !== undefined) blockIds.set(txidToHex(txid), [...listed])
    }
    const signals = pageSignals(outcomes, info)
    if (signals.length === 0) return
    failures.addAll((await pages.run(() => carryToPages(context, signals, info))).values())
  })
  if (failures.count > 0) throw new SetMinedError(blockIds, failures, txids.length)
  return blockIds
}

/**
 * What mined masters with pages ask for: their pages unlocked, complete, and with their delete-at-height. Done
 * for the good records even if others failed, and apart from the caller's signal: outputs on pages would stay
 * locked (incident #1037).
 */
async function carryToPages(
  context: StoreContext,
  signals: readonly RecordSignal[],
  info: MinedInfo,
): Promise<Map<string, StoreError>> {
  const claims = signals.filter(({ signal }) => signal === 'DAHSET')
  const { believed, failures } = await verifyClaims(context, claims)
  const isBelieved = new Set(believed)
  const writes = signals.map(signal => pageWrite(context, signal, isBelieved.has(signal), info))
  const failed = await writePages(
    context,
    writes.filter(({ operations }) => operations.length > 0),
    undefined,
  )
  const written = believed.map(({ txid, childCount, height }) => ({
    txid,
    pages: childCount,
    deleteAtHeight: heightAfter(height, context.retention),
  }))
  const unlocked = info.unsetMined
    ? []
    : signals.map(({ txid, childCount }) => ({ txid, pages: childCount, locked: false }))
  const unaligned = [await alignPages(context, written), await alignLocks(context, unlocked)]
  return new Map([...failures, ...failed, ...unaligned.flatMap(each => [...each])])
}

/** What the masters that have pages say of them. */
function pageSignals(outcomes: readonly MinedOutcome[], { blockHeight }: MinedInfo): RecordSignal[] {
  return outcomes.flatMap(({ txid, response }) =>
    response === undefined || response.childCount === 0
      ? []
      : [
          {
            txid,
            // Of a repetition as well: the pages are visited in any case.
            signal: changeOf(response.signal ?? ''),
            childCount: response.childCount,
            height: blockHeight,
          },
        ],
  )
}

interface MinedOutcome {
  readonly txid: Uint8Array
  readonly response?: UdfResponse
  readonly blockIds?: readonly number[] | undefined
  readonly error?: StoreError
}

/** The arguments of the UDF, the same for every transaction of a call. */
function udfArguments({ blockState, retention }: StoreContext, info: MinedInfo): readonly BinValue[] {
  const { blockId, blockHeight, subtreeIdx, onLongestChain, unsetMined = false } = info
  // Without a tip the block at hand is the best that is known of it.
  const currentHeight = heightAfter(blockState.current.height || blockHeight, 1)
  return [blockId, blockHeight, subtreeIdx, currentHeight, retention, onLongestChain, unsetMined, true]
}

function what(txid: Uint8Array): string {
  return `setting ${txidToHex(txid)} mined`
}

function verdict(
  txid: Uint8Array,
  answer: RowAnswer | StoreError,
  { blockId, unsetMined = false }: MinedInfo,
): MinedOutcome {
  if (answer instanceof StoreError) return { txid, error: answer }
  try {
    if (answer.status === RESULT_CODES.NOT_FOUND) return missing(txid, unsetMined)
    if (answer.status !== 0) return { txid, error: rowError(what(txid), answer.status, answer.inDoubt) }
    const response = parseUdfResponse(answer.bins)
    if (response.status === 'OK') {
      const blockIds = blockIdsOf(response)
      if (unsetMined || blockIds?.includes(blockId)) return { txid, response, blockIds }
      return {
        txid,
        response,
        error: new StoreError(
          'STORAGE_ERROR',
          `${what(txid)}: the record does not list block ${blockId} afterwards`,
        ),
      }
    }
    if (response.errorCode === 'TX_NOT_FOUND') return missing(txid, unsetMined)
    return {
      txid,
      error: new StoreError('STORAGE_ERROR', `${what(txid)}: ${response.errorCode} (${response.message})`),
    }
  } catch (error) {
    return { txid, error: asStoreError(error, what(txid), { code: 'PROCESSING' }) }
  }
}

/** A transaction that is not there has no block to take away. */
function missing(txid: Uint8Array, unsetMined: boolean): MinedOutcome {
  if (unsetMined) return { txid }
  return { txid, error: new RecordNotFoundError(txid) }
}

function pageWrite(
  context: StoreContext,
  { txid, signal, childCount, height }: RecordSignal,
  isBelieved: boolean,
  { unsetMined = false }: MinedInfo,
): PageWrite {
  const operations: WriteOperation[] = []
  if (!unsetMined)
    operations.push({ kind: 'put', bin: BINS.locked, value: false }, { kind: 'unset', bin: BINS.creating })
  const bin = BINS.deleteAtHeight
  if (signal === 'DAHSET' && isBelieved)
    operations.push({ kind: 'put', bin, value: heightAfter(height, context.retention) })
  else if (signal === 'DAHSET' || signal === 'DAHUNSET') operations.push({ kind: 'unset', bin })
  return { txid, pages: childCount, operations }
}
