import { afterAll, beforeAll, expect, it } from '@jest/globals'
import {
  type BatchOptions,
  type BatchRow,
  decodeSpendingData,
  type StoreError,
  type Transaction,
  type Transport,
  txidToHex,
  UtxoStore,
} from 'aerospike-utxo-store'
import { storeUrl, type TestServer, testServer } from '../servers/server.ts'
import { coinbase, spending } from './sample-transactions.ts'

const HEIGHT = 500
const SETTINGS = { storeBatcherDurationMillis: 1, spendBatcherDurationMillis: 1, getBatcherDurationMillis: 1 }
const TIMEOUT = 9

let server: TestServer
let store: UtxoStore
let good: Transport

beforeAll(async () => {
  server = await testServer()
  store = await UtxoStore.open(storeUrl(server), { settings: SETTINGS })
  store.setBlockState(HEIGHT, 1_700_000_000)
  good = store.transport
})
afterAll(async () => {
  await store.close()
  await server.close()
})

const code = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: StoreError) => error.code,
  )

const isCallOf = (name: string, { txid }: Transaction, row: BatchRow): boolean =>
  row.kind === 'apply' && row.function === name && Buffer.compare(row.key.userKey as Uint8Array, txid) === 0

/** Display-hex txid of who holds output 0. */
async function holder({ txid }: Transaction): Promise<string> {
  const slot = (await store.get(txid, ['utxos'])).utxos?.[0]
  return slot?.state === 'spent'
    ? txidToHex(decodeSpendingData(slot.spendingData).txid)
    : (slot?.state ?? 'missing')
}

/**
 * The answer of the spend of `doubtful` is lost, so that the spend is rolled back; and the call that undoes the
 * spend of `held` is held up on its way until it is let go, the rollback being told that it failed.
 */
function holdingUp(
  held: Transaction,
  doubtful: Transaction,
): { transport: Transport; letGo(): Promise<void> } {
  let late: { rows: readonly BatchRow[]; options: BatchOptions } | undefined
  return {
    transport: {
      async batchOperate(rows, options) {
        if (rows.some(row => isCallOf('unspend', held, row))) {
          late = { rows, options: { timeout: options.timeout } }
          throw new Error('held up')
        }
        const answers = await good.batchOperate(rows, options)
        return answers.map((answer, index) => {
          const row = rows[index]
          return row !== undefined && isCallOf('spendMulti', doubtful, row)
            ? { ...answer, status: TIMEOUT, bins: undefined, inDoubt: true }
            : answer
        })
      },
    },
    async letGo() {
      if (late === undefined) throw new Error('nothing was held up')
      const answers = await good.batchOperate(late.rows, late.options)
      expect(answers.map(({ status }) => status)).toEqual(late.rows.map(() => 0))
    },
  }
}

it('a rollback’s call that arrives after the spend was tried again, and acknowledged, undoes nothing', async () => {
  const [held, doubtful] = [coinbase(), coinbase()]
  for (const parent of [held, doubtful]) await store.create(parent, 100)
  const tx = spending([held, doubtful].map(parent => ({ tx: parent, vout: 0 })))
  const rival = spending([{ tx: held, vout: 0 }])

  const { transport, letGo } = holdingUp(held, doubtful)
  store.transport = transport
  expect(await code(store.spend(tx, HEIGHT))).toBe('UTXO_ERROR')
  store.transport = good
  expect(await code(store.spend(tx, HEIGHT))).toBe('ok')
  await letGo()

  expect([await holder(held), await holder(doubtful)]).toEqual([txidToHex(tx.txid), txidToHex(tx.txid)])
  expect(await code(store.spend(rival, HEIGHT))).toBe('UTXO_ERROR')
})

it('one that arrives while nobody has written since still undoes the spend', async () => {
  const [held, doubtful] = [coinbase(), coinbase()]
  for (const parent of [held, doubtful]) await store.create(parent, 100)
  const tx = spending([held, doubtful].map(parent => ({ tx: parent, vout: 0 })))

  const { transport, letGo } = holdingUp(held, doubtful)
  store.transport = transport
  expect(await code(store.spend(tx, HEIGHT))).toBe('UTXO_ERROR')
  store.transport = good
  expect(await holder(held)).toBe(txidToHex(tx.txid))
  await letGo()
  expect(await holder(held)).toBe('unspent')
})
