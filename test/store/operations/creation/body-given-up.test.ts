import { expect, it, jest } from '@jest/globals'
import { promised } from '../../../../lib/batching/index.ts'
import type { StoreError } from '../../../../lib/errors/index.ts'
import { MemoryStore } from '../../../../lib/external/index.ts'
import { createBatchers } from '../../../../lib/store/calls/batchers.ts'
import { create } from '../../../../lib/store/operations/creation/create.ts'
import { wholeTransaction } from '../../../../lib/store/operations/creation/whole-transaction.ts'
import { sampleTransaction } from '../../support/sample-transaction.ts'
import { contextWith, ScriptedTransport } from '../../support/store-fixture.ts'

const MASTER_KEY_BYTES = 32

it.each([
  ['one record', 1],
  ['several records', 10],
])(
  'a body that is not written in time: no record of %s without it, and the place is free again',
  async (_, outputs) => {
    const external = new MemoryStore()
    const transport = new ScriptedTransport(row => ({ status: row.kind === 'read' ? 2 : 0 }))
    const context = contextWith(
      transport,
      {
        utxoBatchSize: 4,
        externalizeAllTransactions: true,
        externalStoreConcurrency: 1,
        storeBatcherDurationMillis: 0,
        batchPolicyTotalTimeout: 20,
        overloadRetryMaxElapsed: 0,
        batcherWaitGrace: 0,
      },
      { external },
    )
    const { store } = createBatchers(context)
    const created = (mark: number): Promise<string> => {
      const tx = sampleTransaction({ mark, outputs })
      const call = promised(end =>
        create(context, store, wholeTransaction(context, tx, 100, {}), end, undefined),
      )
      return call.then(
        () => 'ok',
        (error: StoreError) => error.code,
      )
    }
    const set = jest.spyOn(external, 'set').mockReturnValue(new Promise(() => {}))
    expect(await created(1)).toBe('SERVICE_UNAVAILABLE')
    const masters = transport.batches
      .flat()
      .filter(row => row.kind === 'write' && row.key.userKey.length === MASTER_KEY_BYTES)
    expect(masters).toEqual([])
    expect(context.externalPlaces?.free).toBe(1)
    set.mockRestore()
    expect(await created(2)).toBe('ok')
  },
)
