import { measure, measureArrivals } from './measure.ts'
import type { Figure, HalfLoad, LoneCall, OperationName } from './report.ts'
import type { StorePair } from './subjects.ts'
import { roundTransactions } from './transactions.ts'

/** Operations of single calls. */
const HALF_LOAD_OPERATIONS: readonly OperationName[] = ['create', 'get', 'previousOutputsDecorate', 'spend']
/** Calls arrive for so long, as far as there are transactions. */
const SECONDS_MAX = 5

/** Offers half of the rate that an operation reached, and looks at how long calls take then. */
export async function* halfLoad(
  { store }: StorePair,
  figures: readonly Figure[],
  lone: readonly LoneCall[],
  signal: AbortSignal,
): AsyncGenerator<HalfLoad> {
  for (const operation of HALF_LOAD_OPERATIONS) {
    const figure = figures.find(each => each.subject === store.id && each.operation === operation)
    if (figure === undefined || signal.aborted) continue
    const callsPerSecond = figure.recordsPerSecond.median / 2
    const transactions = roundTransactions(
      Math.min(figure.records * 4, Math.ceil(callsPerSecond * SECONDS_MAX)),
    )
    try {
      if (operation !== 'create') await measure(store.work('create', transactions), undefined, signal)
      const work = store.work(operation, transactions)
      const latencyMs = await measureArrivals(work, callsPerSecond, signal)
      if (latencyMs === undefined) continue
      const roundTrip = lone.find(each => each.subject === store.id)?.roundTripMs.p50 ?? 0
      const p99BoundMs = 3 * ((store.lingerMs(operation) ?? 0) + roundTrip)
      yield { operation, subject: store.id, calls: work.calls, callsPerSecond, latencyMs, p99BoundMs }
    } finally {
      await store.clear(transactions)
    }
  }
}
