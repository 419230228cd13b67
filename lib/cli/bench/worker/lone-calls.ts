import type { LoneCall, OperationName } from '../report.ts'
import { latencyOf, percentile } from '../statistics.ts'
import { roundTransactions } from '../transactions.ts'
import type { StoreSubject } from './store-subject.ts'

/** Operations of single calls that wait for company. */
const LONE_OPERATIONS = ['create', 'get', 'spend'] as const satisfies readonly OperationName[]

/** Calls before those that count. */
const WARM_UP_CALLS = 5

/** Calls each operation alone, one call after the other, each followed by a round trip of one row for comparison. */
export async function loneCalls(
  store: StoreSubject,
  calls: number,
  signal: AbortSignal,
): Promise<readonly LoneCall[]> {
  const transactions = roundTransactions(calls + WARM_UP_CALLS)
  const results: LoneCall[] = []
  try {
    for (const operation of LONE_OPERATIONS) {
      const work = store.work(operation, transactions)
      const latenciesMs: number[] = []
      const roundTripsMs: number[] = []
      for (let index = 0; index < work.calls; index++) {
        if (signal.aborted) return results
        const sentAtMs = performance.now()
        const answer = await work.call(index)
        latenciesMs.push(performance.now() - sentAtMs)
        work.check(index, answer)
        roundTripsMs.push(await store.roundTripMs())
      }
      const trips = roundTripsMs.slice(WARM_UP_CALLS).sort((a, b) => a - b)
      results.push({
        operation,
        subject: store.id,
        calls,
        lingerMs: store.lingerMs(operation) ?? 0,
        roundTripMs: { p50: percentile(trips, 0.5), p99: percentile(trips, 0.99) },
        latencyMs: latencyOf(Float64Array.from(latenciesMs.slice(WARM_UP_CALLS))),
      })
    }
    return results
  } finally {
    await store.clear(transactions)
  }
}
