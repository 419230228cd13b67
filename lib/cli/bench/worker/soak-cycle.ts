import type { OperationName } from '../report.ts'
import { roundTransactions } from '../transactions.ts'
import { makeCalls } from './calls.ts'
import type { StoreSubject } from './store-subject.ts'

const CYCLE = ['create', 'get', 'spend', 'setMined'] as const satisfies readonly OperationName[]

/**
 * Calls a store for each operation once on transactions that it has not seen, and removes their records, so that the
 * server does not fill up. Nothing of it is held afterwards. Returns how many operations it made, those of a list
 * counted by its members.
 */
export async function soakCycle(store: StoreSubject, count: number, signal: AbortSignal): Promise<number> {
  const transactions = roundTransactions(count)
  let operations = 0
  try {
    for (const operation of CYCLE) {
      const work = store.work(operation, transactions)
      await makeCalls(work, signal)
      if (signal.aborted) break
      operations += work.records
    }
  } finally {
    await store.clear(transactions)
  }
  return operations
}
