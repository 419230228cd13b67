import { toTxid, txidToHex } from '../../../bitcoin/index.ts'
import { InvalidArgumentError, StoreError } from '../../../errors/index.ts'
import { decodeSpendingData, SPENDING_DATA_BYTES, slotOffset } from '../../../record/index.ts'
import { type ApplyRow, RESULT_CODES, type RowAnswer } from '../../../transport/index.ts'
import { checkUint32, type TxidInput } from '../../arguments.ts'
import type { OperateOptions, StoreContext } from '../../context/store-context.ts'
import { mapChunks } from '../../dispatch/map-chunks.ts'
import { recordWaves } from '../../dispatch/record-waves.ts'
import {
  aggregateError,
  asStoreError,
  missingAnswerError,
  RecordNotFoundError,
  rowError,
} from '../../store-errors.ts'
import { uniqueTxids } from '../../txids.ts'
import { parseUdfResponse } from '../../udf/udf-response.ts'
import { lockNow } from '../locking/lock-children.ts'
import { followUpSignals } from '../pages/page-accounting.ts'
import type { RecordSignal } from '../pages/record-signal.ts'
import { recordIdOf, recordKeyOf } from '../reading/output-target.ts'

/** A spend to undo: an entry of what `spend` returned fits as it is. */
export interface UnspendInput {
  readonly txid: TxidInput
  readonly vout: number
  readonly utxoHash: Uint8Array
  /** 36 bytes; the proof of ownership: a slot that holds anything else is left alone (incident #766). */
  readonly spendingData: Uint8Array
}

/** A spend as it stands in a slot. */
export interface SpentOutput {
  readonly txid: Uint8Array
  readonly vout: number
  readonly utxoHash: Uint8Array
  readonly spendingData: Uint8Array
  /** Undone only while the record has this generation. */
  readonly generation?: number | undefined
}

/** The record was written since the generation was read; nothing was undone. */
export class RecordChangedError extends StoreError {
  constructor(what: string) {
    super('STORAGE_ERROR', `${what}: the record was written meanwhile`)
  }
}

/** Checks every entry before the first is sent. */
export function prepareUnspends(spends: readonly UnspendInput[]): SpentOutput[] {
  return spends.map((spend, index) => {
    const field = `spends[${index}]`
    const { vout, utxoHash, spendingData } = spend
    checkUint32(`${field}.vout`, vout)
    checkBytes(`${field}.utxoHash`, utxoHash, 32)
    checkBytes(`${field}.spendingData`, spendingData, SPENDING_DATA_BYTES)
    return { txid: toTxid(spend.txid, `${field}.txid`), vout, utxoHash, spendingData }
  })
}

/**
 * Undoes spends in batches; throws an aggregate of what failed after everything was tried. With `markAsLocked`
 * the transactions whose outputs become free are locked before the first one is, masters and pages, so that
 * nobody takes them meanwhile; they stay locked (semantics 3.6). One that cannot be locked ends the call.
 */
export async function unspend(
  context: StoreContext,
  spends: readonly SpentOutput[],
  markAsLocked: boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (markAsLocked) await lockNow(context, uniqueTxids(spends.map(({ txid }) => txid)), true)
  for (const { spendingData } of spends)
    context.acknowledgedSpends.forget(decodeSpendingData(spendingData).txid)
  const errors = await unspendRows(context, spends, context.blockState.current.height, { signal })
  const failures = errors.filter(error => error !== undefined)
  if (failures.length === 1 && failures[0] !== undefined) throw failures[0]
  if (failures.length > 0) {
    throw aggregateError(
      'STORAGE_ERROR',
      `${failures.length} of ${spends.length} outputs could not be unspent`,
      failures,
    )
  }
}

/** One entry for each spend, in order: undefined where it is undone, or was not there to undo. */
export async function unspendRows(
  context: StoreContext,
  spends: readonly SpentOutput[],
  height: number,
  options: OperateOptions,
): Promise<(StoreError | undefined)[]> {
  const errors = new Array<StoreError | undefined>(spends.length)
  const waves = recordWaves(
    spends.map((spend, index) => ({ spend, index })),
    ({ spend }) => recordIdOf(context, spend),
  )
  for (const wave of waves) {
    const outcomes = await mapChunks(context, wave, options.signal, chunk =>
      unspendChunk(
        context,
        chunk.map(({ spend }) => spend),
        height,
        options,
      ),
    )
    for (const [at, { index }] of wave.entries()) errors[index] = outcomes[at]
  }
  return errors
}

async function unspendChunk(
  context: StoreContext,
  spends: readonly SpentOutput[],
  height: number,
  options: OperateOptions,
): Promise<(StoreError | undefined)[]> {
  try {
    const answers = await context.operate(
      spends.map(spend => unspendRow(context, spend, height)),
      options,
    )
    const signals: RecordSignal[] = []
    const verdicts = spends.map((spend, index) => {
      const { error, signal, childCount } = judge(spend, answers[index])
      if (signal !== undefined) signals.push({ txid: spend.txid, signal, childCount, height })
      return error
    })
    await followUpSignals(context, signals, options.signal)
    return verdicts
  } catch (error) {
    const failure = asStoreError(error, 'the batch failed', { code: 'STORAGE_ERROR' })
    return spends.map(() => failure)
  }
}

function unspendRow(context: StoreContext, spend: SpentOutput, height: number): ApplyRow {
  const { vout, utxoHash, spendingData, generation } = spend
  const args = [
    slotOffset(vout, context.settings.utxoBatchSize),
    utxoHash,
    spendingData,
    height,
    context.retention,
  ]
  return {
    kind: 'apply',
    key: { set: context.set, userKey: recordKeyOf(context, spend) },
    module: context.udfModule,
    function: 'unspend',
    args: generation === undefined ? args : [...args, generation],
  }
}

interface UnspendVerdict {
  readonly error: StoreError | undefined
  readonly signal: string | undefined
  readonly childCount: number
}

function judge({ txid, vout }: SpentOutput, answer: RowAnswer | undefined): UnspendVerdict {
  const what = `unspending ${txidToHex(txid)}:${vout}`
  const failed = (error: StoreError): UnspendVerdict => ({ error, signal: undefined, childCount: 0 })
  const notFound = (): UnspendVerdict => failed(new RecordNotFoundError(txid))
  if (answer === undefined) return failed(missingAnswerError(what))
  if (answer.status === RESULT_CODES.NOT_FOUND) return notFound()
  if (answer.status !== 0) return failed(rowError(what, answer.status, answer.inDoubt))
  try {
    const { status, errorCode, message, signal, childCount } = parseUdfResponse(answer.bins)
    if (errorCode === 'TX_NOT_FOUND') return notFound()
    if (errorCode === 'CHANGED') return failed(new RecordChangedError(what))
    if (status === 'OK') return { error: undefined, signal, childCount }
    return failed(
      new StoreError(
        'STORAGE_ERROR',
        `${what}: ${errorCode ?? 'an error without a code'} (${message ?? ''})`,
      ),
    )
  } catch (error) {
    return failed(asStoreError(error, what, { code: 'PROCESSING' }))
  }
}

function checkBytes(field: string, value: Uint8Array, length: number): void {
  if (!(value instanceof Uint8Array) || value.byteLength !== length) {
    throw new InvalidArgumentError(field, `${length} bytes`, value)
  }
}
