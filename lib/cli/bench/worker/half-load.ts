import type { Transaction } from '../../../index.ts'
import type { Exchanges } from '../messages.ts'
import type { HalfLoad, OperationName } from '../report.ts'
import { percentile } from '../statistics.ts'
import { type RoundTransactions, roundTransactions } from '../transactions.ts'
import { measureArrivals } from './arrivals.ts'
import { makeCalls } from './calls.ts'
import { watchCollections } from './collections.ts'
import { settlePrepared } from './garbage.ts'
import { watchStolenTime } from './stolen-time.ts'
import type { StoreSubject } from './store-subject.ts'

/** The first calls, as a part of those that count, arrive unmeasured: a store that has just begun is another matter. */
const WARM_UP_SHARE = 0.2
const ROUND_TRIPS = 50

/** Offers an operation at a rate that it can take, and looks at how long calls take then. */
export async function halfLoad(
  store: StoreSubject,
  { operation, callsPerSecond, calls }: Exchanges['halfLoad']['body'],
  signal: AbortSignal,
): Promise<HalfLoad | null> {
  const warmUp = roundTransactions(Math.ceil(calls * WARM_UP_SHARE))
  const transactions = roundTransactions(calls)
  try {
    if (operation !== 'create') {
      await makeCalls(store.work('create', warmUp), signal)
      await makeCalls(store.work('create', transactions), signal)
    }
    for (const each of [warmUp, transactions]) hashTxids(operation, each)
    const [warmUpWork, work] = [store.work(operation, warmUp), store.work(operation, transactions)]
    settlePrepared()
    const roundTripMs = await roundTripOf(store)
    await measureArrivals(warmUpWork, callsPerSecond, signal)
    const collections = watchCollections()
    const stolenShare = watchStolenTime()
    const latencyMs = await measureArrivals(work, callsPerSecond, signal)
    const stolen = stolenShare()
    const { longestMs } = await collections()
    if (latencyMs === undefined) return null
    const p99BoundMs = 3 * ((store.lingerMs(operation) ?? 0) + roundTripMs)
    return {
      operation,
      subject: store.id,
      calls,
      callsPerSecond,
      latencyMs,
      p99BoundMs,
      longestCollectionMs: longestMs,
      stolenShare: stolen,
    }
  } finally {
    await store.clear(warmUp)
    await store.clear(transactions)
  }
}

/**
 * A validator's transaction is as young as its txid, and both are gone soon. Those here have been there for long, so
 * that each txid hashed within would outlive its call, and be copied by every collection until it is old, too.
 */
function hashTxids(operation: OperationName, transactions: RoundTransactions): void {
  if (operation === 'create') transactions.parents.forEach(txidOf)
  if (operation === 'spend') transactions.spenders.forEach(txidOf)
}

function txidOf({ txid }: Transaction): Uint8Array {
  return txid
}

/** The median of the round trips of one row, one after the other. */
async function roundTripOf(store: StoreSubject): Promise<number> {
  const tripsMs: number[] = []
  while (tripsMs.length < ROUND_TRIPS) tripsMs.push(await store.roundTripMs())
  return percentile(
    tripsMs.sort((a, b) => a - b),
    0.5,
  )
}
