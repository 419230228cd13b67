import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import {
  type BatchRow,
  type PruneResult,
  type SettingsInput,
  type StoreError,
  type Transaction,
  type Transport,
  txidToHex,
  UtxoStore,
} from 'aerospike-utxo-store'
import { removeIndexes } from '../servers/remove-indexes.ts'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { createPaged, RecordAccess } from './record-access.ts'
import { coinbase, spending } from './sample-transactions.ts'

const TIP = 1_000
const RETENTION = 288
const DUE = TIP + RETENTION
const MINED = { blockId: 7, blockHeight: 900, subtreeIdx: 0, onLongestChain: true }
const SETTINGS = {
  utxoBatchSize: 2,
  storeBatcherDurationMillis: 1,
  spendBatcherDurationMillis: 1,
  incrementBatcherDurationMillis: 1,
  setDAHBatcherDurationMillis: 1,
  prunerUtxoPartitionQueries: 2,
} as const satisfies SettingsInput

const set = uniqueSet('prune')
const bodies = mkdtempSync(join(tmpdir(), 'prune-bodies-'))

let server: TestServer
let store: UtxoStore
let records: RecordAccess
let good: Transport

const opened = async (settings: SettingsInput = {}): Promise<UtxoStore> => {
  const url = storeUrl(server, { set, externalStore: `file://${bodies}` })
  const other = await UtxoStore.open(url, { settings: { ...SETTINGS, ...settings } })
  other.setBlockState(TIP, 1_700_000_000)
  return other
}

beforeAll(async () => {
  server = await testServer()
  store = await opened()
  records = new RecordAccess(store, set)
  good = store.transport
})
afterEach(async () => {
  store.transport = good
  await store.prune(2 ** 31)
})
afterAll(async () => {
  await store.close()
  await removeIndexes(server, [set, `${set}_pruneintent`])
  await server.close()
  rmSync(bodies, { recursive: true })
})

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: StoreError) => error.code,
  )

async function created(tx: Transaction): Promise<Transaction> {
  await store.create(tx, 100)
  await store.setMinedMulti([tx.txid], MINED)
  return tx
}

interface Family {
  readonly parent: Transaction
  /** Mined, and its only output spent: due at DUE. */
  readonly child: Transaction
}

/** A transaction that is due, and the one whose output it spent. With a large script its body is external. */
async function family({ scriptBytes = 8 }: { scriptBytes?: number } = {}): Promise<Family> {
  const parent = await created(coinbase({ outputs: 2 }))
  const child = spending([{ tx: parent, vout: 1 }], { salt: Buffer.alloc(scriptBytes, Math.random() * 256) })
  await store.spend(child, TIP)
  await created(child)
  await store.spend(spending([{ tx: child, vout: 0 }]), TIP)
  return { parent, child }
}

/** Three pages beside the master, all spent and mined: due at DUE. */
async function pagedAndDue(): Promise<Transaction> {
  const tx = await createPaged(store, 7)
  await store.setMinedMulti([tx.txid], MINED)
  await store.spend(spending(tx.outputs.map((_, vout) => ({ tx, vout }))), TIP)
  return tx
}

const bodyOf = (tx: Transaction): string[] =>
  readdirSync(bodies, { recursive: true, encoding: 'utf8' }).filter(name => name.includes(txidToHex(tx.txid)))

/** What the pruner does to a parent, before the child is gone. */
async function mark(parent: Uint8Array, child: Uint8Array): Promise<void> {
  const key = { set, userKey: parent }
  const operations = [
    { kind: 'map-put', bin: 'deletedChildren', key: txidToHex(child), value: true },
  ] as const
  const row: BatchRow = { kind: 'write', key, exists: 'update-only', operations }
  const [answer] = await good.batchOperate([row], { timeout: 5_000 })
  expect(answer?.status).toBe(0)
}

const isMarked = async ({ parent, child }: Family): Promise<boolean> =>
  Object.hasOwn(((await records.read(parent.txid))?.deletedChildren ?? {}) as object, txidToHex(child.txid))

