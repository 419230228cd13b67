import { masterKey } from '../../../record/index.ts'
import { RESULT_CODES } from '../../../transport/index.ts'
import type { OperateOptions, StoreContext } from '../../context/store-context.ts'

/** Whether a transaction has a record; `unknown` where the look-up itself failed. */
export type Presence = 'present' | 'absent' | 'unknown'

/** Asks the server, freshly each time, whether a spending transaction has a record. Never throws. */
export async function lookUpSpender(
  context: StoreContext,
  txid: Uint8Array,
  options: OperateOptions = {},
): Promise<Presence> {
  try {
    const row = { kind: 'read', key: { set: context.set, userKey: masterKey(txid) }, bins: [] } as const
    const [answer] = await context.operate([row], options)
    if (answer?.status === RESULT_CODES.OK) return 'present'
    return answer?.status === RESULT_CODES.NOT_FOUND ? 'absent' : 'unknown'
  } catch {
    return 'unknown'
  }
}
