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

/** Others may fill a page again, or look at it, between the two calls that open it; so often it is tried. */
const ANNOUNCEMENTS_MAX = 8

interface Unspending {
  readonly spend: SpentOutput
  readonly index: number
}

/**
 * Pages that are fully spent are opened only after their master has heard of it. The pruner removes a transaction
 * by its master, under a filter on the delete-at-height: a master that hears of an open page later than the page
 * is opened could be removed in between, and the output with it. A page that was filled anew since it said so has been
 * counted again, and the master has to hear again.
 */
async function unspendChunk(
  context: StoreContext,
  spends: readonly SpentOutput[],
  height: number,
  options: OperateOptions,
): Promise<(StoreError | undefined)[]> {
  const errors = new Array<StoreError | undefined>(spends.length)
  let pending: readonly Unspending[] = spends.map((spend, index) => ({ spend, index }))
  let fullPages: FullPages = 'keep'
  for (let announcements = 0; pending.length > 0; announcements++) {
    const verdicts = await callUnspend(
      context,
      pending.map(({ spend }) => spend),
      { height, fullPages, options },
    )
    for (const [at, { index }] of pending.entries()) errors[index] = verdicts[at]?.error
    const full = pending.flatMap((unspending, at) => {
      const verdict = verdicts[at]
      return verdict?.isPageFull ? [{ ...unspending, announced: verdict.announced }] : []
    })
    if (announcements === ANNOUNCEMENTS_MAX) {
      for (const { spend, index } of full) errors[index] = new RecordChangedError(unspendingOf(spend))
      break
    }
    pending = await announced(context, full, height, options, errors)
    fullPages = 'open announced'
  }
  return errors
}

/** Tells the masters of pages that are about to be opened. Returns those of which they have heard, for the next call. */
async function announced(
  context: StoreContext,
  full: readonly (Unspending & { readonly announced: boolean })[],
  height: number,
  options: OperateOptions,
  errors: (StoreError | undefined)[],
): Promise<Unspending[]> {
  if (full.length === 0) return []
  const told = await tellMasters(
    context,
    full.map(({ spend: { txid }, announced }) => {
      if (announced) context.countedPages.forget(txid)
      return { txid, change: announced ? -1 : 0, height, openPages: 1 }
    }),
    options,
  )
  return full.flatMap(({ spend, index, announced }, at) => {
    errors[index] = told[at]
    return told[at] === undefined ? [{ spend: afterAnnouncement(spend, announced), index }] : []
  })
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

/**
 * What becomes of outputs of pages that are fully spent: they stay as they are, and the page says that it will be opened
 * (`keep`); or they are freed where it has said so (`open announced`).
 */
type FullPages = 'keep' | 'open announced'

/** What lua/utxo/unspend.lua takes for them. */
const KEEPS_FULL_PAGE = { keep: true, 'open announced': 'unannounced' } as const

interface CallOptions {
  readonly height: number
  readonly fullPages: FullPages
  readonly options: OperateOptions
}

/** One call for each spend, and what their answers ask for. Never throws. */
async function callUnspend(
  context: StoreContext,
  spends: readonly SpentOutput[],
  { height, fullPages, options }: CallOptions,
): Promise<UnspendVerdict[]> {
  if (spends.length === 0) return []
  try {
    const answers = await context.operate(
      spends.map(spend => unspendRow(context, spend, height, fullPages)),
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
  fullPages: FullPages,
): ApplyRow {
  const { vout, utxoHash, spendingData, generation = ANY_GENERATION } = spend
  const offset = slotOffset(vout, context.settings.utxoBatchSize)
  return {
    kind: 'apply',
    key: { set: context.set, userKey: recordKeyOf(context, spend) },
    module: context.modules.main,
    function: 'unspend',
    args: [
      offset,
      utxoHash,
      spendingData,
      height,
      context.retention,
      generation,
      KEEPS_FULL_PAGE[fullPages],
      true,
    ],
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

function unspendingOf({ txid, vout }: SpentOutput): string {
  return `unspending ${txidToHex(txid)}:${vout}`
}

function judge(spend: SpentOutput, answer: RowAnswer | undefined): UnspendVerdict {
  const { txid } = spend
  const what = unspendingOf(spend)
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