describe('prune', () => {
  it('keeps a transaction that is due with an output that is open, as another system can leave it', async () => {
    const tx = await createPaged(store, 5)
    await store.setMinedMulti([tx.txid], MINED)
    const spends = await store.spend(spending(tx.outputs.map((_, vout) => ({ tx, vout }))), TIP)
    // Its process died between the page and the count on the master.
    let row: BatchRow | undefined
    store.transport = {
      async batchOperate([first]) {
        row = first
        throw new Error('not sent')
      },
    }
    await codeOf(store.unspend(spends.slice(3, 4)))
    store.transport = good
    if (row?.kind !== 'apply') throw new Error('no unspend was sent')
    await good.batchOperate([{ ...row, args: row.args.slice(0, 5) }], { timeout: 5_000 })
    expect((await records.read(tx.txid))?.deleteAtHeight).toBe(DUE)
    expect(await store.prune(DUE)).toMatchObject({ processed: 0, skipped: 1 })
    expect((await store.get(tx.txid, ['utxos'])).utxos?.[3]).toMatchObject({ state: 'unspent' })
    await store.spend(spending([{ tx, vout: 3 }]), TIP)
    expect(await store.prune(DUE)).toMatchObject({ processed: 1 })
  })

  it('leaves no body of a transaction that is stored inside its record', async () => {
    const tx = await created(coinbase({ outputs: 2 }))
    const outside = await opened({ externalizeAllTransactions: true })
    expect(await codeOf(outside.create(tx, 100))).toBe('TX_EXISTS')
    await outside.close()
    expect(bodyOf(tx)).toEqual([])
  })

  it('removes what is due and nothing else', async () => {
    const { parent, child } = await family()
    expect(await store.prune(DUE - 1)).toMatchObject({ outcome: 'complete', processed: 0, skipped: 0 })
    expect(await records.read(child.txid)).toBeDefined()
    expect(await store.prune(DUE)).toMatchObject({
      outcome: 'complete',
      height: DUE,
      processed: 1,
      skipped: 0,
      failed: 0,
      parentsMarked: 1,
    })
    expect(await records.read(child.txid)).toBeUndefined()
    expect(await records.read(parent.txid)).toBeDefined()
  })

  it('refuses a replay of what it removed', async () => {
    const relatives = await family()
    expect(await codeOf(store.spend(relatives.child, TIP))).toBe('ok')
    await store.prune(DUE)
    expect(await isMarked(relatives)).toBe(true)
    await expect(store.spend(relatives.child, TIP)).rejects.toMatchObject({
      spends: [{ error: { message: expect.stringContaining('INVALID_SPEND') } }],
    })
  })

  // The pruner tells the parents of a transaction one after the other.
  it.each([
    ['keeps what the child has held all along', 'spent'],
    ['gives back what was unspent until it came', 'unspent'],
  ])('a replay that one parent of two knows of %s', async (_what, before) => {
    // No coinbases: Lua decides on those, and does not tell what was unspent.
    const telling = await created(spending([{ tx: coinbase(), vout: 0 }]))
    const other = await created(spending([{ tx: coinbase(), vout: 0 }]))
    const child = spending([
      { tx: telling, vout: 0 },
      { tx: other, vout: 0 },
    ])
    const spends = await store.spend(child, TIP)
    if (before === 'unspent') await store.unspend(spends.slice(1))
    await mark(telling.txid, child.txid)
    const replaying = await opened({ enableSpendFilterExpressions: 'on' })
    await expect(replaying.spend(child, TIP)).rejects.toMatchObject({
      spends: [{ error: { message: expect.stringContaining('INVALID_SPEND') } }, { error: undefined }],
    })
    await replaying.close()
    expect((await store.get(other.txid, ['utxos'])).utxos?.[0]).toMatchObject({ state: before })
  })

  it('a replay that is under way when the child is pruned frees nothing', async () => {
    const parent = await created(coinbase({ outputs: 2 }))
    const gone = await created(coinbase())
    const child = spending([
      { tx: parent, vout: 1 },
      { tx: gone, vout: 0 },
    ])
    await store.spend(child, TIP)
    await created(child)
    await store.spend(spending([{ tx: child, vout: 0 }]), TIP)
    await store.delete(gone.txid)
    const replaying = await opened()
    const { transport } = replaying
    let isPruned = false
    replaying.transport = {
      async batchOperate(rows, options) {
        const answers = await transport.batchOperate(rows, options)
        if (!isPruned && rows.some(({ kind }) => kind === 'apply')) {
          isPruned = true
          await store.prune(DUE)
        }
        return answers
      },
    }
    expect(await codeOf(replaying.spend(child, TIP))).toBe('UTXO_ERROR')
    await replaying.close()
    expect(await records.read(child.txid)).toBeUndefined()
    expect((await store.get(parent.txid, ['utxos'])).utxos?.[1]).toMatchObject({ state: 'spent' })
  })

  it('a replay after that, of which nobody knows what became, frees nothing', async () => {
    const { parent, child } = await family()
    await store.prune(DUE)
    const replaying = await opened()
    const { transport } = replaying
    let isLost = false
    replaying.transport = {
      async batchOperate(rows, options) {
        if (isLost || rows.every(({ kind }) => kind === 'read')) return transport.batchOperate(rows, options)
        isLost = true
        throw new Error('the answer was lost')
      },
    }
    expect(await codeOf(replaying.spend(child, TIP))).toBe('UTXO_ERROR')
    await replaying.close()
    expect((await store.get(parent.txid, ['utxos'])).utxos?.[1]).toMatchObject({ state: 'spent' })
  })

  it('marks the page that holds the output, and a parent that is gone not at all', async () => {
    const parent = await createPaged(store, 5)
    await store.setMinedMulti([parent.txid], MINED)
    const gone = coinbase()
    await store.create(gone, 100)
    const child = spending([
      { tx: parent, vout: 3 },
      { tx: gone, vout: 0 },
    ])
    await store.spend(child, TIP)
    await created(child)
    await store.spend(spending([{ tx: child, vout: 0 }]), TIP)
    await store.delete(gone.txid)
    expect(await store.prune(DUE)).toMatchObject({ processed: 1, failed: 0, parentsMarked: 1 })
    const marks = await records.everywhere(parent.txid, 2, 'deletedChildren')
    expect(marks).toEqual([undefined, { [txidToHex(child.txid)]: true }, undefined])
  })

  it('removes pages and body with their master', async () => {
    const paged = await pagedAndDue()
    const { child } = await family({ scriptBytes: 40_000 })
    expect([bodyOf(paged).length, bodyOf(child).length]).toEqual([1, 1])
    expect(await store.prune(DUE)).toMatchObject({
      processed: 2,
      skipped: 0,
      failed: 0,
      pagesRemoved: 3,
      bodiesRemoved: 2,
      parentsMarked: 1,
      removalsLeft: 0,
    })
    expect(await records.everywhere(paged.txid, 3, 'txID')).toEqual(new Array(4).fill(undefined))
    expect([...bodyOf(paged), ...bodyOf(child)]).toEqual([])
    expect(await store.prune(DUE)).toMatchObject({ processed: 0, removalsCompleted: 0, removalsLeft: 0 })
  })

  it('leaves a transaction that is preserved or unspent while it runs, and all of it', async () => {
    const paged = await pagedAndDue()
    const { child } = await family({ scriptBytes: 40_000 })
    const plain = await family()
    store.transport = before(
      row => row.kind === 'remove' && row.filter !== undefined,
      () => store.preserveTransactions([paged.txid, child.txid, plain.child.txid], 5_000).then(() => {}),
    )
    const result = await store.prune(DUE)
    expect(result).toMatchObject({ processed: 0, failed: 0 })
    // What the query came to after the first removal was no longer due: it is none of those that were skipped.
    expect([1, 2, 3]).toContain(result.skipped)
    expect(await records.everywhere(paged.txid, 3, 'txID')).not.toContain(undefined)
    expect(await records.read(plain.child.txid)).toBeDefined()
    expect([bodyOf(paged).length, bodyOf(child).length]).toEqual([1, 1])
    store.transport = good
    // Preservations that are over end in the run, and give a new retention.
    expect(await store.prune(5_000)).toMatchObject({ processed: 0, preservationsEnded: 3 })
    expect(await store.prune(5_000 + RETENTION)).toMatchObject({ processed: 3, removalsLeft: 0 })
  })

  it('never removes what another system has marked with a height that is none', async () => {
    const NEVER = 2 ** 32 - 1
    const tx = await created(coinbase({ outputs: 1 }))
    const key = { set, userKey: tx.txid }
    const operations = [{ kind: 'put', bin: 'deleteAtHeight', value: NEVER }] as const
    await good.batchOperate([{ kind: 'write', key, exists: 'update-only', operations }], { timeout: 5_000 })
    await store.prune(NEVER)
    const kept = await store.get(tx.txid, ['utxos', 'deleteAtHeight'])
    expect(kept.utxos).toMatchObject([{ state: 'unspent' }])
    expect(kept.deleteAtHeight).toBeUndefined()
  })

  it('leaves a transaction that is being created', async () => {
    const { child } = await family({ scriptBytes: 40_000 })
    const lock = { set, userKey: Buffer.concat([child.txid, Buffer.from('feffffff', 'hex')]) }
    const operations = [{ kind: 'put', bin: 'lock_token', value: 'a creator' }] as const
    await good.batchOperate([{ kind: 'write', key: lock, exists: 'create-only', operations }], {
      timeout: 5_000,
    })
    expect(await store.prune(DUE)).toMatchObject({ processed: 0, skipped: 1 })
    expect(await records.read(child.txid)).toBeDefined()
    await good.batchOperate([{ kind: 'remove', key: lock }], { timeout: 5_000 })
    expect(await store.prune(DUE)).toMatchObject({ processed: 1 })
  })

  it('preserves the parents of old unmined transactions before it removes anything', async () => {
    const parent = await created(coinbase())
    const unmined = spending([{ tx: parent, vout: 0 }])
    await store.spend(unmined, TIP)
    await store.create(unmined, TIP)
    expect((await records.read(parent.txid))?.deleteAtHeight).toBe(DUE)
    expect(await store.prune(DUE)).toMatchObject({ processed: 0, parentsPreserved: 1 })
    expect((await records.read(parent.txid))?.preserveUntil).toBe(DUE + 1_440)
    await store.delete(unmined.txid)
  })

  it('removes pages whose master another system has removed', async () => {
    const paged = await pagedAndDue()
    await records.remove(paged.txid)
    expect(await store.prune(DUE)).toMatchObject({ pagesRemoved: 3 })
    expect(await records.everywhere(paged.txid, 3, 'txID')).toEqual(new Array(4).fill(undefined))
  })

  it('leaves a page with a stale delete-at-height to its master', async () => {
    const paged = await createPaged(store, 5)
    await records.write(paged.txid, { deleteAtHeight: 1_000 }, 1)
    expect(await store.prune(DUE)).toMatchObject({ processed: 0, pagesRemoved: 0 })
    expect(await records.read(paged.txid, 1)).toBeDefined()
    await store.deleteComplete(paged.txid)
  })

  it.each<[string, number | undefined, PruneResult['outcome']]>([
    ['mined deep enough', 1_000, 'complete'],
    ['mined too late', 1_001, 'complete'],
  ])('in defensive mode looks at the spenders: %s', async (name, blockHeight) => {
    const careful = await opened({ prunerUtxoDefensiveEnabled: true, prunerUtxoDefensiveBatchReadSize: 1 })
    try {
      const { child } = await family()
      const spender = spending([{ tx: child, vout: 0 }])
      const utxos = (await records.read(child.txid))?.utxos as Uint8Array[]
      // The recorded spender, which has no record, is another one now.
      await records.write(child.txid, {
        utxos: [Buffer.concat([Buffer.from(utxos[0] ?? []).subarray(0, 32), spender.txid, Buffer.alloc(4)])],
      })
      await store.create(spender, 100)
      await store.setMinedMulti([spender.txid], { ...MINED, blockHeight: blockHeight as number })
      expect(await careful.prune(DUE)).toMatchObject(
        name === 'mined deep enough' ? { processed: 1, skipped: 0 } : { processed: 0, skipped: 1 },
      )
      await store.delete(spender.txid)
    } finally {
      await careful.close()
    }
  })

  it('changes nothing where deletions are skipped, and does nothing where it is switched off', async () => {
    const { child, parent } = await family()
    for (const [setting, expected] of [
      ['prunerSkipDeletions', { outcome: 'complete', processed: 0, skipped: 1, parentsMarked: 0 }],
      ['disableDAHCleaner', { outcome: 'disabled', processed: 0, skipped: 0 }],
      ['prunerSkipDuringCatchup', { outcome: 'catching up', processed: 0, skipped: 0 }],
    ] as const) {
      const other = await opened({ [setting]: true } as SettingsInput)
      expect(await other.prune(DUE, { isCatchingUp: true })).toMatchObject(expected)
      await other.close()
    }
    expect(await isMarked({ parent, child })).toBe(false)
    expect(await records.read(child.txid)).toBeDefined()
  })

  it('lets records expire, or relaxes the commit of their removal, by the settings', async () => {
    const mortal = await opened({ prunerUtxoSetTTL: true })
    const first = await family()
    const large = await family({ scriptBytes: 40_000 })
    expect(await mortal.prune(DUE)).toMatchObject({ processed: 2, failed: 0, bodiesRemoved: 1 })
    expect(await records.read(large.child.txid)).toBeUndefined()
    await mortal.close()
    // A second, by the clock of the server.
    await until(async () => (await records.read(first.child.txid)) === undefined)
    const relaxed = await opened({ prunerRelaxRemovalCommitLevel: true, prunerSkipParentUpdates: true })
    const second = await family()
    expect(await relaxed.prune(DUE)).toMatchObject({ processed: 1, failed: 0, parentsMarked: 0 })
    expect(await records.read(second.child.txid)).toBeUndefined()
    await relaxed.close()
  })

  it('keeps a body for the safety window, and then removes it', async () => {
    const { child } = await family({ scriptBytes: 40_000 })
    const patient = await opened({ prunerBlobDeletionSafetyWindow: 10 })
    expect(await patient.prune(DUE)).toMatchObject({ processed: 1, bodiesRemoved: 0, removalsLeft: 1 })
    expect(bodyOf(child).length).toBe(1)
    expect(await patient.prune(DUE + 9)).toMatchObject({ removalsCompleted: 0, removalsLeft: 1 })
    expect(await patient.prune(DUE + 10)).toMatchObject({ removalsCompleted: 1, removalsLeft: 0 })
    expect(bodyOf(child)).toEqual([])
    await patient.close()
  })

  it('runs for the trigger of the settings, and for callers that name none', async () => {
    const { child } = await family()
    const other = await opened({ prunerBlockTrigger: 'OnBlockMined' })
    const persisted = { trigger: 'OnBlockPersisted' } as const
    expect(await other.prune(DUE, persisted)).toMatchObject({ outcome: 'not triggered', processed: 0 })
    expect(await records.read(child.txid)).toBeDefined()
    expect(await other.prune(DUE, { trigger: 'OnBlockMined' })).toMatchObject({ processed: 1 })
    expect(await other.prune(DUE)).toMatchObject({ outcome: 'complete' })
    expect(await codeOf(other.prune(DUE, { trigger: 'OnBlock' as never }))).toBe('INVALID_ARGUMENT')
    await other.close()
  })

  it('refuses height 0, and is released by its signal', async () => {
    expect(await codeOf(store.prune(0))).toBe('PROCESSING')
    expect(await codeOf(store.prune(-1))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(store.prune(DUE, { signal: AbortSignal.abort() }))).toBe('CONTEXT_CANCELED')
  })

  it('tells how far it is', async () => {
    const seen: number[] = []
    await store.prune(DUE, { onProgress: ({ done, total }) => seen.push(done / total) })
    expect(seen.at(-1)).toBe(1)
    expect([...seen].sort((a, b) => a - b)).toEqual(seen)
  })
})

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const endsAtMs = performance.now() + 10_000
  while (!(await isSo())) if (performance.now() > endsAtMs) throw new Error('it never came to be so')
}

