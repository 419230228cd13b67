import { setMaxListeners } from 'node:events'
import type { StoreContext } from '../../context/store-context.ts'

/** Fires when a rollback has taken as long as it may. Each of its batches listens. */
export function rollbackBudget({ settings }: StoreContext): AbortSignal {
  const budget = AbortSignal.timeout(settings.spendRollbackTimeout)
  setMaxListeners(0, budget)
  return budget
}
