import { SOAK_CYCLE } from '../subject.ts'
import { roundTransactions } from '../transactions.ts'
import { makeCalls } from './calls.ts'
import type { StoreSubject } from './store-subject.ts'

/**
 * Calls a store for each operation once on transactions that it has not seen, and removes their records, so that the
 * server does not fill up. Nothing of it is held afterwards. Returns how many operations it made, those of a list
 * counted by its members; the signal ends it early.
 */
export async function soakCycle(store: StoreSubject, count: number, signal: AbortSignal): Promise<number> {
  const transactions = roundTransactions(count)
  let operations = 0
  try {
    for (const operation of SOAK_CYCLE) {
      if (signal.aborted) break
      const work = store.work(operation, transactions)
      let calls = 0
      const check = (index: number, answer: unknown): void => {
        work.check(index, answer)
        calls += 1
      }
      await makeCalls({ ...work, check }, signal)
      // Lists are of one length, but for the last.
      operations += Math.floor((work.records * calls) / work.calls)
    }
  } finally {
    await store.clear(transactions)
  }
  return operations
}