/** Does something before the first batch with such a row is sent. */
function before(isIt: (row: BatchRow) => boolean, work: () => Promise<void>): Transport {
  let done: Promise<void> | undefined
  return {
    async batchOperate(rows, options) {
      // Another such batch waits as well: it could go while the work is under way.
      if (rows.some(isIt)) {
        done ??= work()
        await done
      }
      return good.batchOperate(rows, options)
    },
  }
}

describe('lesson 67: a run that is stopped at any of its steps', () => {
  /** Ends the n-th call to the server and all after it; the n-th may be applied without an answer. */
  function stoppingAt(n: number, isApplied: boolean): { transport: Transport; isReached: () => boolean } {
    let calls = 0
    return {
      isReached: () => calls >= n,
      transport: {
        async batchOperate(rows, options) {
          calls += 1
          if (calls < n) return good.batchOperate(rows, options)
          if (calls === n && isApplied) await good.batchOperate(rows, options)
          throw new Error('stopped')
        },
      },
    }
  }

  it.each([false, true])(
    'leaves nothing behind after a later run: the last call applied is %s',
    async isApplied => {
      let steps = 0
      for (let isReached = true; isReached; steps += 1) {
        const paged = await pagedAndDue()
        const large = await family({ scriptBytes: 40_000 })
        const plain = await family()
        const all = [paged, large.child, plain.child]
        const stopped = await opened({ overloadRetryMaxElapsed: 0 })
        const stopper = stoppingAt(steps + 1, isApplied)
        stopped.transport = stopper.transport
        await stopped.prune(DUE).catch(() => {})
        await stopped.close()
        isReached = stopper.isReached()

        for (const { parent, child } of [large, plain])
          if ((await records.read(child.txid)) === undefined)
            expect(await isMarked({ parent, child })).toBe(true)
        for (const tx of [paged, large.child])
          if ((await records.read(tx.txid)) !== undefined) expect(bodyOf(tx).length).toBe(1)

        // The locks of the stopped run expire.
        const locks = all.map(({ txid }) => ({
          set,
          userKey: Buffer.concat([txid, Buffer.from('feffffff', 'hex')]),
        }))
        await good.batchOperate(
          locks.map(key => ({ kind: 'remove', key }) as const),
          { timeout: 5_000 },
        )
        const result = await store.prune(DUE)
        expect({ steps, ...result }).toMatchObject({ failed: 0, removalsLeft: 0 })
        for (const tx of all)
          expect(await records.everywhere(tx.txid, 3, 'txID')).toEqual(new Array(4).fill(undefined))
        expect([...bodyOf(paged), ...bodyOf(large.child)]).toEqual([])
        for (const relatives of [large, plain]) expect(await isMarked(relatives)).toBe(true)
      }
      expect(steps).toBeGreaterThan(8)
    },
    180_000,
  )

  it('does not remove the body of a transaction that is there again', async () => {
    const { child } = await family({ scriptBytes: 40_000 })
    const stopped = await opened()
    // Stopped behind the removal of the master: the look for one that is there again is the first read after it.
    let isRemoved = false
    stopped.transport = {
      async batchOperate(rows, options) {
        if (isRemoved) throw new Error('stopped')
        const answers = await good.batchOperate(rows, options)
        isRemoved = rows.some(({ kind, filter }) => kind === 'remove' && filter !== undefined)
        return answers
      },
    }
    await stopped.prune(DUE)
    await stopped.close()
    expect(await records.read(child.txid)).toBeUndefined()
    expect(bodyOf(child).length).toBe(1)
    await records.remove(child.txid, 0xfffffffe)
    await store.create(child, 100)
    expect(await store.prune(DUE)).toMatchObject({ processed: 0, removalsCompleted: 0, removalsLeft: 0 })
    expect(bodyOf(child).length).toBe(1)
    expect((await store.get(child.txid, ['tx'])).tx?.inputs.length).toBe(1)
    await store.deleteComplete(child.txid)
  })
})
