import { txidToHex } from '../../../bitcoin/index.ts'
import type { IncrementRequest } from '../../context/follow-up-pools.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { carryDeleteAtHeights } from './delete-at-height-carrier.ts'
import { type SpentPages, withMissedSignals } from './missed-signals.ts'
import type { RecordSignal } from './record-signal.ts'

const PAGE_COUNT_CHANGE: Readonly<Record<string, number>> = { ALLSPENT: 1, NOTALLSPENT: -1 }

/**
 * Does what signals ask for, for all records of a batch together: has pages that became fully spent counted on
 * their masters, and carries the masters' delete-at-heights to the pages. Runs before the callers are answered,
 * so that who sees success sees it done; a failure is logged and counted, and fails no spend (semantics 3.5, 3.11).
 */
export async function followUpSignals(
  context: StoreContext,
  signals: readonly RecordSignal[],
  abort: AbortSignal | undefined,
): Promise<void> {
  if (signals.length === 0 || context.retention === 0) return
  const all = await withMissedSignals(context, signals)
  for (const [txid, error] of all.failures) report(context, 'delete_at_height', txid, error)
  const [failures] = await Promise.all([
    carryDeleteAtHeights(context, all.signals),
    countSpentPages(context, all.signals, all.spentPages, abort),
  ])
  for (const [txid, error] of failures) report(context, 'delete_at_height', txid, error)
}

/** Tells the masters through the pool, and waits for what follows from it. */
async function countSpentPages(
  context: StoreContext,
  signals: readonly RecordSignal[],
  recounted: readonly SpentPages[],
  abort: AbortSignal | undefined,
): Promise<void> {
  const changes: IncrementRequest[] = signals.flatMap(({ txid, signal, height }) => {
    const change = PAGE_COUNT_CHANGE[signal]
    if (change === -1) context.countedPages.forget(txid)
    return change === undefined ? [] : [{ txid, change, height }]
  })
  const requests = [
    ...changes,
    ...recounted.map(({ txid, pages, height }) => ({ txid, change: 0, height, spentPages: pages })),
  ]
  if (requests.length === 0) return
  try {
    const outcomes = await context.followUps.increment.submitGroup(requests, { signal: abort })
    for (const [index, outcome] of outcomes.entries()) {
      const request = requests[index]
      if (outcome.status === 'rejected' && request !== undefined) notCounted(context, request, outcome.reason)
    }
  } catch (error) {
    for (const request of requests) notCounted(context, request, error)
  }
}

/** A repetition has to look again. */
function notCounted(context: StoreContext, { txid }: IncrementRequest, error: unknown): void {
  context.countedPages.forget(txid)
  report(context, 'increment', txidToHex(txid), error)
}

function report({ logger, metrics }: StoreContext, followUp: string, txid: string, error: unknown): void {
  metrics.followUpFailures.increment({ follow_up: followUp })
  logger.error(
    { event: 'follow_up_failed', follow_up: followUp, txid, err: error },
    'a follow-up of a signal failed; counts of spent pages or delete-at-heights may be wrong',
  )
}
