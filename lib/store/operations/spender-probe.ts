import { masterKey } from '../../record/index.ts'
import { RESULT_CODES } from '../../transport/index.ts'
import type { OperateOptions, StoreContext } from '../store-context.ts'

/** Whether a transaction has a record; `unknown` where the look-up itself failed. */
export type Presence = 'present' | 'absent' | 'unknown'

/** Asks the server, freshly each time, whether a spending transaction has a record. */
export class SpenderProbe {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  async look(txid: Uint8Array, options: OperateOptions = {}): Promise<Presence> {
    try {
      const [answer] = await this.#context.operate(
        [{ kind: 'read', key: { set: this.#context.set, userKey: masterKey(txid) }, bins: [] }],
        options,
      )
      if (answer?.status === 0) return 'present'
      return answer?.status === RESULT_CODES.NOT_FOUND ? 'absent' : 'unknown'
    } catch {
      return 'unknown'
    }
  }
}
