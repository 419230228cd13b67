import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { type StoreError, type Transaction, UtxoStore } from 'aerospike-utxo-store'
import { type EmbeddedServerHandle, startEmbeddedServer } from 'aerospike-utxo-store/embedded'
import { testedTransports, uniqueSet } from '../servers/server.ts'
import { RecordAccess } from '../store/record-access.ts'
import { coinbase, spending } from '../store/sample-transactions.ts'

/**
 * Of a batch that goes to three nodes, one refuses its part. The npm client then fails the batch as a whole, with that
 * node's word that nothing was applied: what the other nodes have done must not be taken for undone.
 */

const TRANSACTIONS = 40
const DEVICE_OVERLOAD = 18
const HEIGHT = 1_000
const LATE_MS = 500
const SETTINGS = {
  // All calls of a test in one batch.
  storeBatcherDurationMillis: 40,
  incrementBatcherDurationMillis: 40,
  batchPolicyMaxRetries: 0,
  // Shorter than what is late.
  batchPolicyTotalTimeout: 250,
  batchPolicySocketTimeout: 250,
  overloadRetryBase: 10,
  overloadRetryMaxElapsed: 2_000,
} as const

describe.each(testedTransports)(
  'through %s, where one of three nodes refuses its part of a batch',
  transport => {
    const set = uniqueSet('refusals')
    let server: EmbeddedServerHandle
    let store: UtxoStore
    /** It has time. */
    let observer: UtxoStore
    let records: RecordAccess

    beforeAll(async () => {
      server = await startEmbeddedServer({ nodes: 3 })
      store = await UtxoStore.open(`${server.url}?set=${set}&externalStore=memory:&transport=${transport}`, {
        settings: SETTINGS,
      })
      store.setBlockState(HEIGHT, 1_700_000_000)
      observer = await UtxoStore.open(`${server.url}?set=${set}&externalStore=memory:&transport=wire`)
      records = new RecordAccess(observer, set)
    })
    afterAll(async () => {
      await store.close()
      await observer.close()
      await server.close()
    })
    afterEach(() => server.faults.clear())

    const refuseOnce = (resultCode: number) =>
      server.faults.add({
        nodes: [1],
        match: { kinds: ['batch'] },
        fault: { when: 'before', kind: 'refuse', resultCode },
        times: 1,
      })

    const beLateOnce = () =>
      server.faults.add({
        nodes: [2],
        match: { kinds: ['batch'] },
        fault: { when: 'before', kind: 'delay', ms: LATE_MS },
        times: 1,
      })

    const many = (make: () => Transaction): Transaction[] => Array.from({ length: TRANSACTIONS }, make)
    const codeOf = (call: Promise<unknown>): Promise<string> =>
      call.then(
        () => 'ok',
        (error: StoreError) => error.code,
      )

    it('no create meets its own record', async () => {
      await refuseOnce(DEVICE_OVERLOAD)
      const codes = await Promise.all(many(() => coinbase()).map(tx => codeOf(store.create(tx, HEIGHT))))
      expect(codes.filter(code => code === 'TX_EXISTS')).toEqual([])
    })

    it('nothing is counted twice', async () => {
      const txs = many(() => coinbase())
      await Promise.all(txs.map(tx => store.create(tx, HEIGHT)))
      await Promise.all(txs.map(tx => records.write(tx.txid, { totalExtraRecs: 9 })))
      await refuseOnce(DEVICE_OVERLOAD)
      await Promise.allSettled(txs.map(tx => store.incrementSpentRecords(tx.txid, 1, HEIGHT)))
      const counts = await Promise.all(
        txs.map(async tx => (await records.read(tx.txid))?.spentExtraRecs ?? 0),
      )
      expect(counts.filter(count => Number(count) > 1)).toEqual([])
    })

    it.each([4, DEVICE_OVERLOAD, 22])('code %p: who has a record keeps its input', async resultCode => {
      const parents = many(() => coinbase())
      await Promise.all(parents.map(tx => store.create(tx, HEIGHT - 200)))
      const txs = parents.map(tx => spending([{ tx, vout: 0 }]))
      const keys = new Set(txs.map(({ txid }) => Buffer.from(txid).toString('hex')))
      const good = store.transport
      let isArmed = false
      store.transport = {
        preparesStatements: good.preparesStatements,
        // The batch with the records, and none before it.
        async batchOperate(rows, options) {
          const isCreate = rows.some(
            ({ kind, key: { userKey } }) =>
              kind === 'write' &&
              typeof userKey !== 'string' &&
              keys.has(Buffer.from(userKey).toString('hex')),
          )
          if (isCreate && !isArmed) {
            isArmed = true
            await refuseOnce(resultCode)
            await beLateOnce()
          }
          return good.batchOperate(rows, options)
        },
      }
      await Promise.allSettled(txs.map(tx => store.spendAndCreate(tx, HEIGHT)))
      store.transport = good
      // A request that is as late as that one is answered after it.
      await beLateOnce()
      const reads = txs.map(({ txid }) => ({ kind: 'read', key: { set, userKey: txid }, bins: [] }) as const)
      await observer.transport.batchOperate(reads, { timeout: 10 * LATE_MS })
      for (const [index, tx] of txs.entries()) {
        const record = await records.read(tx.txid)
        const slots = (await records.read(parents[index]?.txid ?? tx.txid))?.utxos as Uint8Array[]
        if (record !== undefined) expect(slots[0]).toHaveLength(68)
      }
    })
  },
)
