import { toTxid, txidToHex } from '../../bitcoin/index.ts'
import { InvalidArgumentError, StoreError } from '../../errors/index.ts'
import {
  decodeSpendingData,
  pageKey,
  recordNumber,
  SPENDING_DATA_BYTES,
  slotOffset,
} from '../../record/index.ts'
import { type ApplyRow, RESULT_CODES, type RowAnswer } from '../../transport/index.ts'
import { checkUint32, type TxidInput } from '../arguments.ts'
import { mapChunks } from '../map-chunks.ts'
import type { OperateOptions, StoreContext } from '../store-context.ts'
import { aggregateError, asStoreError, missingAnswerError, rowError } from '../store-errors.ts'
import { parseUdfResponse } from '../udf/udf-response.ts'
import { followUpSignals, type RecordSignal } from './page-accounting.ts'

/** A spend to undo: an entry of what `spend` returned fits as it is. */
export interface UnspendInput {
  readonly txid: TxidInput
  readonly vout: number
  readonly utxoHash: Uint8Array
  /** 36 bytes; the proof of ownership: a slot that holds anything else is left alone (incident #766). */
  readonly spendingData: Uint8Array
}

interface SpentOutput {
  readonly txid: Uint8Array
  readonly vout: number
  readonly utxoHash: Uint8Array
  readonly spendingData: Uint8Array
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

/** Undoes spends in batches; throws an aggregate of what failed after everything was tried. */
export async function unspend(
  context: StoreContext,
  spends: readonly SpentOutput[],
  signal: AbortSignal | undefined,
): Promise<void> {
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
  for (const wave of wavesByRecord(context, spends)) {
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

/** The most rows for one record in one batch: a server refuses more than 20 that wait for it with KEY_BUSY. */
const ROWS_PER_RECORD_MAX = 8

/** Distributes the spends so that no batch has too many rows for one record. */
function wavesByRecord(
  context: StoreContext,
  spends: readonly SpentOutput[],
): { spend: SpentOutput; index: number }[][] {
  const rowsSoFar = new Map<string, number>()
  const waves: { spend: SpentOutput; index: number }[][] = []
  for (const [index, spend] of spends.entries()) {
    const record = `${txidToHex(spend.txid)}/${recordNumber(spend.vout, context.settings.utxoBatchSize)}`
    const rows = rowsSoFar.get(record) ?? 0
    rowsSoFar.set(record, rows + 1)
    const wave = Math.floor(rows / ROWS_PER_RECORD_MAX)
    waves[wave] ??= []
    waves[wave]?.push({ spend, index })
  }
  return waves
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

function unspendRow(
  context: StoreContext,
  { txid, vout, utxoHash, spendingData }: SpentOutput,
  height: number,
): ApplyRow {
  const { utxoBatchSize } = context.settings
  return {
    kind: 'apply',
    key: { set: context.set, userKey: pageKey(txid, recordNumber(vout, utxoBatchSize)) },
    module: context.udfModule,
    function: 'unspend',
    args: [slotOffset(vout, utxoBatchSize), utxoHash, spendingData, height, context.retention],
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
  const notFound = (): UnspendVerdict =>
    failed(new StoreError('TX_NOT_FOUND', `transaction ${txidToHex(txid)} is not in the store`))
  if (answer === undefined) return failed(missingAnswerError(what))
  if (answer.status === RESULT_CODES.NOT_FOUND) return notFound()
  if (answer.status !== 0) return failed(rowError(what, answer.status, answer.inDoubt))
  try {
    const { status, errorCode, message, signal, childCount } = parseUdfResponse(answer.bins)
    if (errorCode === 'TX_NOT_FOUND') return notFound()
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
