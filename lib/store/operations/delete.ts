import { txidToHex } from '../../bitcoin/index.ts'
import { masterKey } from '../../record/index.ts'
import { RESULT_CODES } from '../../transport/index.ts'
import type { StoreContext } from '../store-context.ts'
import { missingAnswerError, rowError } from '../store-errors.ts'

/** Removes the master record of a transaction; a missing one is fine (semantics 3.12). */
export async function deleteTransaction(
  context: StoreContext,
  txid: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<void> {
  const what = `deleting ${txidToHex(txid)}`
  const [answer] = await context.operate(
    [{ kind: 'remove', key: { set: context.set, userKey: masterKey(txid) } }],
    {
      signal,
      timeoutMs: context.settings.dbTimeoutDuration,
    },
  )
  if (answer === undefined) throw missingAnswerError(what)
  if (answer.status !== 0 && answer.status !== RESULT_CODES.NOT_FOUND)
    throw rowError(what, answer.status, answer.inDoubt)
}
