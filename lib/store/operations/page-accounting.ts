import { txidToHex } from '../../bitcoin/index.ts'
import { BINS, masterKey, pageKey } from '../../record/index.ts'
import { RESULT_CODES } from '../../transport/index.ts'
import { mapChunks } from '../map-chunks.ts'
import { type PageWrite, writePages } from '../page-writes.ts'
import type { StoreContext } from '../store-context.ts'
import { parseUdfResponse, type UdfResponse } from '../udf/udf-response.ts'

/** A signal that a UDF gave for a record of a transaction with pages (semantics 2.1, 3.11). */
export interface RecordSignal {
  readonly txid: Uint8Array
  readonly signal: string
  /** Pages of the transaction, where the record is its master. */
  readonly childCount: number
  /** The height that the UDF was called with. */
  readonly height: number
}

/**
 * Does what signals ask for, for all records of a batch together: counts pages that became fully spent on
 * their master, and carries the master's delete-at-height to the pages. Runs before the callers are answered,
 * so that who sees success sees it done; a failure is logged and fails no spend (semantics 3.5, 3.11).
 */
export async function followUpSignals(
  context: StoreContext,
  signals: readonly RecordSignal[],
  abort: AbortSignal | undefined,
): Promise<void> {
  if (signals.length === 0 || context.retention === 0) return
  try {
    const counted = await countSpentPages(context, signals, abort)
    const ofMasters = [...signals.filter(({ childCount }) => childCount > 0), ...counted]
    const believed = await believedSignals(context, ofMasters, abort)
    const failures = await writePages(
      context,
      believed.map(signal => pageWrite(context, signal)),
      abort,
    )
    for (const [txid, error] of failures) report(context, txid, error)
  } catch (error) {
    for (const { txid } of signals) report(context, txidToHex(txid), error)
  }
}

function isSet({ signal }: RecordSignal): boolean {
  return signal === 'DAHSET'
}

function pageWrite(context: StoreContext, { txid, signal, childCount, height }: RecordSignal): PageWrite {
  const bin = BINS.deleteAtHeight
  return {
    txid,
    pages: childCount,
    operations: [
      signal === 'DAHSET' ? { kind: 'put', bin, value: height + context.retention } : { kind: 'unset', bin },
    ],
  }
}

const PAGE_COUNT_CHANGE: Readonly<Record<string, number>> = { ALLSPENT: 1, NOTALLSPENT: -1 }

/** Adds up the pages that changed for each transaction, tells the masters, and returns what those signal. */
async function countSpentPages(
  context: StoreContext,
  signals: readonly RecordSignal[],
  abort: AbortSignal | undefined,
): Promise<RecordSignal[]> {
  const changes = new Map<string, { txid: Uint8Array; change: number; height: number }>()
  for (const { txid, signal, height } of signals) {
    const change = PAGE_COUNT_CHANGE[signal]
    if (change === undefined) continue
    const id = txidToHex(txid)
    const before = changes.get(id)
    changes.set(id, {
      txid,
      change: (before?.change ?? 0) + change,
      height: Math.max(height, before?.height ?? 0),
    })
  }
  return mapChunks(context, [...changes.values()], abort, async chunk => {
    const answers = await context.operate(
      chunk.map(({ txid, change, height }) => ({
        kind: 'apply',
        key: { set: context.set, userKey: masterKey(txid) },
        module: context.udfModule,
        function: 'incrementSpentExtraRecs',
        args: [change, height, context.retention],
      })),
      // Counted twice when repeated (semantics 6.2).
      { signal: abort, once: true },
    )
    return chunk.flatMap(({ txid, height }, index) => {
      const answer = answers[index]
      const response = answer?.status === 0 ? parseUdfResponse(answer.bins) : undefined
      if (response?.status !== 'OK') {
        report(context, txidToHex(txid), incrementFailure(answer?.status, response))
        return []
      }
      const { signal, childCount } = response
      return signal === 'DAHSET' || signal === 'DAHUNSET' ? [{ txid, signal, childCount, height }] : []
    })
  })
}

function incrementFailure(status: number | undefined, response: UdfResponse | undefined): Error {
  return new Error(`incrementSpentExtraRecs: ${response?.errorCode ?? `status ${status ?? 'none'}`}`)
}

/**
 * The count of spent pages can drift when a rollback is interrupted, so a master that claims to be fully spent
 * is believed only when its pages say so; otherwise, and when they cannot be read, its delete-at-height is
 * taken back, or live outputs would be pruned (lesson 45). Other signals are passed on.
 */
export async function believedSignals(
  context: StoreContext,
  signals: readonly RecordSignal[],
  abort: AbortSignal | undefined,
): Promise<RecordSignal[]> {
  const claims = signals.filter(signal => isSet(signal) && signal.childCount > 0)
  const pages = claims.flatMap(claim =>
    Array.from({ length: claim.childCount }, (_, page) => ({ claim, page: page + 1 })),
  )
  const drifted = new Set<RecordSignal>()
  await mapChunks(context, pages, abort, async chunk => {
    const spent = await readSpentPages(context, chunk, abort)
    for (const [index, { claim }] of chunk.entries()) if (spent[index] !== true) drifted.add(claim)
    return []
  })
  await takeBack(context, [...drifted], abort)
  return signals.filter(signal => !drifted.has(signal))
}

/** Whether each page is fully spent; false for one that cannot be read. */
async function readSpentPages(
  context: StoreContext,
  pages: readonly { claim: RecordSignal; page: number }[],
  abort: AbortSignal | undefined,
): Promise<boolean[]> {
  try {
    const answers = await context.operate(
      pages.map(({ claim, page }) => ({
        kind: 'read',
        key: { set: context.set, userKey: pageKey(claim.txid, page) },
        bins: [BINS.spentUtxos, BINS.recordUtxos],
      })),
      { signal: abort },
    )
    return pages.map((_, index) => {
      const bins = answers[index]?.bins
      return (
        bins !== undefined &&
        bins[BINS.recordUtxos] !== undefined &&
        bins[BINS.spentUtxos] === bins[BINS.recordUtxos]
      )
    })
  } catch (error) {
    context.logger.warn(
      { event: 'pages_unreadable', err: error },
      'pages could not be read; they count as not fully spent',
    )
    return pages.map(() => false)
  }
}

async function takeBack(
  context: StoreContext,
  masters: readonly RecordSignal[],
  abort: AbortSignal | undefined,
): Promise<void> {
  await mapChunks(context, masters, abort, async chunk => {
    const answers = await context.operate(
      chunk.map(({ txid }) => ({
        kind: 'write',
        key: { set: context.set, userKey: masterKey(txid) },
        operations: [{ kind: 'unset', bin: BINS.deleteAtHeight }],
        exists: 'update-only',
      })),
      { signal: abort },
    )
    for (const [index, { txid }] of chunk.entries()) {
      const status = answers[index]?.status
      const fields = { event: 'spent_pages_drifted', txid: txidToHex(txid), status }
      if (status === RESULT_CODES.OK || status === RESULT_CODES.NOT_FOUND) {
        context.logger.warn(
          fields,
          'a transaction counted as fully spent has a page that is not; its delete-at-height was taken back',
        )
      } else {
        context.logger.error(
          fields,
          'a transaction with unspent outputs keeps its delete-at-height; it could not be taken back',
        )
      }
    }
    return []
  })
}

function report({ logger }: StoreContext, txid: string, error: unknown): void {
  logger.error(
    { event: 'follow_up_failed', txid, err: error },
    'a follow-up of a signal failed; counts of spent pages or delete-at-heights may be wrong',
  )
}
