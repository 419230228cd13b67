import { txidFromHex, txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { BINS, decodeSlot, deletedChildren, masterKey, pageKey } from '../../../record/index.ts'
import { type BatchRow, type Bins, RESULT_CODES, type RowAnswer } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { asStoreError, missingAnswerError, rowError } from '../../store-errors.ts'
import type { Candidate } from './prune-chunk.ts'
import { countFailed, type PruneRun } from './prune-run.ts'

/** Bins that the check reads beside those that pruning reads anyway. */
export const DEFENSIVE_BINS = [BINS.utxos, BINS.deletedChildren] as const

/** Pages that are held in memory at a time. */
const PAGES_AT_ONCE = 128

/**
 * Those candidates whose outputs are spent for good: every spender is mined, and its last block as deep as the
 * retention, or is pruned itself (semantics 5.1). The others are counted as skipped.
 */
export async function withSafeSpenders(
  run: PruneRun,
  candidates: readonly Candidate[],
): Promise<Candidate[]> {
  const spenders = new Map<Candidate, ReadonlySet<string>>()
  for (const candidate of candidates) {
    try {
      spenders.set(candidate, await spendersOf(run.context, candidate))
    } catch (error) {
      countFailed(
        run,
        candidate.txid,
        asStoreError(error, `reading the spenders of ${txidToHex(candidate.txid)}`),
      )
    }
  }
  const safe = await safeSpenders(run, new Set([...spenders.values()].flatMap(txids => [...txids])))
  return [...spenders].flatMap(([candidate, txids]) => {
    if ([...txids].every(txid => safe.has(txid))) return [candidate]
    run.counts.skipped += 1
    return []
  })
}

/** Display hex of the spenders of all outputs that are not told of as pruned. */
async function spendersOf(context: StoreContext, candidate: Candidate): Promise<ReadonlySet<string>> {
  const { txid, pages, record } = candidate
  const spenders = new Set(spendersOfRecord(record.bins))
  for (let begin = 1; begin <= pages; begin += PAGES_AT_ONCE) {
    const numbers = Array.from({ length: Math.min(PAGES_AT_ONCE, pages - begin + 1) }, (_, n) => begin + n)
    const describe = (page: number): string => `reading page ${page} of ${txidToHex(txid)}`
    await mapRows(context, numbers, undefined, {
      toRow: page => ({
        kind: 'read',
        key: { set: context.set, userKey: pageKey(txid, page) },
        bins: DEFENSIVE_BINS,
      }),
      describe,
      read: (page, answer) => {
        if (answer instanceof StoreError) throw answer
        if (answer.status !== RESULT_CODES.OK && answer.status !== RESULT_CODES.NOT_FOUND)
          throw rowError(describe(page), answer.status, false)
        for (const spender of spendersOfRecord(answer.bins ?? {})) spenders.add(spender)
      },
    })
  }
  return spenders
}

function spendersOfRecord(bins: Bins): string[] {
  const utxos = bins[BINS.utxos]
  if (!Array.isArray(utxos)) return []
  const pruned = deletedChildren(bins[BINS.deletedChildren])
  return utxos.flatMap(value => {
    const slot = decodeSlot(value)
    if (slot.state !== 'spent') return []
    const spender = txidToHex(slot.spendingData.subarray(0, 32))
    return pruned.has(spender) ? [] : [spender]
  })
}

async function safeSpenders(run: PruneRun, txids: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  const { context } = run
  const size = context.settings.prunerUtxoDefensiveBatchReadSize
  const all = [...txids]
  const safe = new Set<string>()
  for (let begin = 0; begin < all.length; begin += size) {
    const part = all.slice(begin, begin + size)
    const answers = await context.operate(part.map(txid => spenderRow(context, txid)))
    for (const [index, txid] of part.entries()) if (isSafe(run, txid, answers[index])) safe.add(txid)
  }
  return safe
}

function spenderRow({ set }: StoreContext, txid: string): BatchRow {
  const key = { set, userKey: masterKey(txidFromHex(txid)) }
  return { kind: 'read', key, bins: [BINS.blockHeights, BINS.unminedSince] }
}

function isSafe({ context, height }: PruneRun, txid: string, answer: RowAnswer | undefined): boolean {
  const what = `reading the spender ${txid}`
  if (answer === undefined) throw missingAnswerError(what)
  if (answer.status === RESULT_CODES.NOT_FOUND) return true
  if (answer.status !== RESULT_CODES.OK) throw rowError(what, answer.status, false)
  const heights = answer.bins?.[BINS.blockHeights]
  if (!Array.isArray(heights) || heights.length === 0 || answer.bins?.[BINS.unminedSince] !== undefined)
    return false
  return height >= Math.max(...heights.map(Number)) + context.retention
}
