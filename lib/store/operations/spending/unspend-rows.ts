import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { recordNumber, slotOffset } from '../../../record/index.ts'
import { type ApplyRow, RESULT_CODES, type RowAnswer } from '../../../transport/index.ts'
import type { OperateOptions, StoreContext } from '../../context/store-context.ts'
import { mapChunks } from '../../dispatch/map-chunks.ts'
import { recordWaves } from '../../dispatch/record-waves.ts'
import { asStoreError, missingAnswerError, RecordNotFoundError, rowError } from '../../store-errors.ts'
import { parseUdfResponse } from '../../udf/udf-response.ts'
import { followUpSignals } from '../pages/page-accounting.ts'
import { recordIdOf, recordKeyOf } from '../reading/output-target.ts'

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

/**
 * Pages that are fully spent are opened only after their master has heard of it. The pruner removes a transaction
 * by its master, under a filter on the delete-at-height: a master that hears of an open page later than the page
 * is opened could be removed in between, and the output with it.
 */
async function unspendChunk(
  context: StoreContext,
  spends: readonly SpentOutput[],
  height: number,
  options: OperateOptions,
): Promise<(StoreError | undefined)[]> {
  const first = await callUnspend(context, spends, { height, keepsFullPages: true, options })
  const errors = first.map(({ error }) => error)
  const full = first.flatMap((verdict, index) => {
    const spend = spends[index]
    return verdict.isPageFull && spend !== undefined ? [{ spend, index, verdict }] : []
  })
  if (full.length === 0) return errors
  const told = await tellMasters(
    context,
    full.map(({ spend: { txid }, verdict }) => {
      if (verdict.announced) context.countedPages.forget(txid)
      return { txid, change: verdict.announced ? -1 : 0, height, openPages: 1 }
    }),
    options,
  )
  const ready = full.filter(({ index }, at) => {
    errors[index] = told[at]
    return told[at] === undefined
  })
  const second = await callUnspend(
    context,
    ready.map(({ spend, verdict }) => afterAnnouncement(spend, verdict.announced)),
    { height, keepsFullPages: false, options },
  )
  for (const [at, { index }] of ready.entries()) errors[index] = second[at]?.error
  return errors
}

/** Announcing has written the record once. */
function afterAnnouncement(spend: SpentOutput, announced: boolean): SpentOutput {
  if (!announced || spend.generation === undefined) return spend
  const { txid, vout, utxoHash, spendingData, generation } = spend
  return { txid, vout, utxoHash, spendingData, generation: generation + 1 }
}

interface MasterNews {
  readonly txid: Uint8Array
  /** -1 from who announced it; 0 where another did, who may have died, or whose answer was lost. */
  readonly change: -1 | 0
  readonly height: number
  /** One at least: the master cannot count all of its pages, whether or not it has heard of this one. */
  readonly openPages: 1
}

/** Why a master may not have heard, for each; undefined where it has, and is due no more. */
async function tellMasters(
  context: StoreContext,
  news: readonly MasterNews[],
  { signal }: OperateOptions,
): Promise<(StoreError | undefined)[]> {
  const what = 'telling the master that a page is about to have an open output'
  try {
    const outcomes = await context.followUps.increment.submitGroup(news, { signal })
    return outcomes.map(outcome =>
      outcome.status === 'rejected' ? asStoreError(outcome.reason, what) : undefined,
    )
  } catch (error) {
    const failure = asStoreError(error, what)
    return news.map(() => failure)
  }
}

interface CallOptions {
  readonly height: number
  /** Whether an output of a page that is fully spent stays as it is, and its page says that it will be opened. */
  readonly keepsFullPages: boolean
  readonly options: OperateOptions
}

/** One call for each spend, and what their answers ask for. Never throws. */
async function callUnspend(
  context: StoreContext,
  spends: readonly SpentOutput[],
  { height, keepsFullPages, options }: CallOptions,
): Promise<UnspendVerdict[]> {
  if (spends.length === 0) return []
  try {
    const answers = await context.operate(
      spends.map(spend => unspendRow(context, spend, height, keepsFullPages)),
      options,
    )
    const verdicts = spends.map((spend, index) => judge(spend, answers[index]))
    const signals = verdicts.flatMap(({ signal, childCount }, index) => {
      const txid = spends[index]?.txid
      if (signal === undefined || txid === undefined) return []
      const page = recordNumber(spends[index]?.vout ?? 0, context.settings.utxoBatchSize)
      return [{ txid, page, signal, childCount, height }]
    })
    await followUpSignals(context, signals, options.signal)
    return verdicts
  } catch (error) {
    const failure = failed(asStoreError(error, 'the batch failed', { code: 'STORAGE_ERROR' }))
    return spends.map(() => failure)
  }
}

/** Where the call takes a generation, and this is none. */
const ANY_GENERATION = -1

function unspendRow(
  context: StoreContext,
  spend: SpentOutput,
  height: number,
  keepsFullPages: boolean,
): ApplyRow {
  const { vout, utxoHash, spendingData, generation = ANY_GENERATION } = spend
  const offset = slotOffset(vout, context.settings.utxoBatchSize)
  return {
    kind: 'apply',
    key: { set: context.set, userKey: recordKeyOf(context, spend) },
    module: context.modules.main,
    function: 'unspend',
    args: [offset, utxoHash, spendingData, height, context.retention, generation, keepsFullPages, true],
  }
}

interface UnspendVerdict {
  readonly error: StoreError | undefined
  /** For the follow-up; that of an announcement is followed up before the output is freed. */
  readonly signal: string | undefined
  readonly childCount: number
  /** Nothing is undone: the page is fully spent, and its master has to hear first. */
  readonly isPageFull: boolean
  /** It was this call that changed the state of the page, which counts as one page less. */
  readonly announced: boolean
}

const UNDONE = { error: undefined, signal: undefined, childCount: 0, isPageFull: false, announced: false }

function failed(error: StoreError): UnspendVerdict {
  return { ...UNDONE, error }
}

function judge({ txid, vout }: SpentOutput, answer: RowAnswer | undefined): UnspendVerdict {
  const what = `unspending ${txidToHex(txid)}:${vout}`
  if (answer === undefined) return failed(missingAnswerError(what))
  if (answer.status === RESULT_CODES.NOT_FOUND) return failed(new RecordNotFoundError(txid))
  if (answer.status !== 0) return failed(rowError(what, answer.status, answer.inDoubt))
  try {
    const { status, errorCode, message, signal, childCount } = parseUdfResponse(answer.bins)
    if (status === 'OK') return { ...UNDONE, signal, childCount }
    if (errorCode === 'TX_NOT_FOUND') return failed(new RecordNotFoundError(txid))
    if (errorCode === 'CHANGED') return failed(new RecordChangedError(what))
    if (errorCode === 'PAGE_FULL') return { ...UNDONE, isPageFull: true, announced: signal === 'NOTALLSPENT' }
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
