import { setTimeout as delay } from 'node:timers/promises'
import { txidKey, txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { BINS, HEIGHT_MAX, masterKey, pageCountOf, pageKey } from '../../../record/index.ts'
import { type Bins, RESULT_CODES, type RowAnswer } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import type { Sliceable } from '../../dispatch/map-chunks.ts'
import { forRows, mapRows } from '../../dispatch/map-rows.ts'
import { asStoreError, rowError } from '../../store-errors.ts'
import { PageList, type PageOf } from './page-list.ts'
import type { RecordSignal } from './record-signal.ts'

/** How a record stands, by the signal that would have said so when it came to be. */
const SIGNAL_OF_STANDING: Readonly<Record<string, string>> = {
  DAHSET_STANDS: 'DAHSET',
  DAHUNSET_STANDS: 'DAHUNSET',
}
const PAGE_STANDING = 'ALLSPENT_STANDS'
/** What it takes at the most, as a rule, to count a page on its master. */
const COUNTING_MS = 1_000

function isStanding({ signal }: RecordSignal): boolean {
  return signal === PAGE_STANDING || SIGNAL_OF_STANDING[signal] !== undefined
}

/** The signal of a change, also for a record that stands as it would after the change. */
export function changeOf(signal: string): string {
  return SIGNAL_OF_STANDING[signal] ?? signal
}

/** What is to be done. */
export interface SignalsToFollow {
  /** Of changes: those that were given, and those that were missed. */
  readonly signals: readonly RecordSignal[]
  /** Masters of pages that may not have been counted, with how many of their pages are all spent. */
  readonly spentPages: readonly SpentPages[]
  /** What could not be found out, by display-hex txid. */
  readonly failures: ReadonlyMap<string, StoreError>
}

export interface SpentPages {
  readonly txid: Uint8Array
  readonly pages: number
  readonly height: number
}

/**
 * Signals, and what the answer to an earlier call asked for, if that answer was lost: the call that was made again
 * changed nothing, and only tells how its record stands. Most repetitions come long after everything was done, and on a
 * transaction of thousands of pages; so nothing is written where all is in order, and what was found to be so is not
 * looked at again and again.
 */
export async function withMissedSignals(
  context: StoreContext,
  given: readonly RecordSignal[],
): Promise<SignalsToFollow> {
  const failures = new Map<string, StoreError>()
  const standing = given.filter(isStanding)
  if (standing.length === 0) return { signals: given, spentPages: [], failures }
  const signals = await missedByPages(
    context,
    standing.filter(({ signal, childCount }) => signal !== PAGE_STANDING && childCount > 0),
    failures,
  )
  const spentPages = await uncounted(
    context,
    standing.filter(({ signal }) => signal === PAGE_STANDING),
    failures,
  )
  const changes = given.filter(signal => !isStanding(signal))
  return { signals: [...changes, ...signals], spentPages, failures }
}

/** Masters whose first or last page has another delete-at-height: pages are visited in order. */
async function missedByPages(
  context: StoreContext,
  standing: readonly RecordSignal[],
  failures: Map<string, StoreError>,
): Promise<RecordSignal[]> {
  const masters = [...new Map(standing.map(each => [txidKey(each.txid), each])).values()]
  const looked = masters.flatMap(master => [
    { owner: { master }, page: 1 },
    { owner: { master }, page: master.childCount },
  ])
  const missed = new Set<RecordSignal>()
  await readPages(context, looked, [BINS.deleteAtHeight], failures, ({ owner: { master } }, bins) => {
    const height = bins[BINS.deleteAtHeight]
    const hasHeight = height !== undefined && height !== HEIGHT_MAX
    if (hasHeight !== (changeOf(master.signal) === 'DAHSET')) missed.add(master)
  })
  return [...missed].map(master => ({ ...master, signal: changeOf(master.signal) }))
}

/**
 * Compares the pages of masters with what these have counted, and does so twice before a count is called wrong. Who
 * spends the last output of a page meanwhile, and takes longer than the pause to have it counted, makes the count one too
 * high: then nothing is pruned, since the pages are read before.
 */
async function uncounted(
  context: StoreContext,
  standing: readonly RecordSignal[],
  failures: Map<string, StoreError>,
): Promise<SpentPages[]> {
  const unknown = standing.filter(({ txid, page = 0 }) => !context.countedPages.has(txid, page))
  const masters = [...new Map(unknown.map(each => [txidKey(each.txid), each])).values()]
  const once = await compare(context, masters, failures)
  const suspects = once.filter(({ spent, counted }) => spent.length > counted)
  for (const each of once)
    if (!suspects.includes(each)) context.countedPages.add(each.master.txid, each.total, each.spent)
  if (suspects.length === 0) return []
  // A page may have become all spent only now, and be about to be counted.
  await delay(COUNTING_MS, undefined, { signal: context.closing }).catch(() => {})
  const before = new Map(suspects.map(each => [each.master, each.spent]))
  const again = await compare(context, [...before.keys()], failures)
  return again.flatMap(({ master, total, counted, spent }) => {
    const both = spent.filter(page => before.get(master)?.includes(page))
    context.countedPages.add(master.txid, total, both)
    return both.length > counted ? { txid: master.txid, pages: both.length, height: master.height } : []
  })
}

/** A master's count, and which of its pages are all spent. */
interface Comparison {
  readonly master: RecordSignal
  readonly total: number
  readonly counted: number
  readonly spent: readonly number[]
}

/** Of masters that are there and have not counted all of their pages. */
async function compare(
  context: StoreContext,
  masters: readonly RecordSignal[],
  failures: Map<string, StoreError>,
): Promise<Comparison[]> {
  const counts = await readMasters(context, masters, failures)
  const pages = new PageList(counts, ({ total }) => total)
  const spent = new Map<RecordSignal, number[]>(counts.map(({ master }) => [master, []]))
  await readPages(context, pages, [BINS.lastSpentState], failures, ({ owner: { master }, page }, bins) => {
    if (bins[BINS.lastSpentState] === 'ALLSPENT') spent.get(master)?.push(page)
  })
  return counts
    .filter(({ master }) => !failures.has(txidToHex(master.txid)))
    .map(count => ({ ...count, spent: spent.get(count.master) ?? [] }))
}

async function readMasters(
  context: StoreContext,
  masters: readonly RecordSignal[],
  failures: Map<string, StoreError>,
): Promise<{ master: RecordSignal; total: number; counted: number }[]> {
  const describe = ({ txid }: RecordSignal) => `reading how many pages of ${txidToHex(txid)} are spent`
  const totals = await mapRows(context, masters, undefined, {
    toRow: ({ txid }) => ({
      kind: 'read',
      key: { set: context.set, userKey: masterKey(txid) },
      bins: [BINS.totalExtraRecs, BINS.spentExtraRecs],
    }),
    describe,
    read: (master, answer) => {
      const bins = binsOf(describe(master), answer)
      const total = bins instanceof StoreError ? bins : totalOf(describe(master), bins)
      if (total instanceof StoreError) failures.set(txidToHex(master.txid), total)
      if (bins === undefined || bins instanceof StoreError || total instanceof StoreError) return undefined
      const counted = Number(bins[BINS.spentExtraRecs] ?? 0)
      return counted === total ? undefined : { master, total, counted }
    },
  })
  return totals.filter(each => each !== undefined)
}

function totalOf(what: string, bins: Bins | undefined): number | StoreError {
  try {
    return pageCountOf(bins?.[BINS.totalExtraRecs]) ?? 0
  } catch (error) {
    return asStoreError(error, what, { code: 'STORAGE_ERROR' })
  }
}

type Page = PageOf<{ readonly master: RecordSignal }>

/** A page that is gone was pruned, and has nothing to say. */
async function readPages(
  context: StoreContext,
  pages: Sliceable<Page>,
  bins: readonly string[],
  failures: Map<string, StoreError>,
  take: (page: Page, bins: Bins) => void,
): Promise<void> {
  const describe = ({ owner, page }: Page) => `reading page ${page} of ${txidToHex(owner.master.txid)}`
  await forRows(context, pages, undefined, {
    toRow: ({ owner, page }) => ({
      kind: 'read',
      key: { set: context.set, userKey: pageKey(owner.master.txid, page) },
      bins,
    }),
    describe,
    read: (page, answer) => {
      const found = binsOf(describe(page), answer)
      if (found instanceof StoreError) failures.set(txidToHex(page.owner.master.txid), found)
      else if (found !== undefined) take(page, found)
    },
  })
}

function binsOf(what: string, answer: RowAnswer | StoreError): Bins | StoreError | undefined {
  if (answer instanceof StoreError) return answer
  if (answer.status === RESULT_CODES.NOT_FOUND) return undefined
  return answer.status === RESULT_CODES.OK
    ? (answer.bins ?? {})
    : rowError(what, answer.status, answer.inDoubt)
}
