import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import {
  type BatchRow,
  type Spend,
  type StoreError,
  type Transaction,
  type Transport,
  UtxoStore,
} from 'aerospike-utxo-store'
import { removeIndexes } from '../servers/remove-indexes.ts'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { createPaged, RecordAccess } from './record-access.ts'
import { spending } from './sample-transactions.ts'

/**
 * An unspend between the pruner's look at the pages of a transaction and the removal of its master, and one that
 * ends at any of its steps there: what is removed has no output that somebody was told is free.
 */

const TIP = 1_000
const DUE = TIP + 288
const PAGES = 2
const OUTPUTS = 6
const MINED = { blockId: 7, blockHeight: 900, subtreeIdx: 0, onLongestChain: true }
const SETTINGS = {
  utxoBatchSize: 2,
  overloadRetryMaxElapsed: 0,
  incrementBatcherDurationMillis: 1,
  setDAHBatcherDurationMillis: 1,
  spendBatcherDurationMillis: 1,
  prunerUtxoPartitionQueries: 2,
  prunerBlobDeletionSafetyWindow: 0,
} as const

const set = uniqueSet('prune-window')
const bodies = mkdtempSync(join(tmpdir(), 'prune-window-'))
let server: TestServer
let pruner: UtxoStore
let owner: UtxoStore
let good: { pruner: Transport; owner: Transport }
let records: RecordAccess
let tx: Transaction
let held: Spend[]

async function opened(): Promise<UtxoStore> {
  const url = storeUrl(server, { set, externalStore: `file://${bodies}` })
  const store = await UtxoStore.open(url, { settings: SETTINGS })
  store.setBlockState(DUE, 1_700_000_000)
  return store
}

beforeAll(async () => {
  server = await testServer()
  pruner = await opened()
  owner = await opened()
  good = { pruner: pruner.transport, owner: owner.transport }
  records = new RecordAccess(pruner, set)
})
afterAll(async () => {
  pruner.transport = good.pruner
  await pruner.prune(2 ** 31)
  await owner.close()
  await pruner.close()
  await removeIndexes(server, [set, `${set}_pruneintent`])
  await server.close()
  rmSync(bodies, { recursive: true })
})

beforeEach(async () => {
  pruner.transport = good.pruner
  owner.transport = good.owner
  await makeDue()
})

async function makeDue(): Promise<void> {
  tx = await createPaged(pruner, OUTPUTS)
  await pruner.setMinedMulti([tx.txid], MINED)
  held = await pruner.spend(spending(tx.outputs.map((_, vout) => ({ tx, vout }))), TIP)
}

const isMasterRemoval = ({ kind, filter, key }: BatchRow): boolean =>
  kind === 'remove' && filter !== undefined && key.set === set && key.userKey.length === 32

/** Does something right before the batch that removes the master, or right after it. */
function around(turn: 'before' | 'after', work: () => Promise<void>): Transport {
  return {
    async batchOperate(rows, options) {
      const isTurn = rows.some(isMasterRemoval)
      if (isTurn && turn === 'before') await work()
      const answers = await good.pruner.batchOperate(rows, options)
      if (isTurn && turn === 'after') await work()
      return answers
    },
  }
}

/** Lets so many batches pass; the next one is applied or not, and nothing after it. */
function dyingAfter(batches: number, isApplied: boolean, onBatch: () => Promise<void>) {
  let sent = 0
  const transport: Transport = {
    async batchOperate(rows, options) {
      sent += 1
      if (sent > batches + 1 || (sent > batches && !isApplied)) throw new Error('died')
      const answers = await good.owner.batchOperate(rows, options)
      await onBatch()
      if (sent > batches) throw new Error('died')
      return answers
    },
  }
  return { transport, hasDied: () => sent > batches }
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: StoreError) => error.code,
  )

/** Whether a master could be removed while an output is open: the state that must never be. */
async function isTornOpen(): Promise<boolean> {
  // The pages first: a master that is due before they are looked at may rightly not be any more when one is open.
  const [spent, all] = await Promise.all(
    ['spentUtxos', 'recordUtxos'].map(bin => records.everywhere(tx.txid, PAGES, bin)),
  )
  const dues = await records.everywhere(tx.txid, 0, 'deleteAtHeight')
  return Number(dues[0] ?? DUE + 1) <= DUE && String(spent) !== String(all)
}

const unspendOne = (): Promise<string> => codeOf(owner.unspend(held.slice(2, 3)))

describe('an unspend of an output on a page, while its transaction is removed', () => {
  it('before the removal of the master keeps the whole transaction', async () => {
    let unspent = ''
    pruner.transport = around('before', async () => {
      unspent = await unspendOne()
    })
    expect(await pruner.prune(DUE)).toMatchObject({ processed: 0, skipped: 1, failed: 0, removalsLeft: 0 })
    expect(unspent).toBe('ok')
    expect((await pruner.get(tx.txid, ['utxos'])).utxos?.map(slot => slot?.state)).toEqual([
      ...['spent', 'spent', 'unspent'],
      ...['spent', 'spent', 'spent'],
    ])
    expect(await records.everywhere(tx.txid, PAGES, 'deleteAtHeight')).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect((await records.read(tx.txid))?.spentExtraRecs).toBe(PAGES - 1)
  })

  it('after it is refused, and frees nothing', async () => {
    let unspent = ''
    let spent: unknown[] = []
    pruner.transport = around('after', async () => {
      unspent = await unspendOne()
      spent = await records.everywhere(tx.txid, PAGES, 'spentUtxos')
    })
    expect(await pruner.prune(DUE)).toMatchObject({ processed: 1, pagesRemoved: PAGES, removalsLeft: 0 })
    expect([unspent, spent]).toEqual(['TX_NOT_FOUND', [undefined, 2, 2]])
  })

  it.each([false, true])(
    'which ends at any of its steps never leaves a master to be removed over an open output: the last one applied is %s',
    async isApplied => {
      let steps = 0
      for (let hasDied = true; hasDied; steps += 1) {
        let wasTornOpen = false
        const dying = dyingAfter(steps, isApplied, async () => {
          wasTornOpen ||= await isTornOpen()
        })
        owner.transport = dying.transport
        let isOpen = false
        let outcome = ''
        pruner.transport = around('before', async () => {
          outcome = await unspendOne()
          isOpen = (await records.read(tx.txid, 1))?.spentUtxos === 1
        })
        await pruner.prune(DUE)
        hasDied = dying.hasDied()
        owner.transport = good.owner
        pruner.transport = good.pruner

        const found = await records.everywhere(tx.txid, PAGES, 'txID')
        const isWhole = found.every(txid => txid !== undefined)
        const isGone = found.every(txid => txid === undefined)
        expect({ steps, wasTornOpen, isWhole: isWhole || isGone }).toEqual({
          steps,
          wasTornOpen: false,
          isWhole: true,
        })
        expect({ steps, isOpen, isGone }).not.toMatchObject({ isOpen: true, isGone: true })
        if (outcome === 'ok') expect(isWhole).toBe(true)

        // Repeated it comes to its end, and so does the transaction once everything is spent again.
        if (isWhole) {
          const repeated = await unspendOne()
          expect({ steps, repeated, isTornOpen: await isTornOpen() }).toEqual({
            steps,
            repeated: 'ok',
            isTornOpen: false,
          })
          await owner.spend(spending([{ tx, vout: 2 }]), DUE)
          expect(await pruner.prune(3 * DUE)).toMatchObject({ processed: 1, pagesRemoved: PAGES })
        }
        await makeDue()
      }
      expect(steps).toBeGreaterThan(3)
    },
    120_000,
  )
})
