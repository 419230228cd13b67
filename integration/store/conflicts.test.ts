import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import {
  type BatchRow,
  decodeSpendingData,
  encodeSpendingData,
  type SpendError,
  type StoreError,
  type Transaction,
  type TransactionOutput,
  type Transport,
  txidToHex,
  UtxoStore,
  utxoHash,
} from 'aerospike-utxo-store'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { coinbase, LOCKING_SCRIPT, spending } from './sample-transactions.ts'

const SETTINGS = {
  storeBatcherDurationMillis: 1,
  spendBatcherDurationMillis: 1,
  getBatcherDurationMillis: 1,
  utxoBatchSize: 4,
  conflictingChildrenMaxNodes: 400,
}
const HEIGHT = 500

let server: TestServer
let store: UtxoStore
let good: Transport
const set = uniqueSet('conflicts')

beforeAll(async () => {
  server = await testServer()
  store = await UtxoStore.open(storeUrl(server, { set }), { settings: SETTINGS })
  store.setBlockState(HEIGHT, 1_700_000_000)
  good = store.transport
})
afterEach(() => {
  store.transport = good
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

async function created(outputs = 1): Promise<Transaction> {
  const tx = coinbase({ outputs })
  await store.create(tx, 100)
  return tx
}

async function spent(parent: Transaction, vout = 0, outputs = 1): Promise<Transaction> {
  const tx = spending([{ tx: parent, vout }], { outputs })
  await store.spendAndCreate(tx, HEIGHT)
  return tx
}

async function conflicting(parent: Transaction, vout = 0): Promise<Transaction> {
  const tx = spending([{ tx: parent, vout }])
  await store.create(tx, HEIGHT, { conflicting: true })
  return tx
}

const hexes = (txids: readonly Uint8Array[]): string[] => txids.map(txidToHex).sort()

async function childrenOf(tx: Transaction): Promise<string[]> {
  return hexes((await store.get(tx.txid, ['conflictingChildren'])).conflictingChildren ?? [])
}

/** Outputs of a transaction of which nothing else is known: with four to a record, it has pages. */
async function withPages(outputs: number, options: { conflicting?: boolean } = {}): Promise<Transaction> {
  const tx = coinbase({ outputs })
  const known = new Map<number, TransactionOutput>(tx.outputs.map((output, vout) => [vout, output]))
  await store.createPartial(tx.txid, known, 100, options)
  return tx
}

/** Bins of one page, read past the store. */
async function pageOf(tx: Transaction, page: number) {
  const userKey = Buffer.concat([tx.txid, Buffer.from(Uint32Array.of(page).buffer)])
  const row: BatchRow = { kind: 'read', key: { set, userKey }, bins: 'all' }
  const [answer] = await good.batchOperate([row], { timeout: 5_000 })
  return answer?.bins ?? {}
}

describe('create({ conflicting: true })', () => {
  it('lists it with every parent, once however often it is done, and refuses spends of its outputs', async () => {
    const parents = [await created(), await created()] as const
    const tx = spending(parents.map(parent => ({ tx: parent, vout: 0 })))
    expect(await store.create(tx, HEIGHT, { conflicting: true })).toMatchObject({ conflicting: true })
    expect(await code(store.create(tx, HEIGHT, { conflicting: true }))).toBe('TX_EXISTS')
    for (const parent of parents) expect(await childrenOf(parent)).toEqual([txidToHex(tx.txid)])
    const refused = await store
      .spend(spending([{ tx, vout: 0 }]), HEIGHT)
      .catch((error: SpendError) => error.spends)
    expect(refused).toMatchObject([{ error: { code: 'TX_CONFLICTING' } }])
  })

  it('lesson 53: has a delete-at-height from the start', async () => {
    const tx = await conflicting(await created())
    expect(await store.get(tx.txid, ['deleteAtHeight'])).toEqual({ deleteAtHeight: HEIGHT + 288 })
  })

  it('takes a parent that is gone for pruned, and stores nothing when a parent fails otherwise', async () => {
    const gone = coinbase()
    expect(await code(conflicting(gone))).toBe('ok')
    const parent = await created()
    store.transport = {
      batchOperate: async (rows, options) => {
        const answers = await good.batchOperate(rows, options)
        const isList = rows.some(row => row.kind === 'write' && row.exists === 'update-only')
        return isList ? answers.map(answer => ({ ...answer, status: 18 })) : answers
      },
    }
    const tx = spending([{ tx: parent, vout: 0 }])
    expect(await code(store.create(tx, HEIGHT, { conflicting: true }))).toBe('STORAGE_ERROR')
    store.transport = good
    expect(await code(store.get(tx.txid))).toBe('TX_NOT_FOUND')
  })
})

describe('setConflicting', () => {
  it('marks, enters the parents’ lists, and tells inputs and spenders', async () => {
    const parents = [await created(), await created()] as const
    const tx = spending(
      parents.map(parent => ({ tx: parent, vout: 0 })),
      { outputs: 3 },
    )
    await store.spendAndCreate(tx, HEIGHT)
    const child = await spent(tx, 1)
    const change = await store.setConflicting([tx.txid, new Uint8Array(32).fill(0xff)], true)
    expect(change.spendingTxHashes.map(txidToHex)).toEqual([txidToHex(child.txid)])
    expect(
      change.affectedParentSpends.map(({ spendingData, utxoHash: hash, ...outpoint }) => ({
        ...outpoint,
        by: decodeSpendingData(spendingData),
        hash,
      })),
    ).toEqual(
      parents.map((parent, vin) => ({
        txid: parent.txid,
        vout: 0,
        by: { txid: tx.txid, vin },
        hash: utxoHash(parent.txid, 0, LOCKING_SCRIPT, 5_000_000_000n),
      })),
    )
    for (const parent of parents) expect(await childrenOf(parent)).toEqual([txidToHex(tx.txid)])
    expect(await store.get(tx.txid, ['conflicting', 'deleteAtHeight'])).toEqual({
      conflicting: true,
      deleteAtHeight: HEIGHT + 288,
    })

    await store.setConflicting([tx.txid], false)
    expect(await store.get(tx.txid, ['conflicting', 'deleteAtHeight'])).toEqual({ conflicting: false })
    await store.removeFromConflictingChildren([
      { parentTxid: parents[0].txid, childTxid: tx.txid },
      { parentTxid: coinbase().txid, childTxid: tx.txid },
    ])
    expect(await childrenOf(parents[0])).toEqual([])
    expect(await childrenOf(parents[1])).toEqual([txidToHex(tx.txid)])
  })

  it('takes as many batches for two hundred transactions as for one', async () => {
    const parent = await created(4)
    const many = await Promise.all(Array.from({ length: 200 }, () => created(3)))
    const counts: number[] = []
    for (const txids of [[parent.txid], many.map(({ txid }) => txid)]) {
      let batches = 0
      store.transport = {
        batchOperate: (rows, options) => {
          batches += 1
          return good.batchOperate(rows, options)
        },
      }
      await store.setConflicting(txids, true)
      counts.push(batches)
    }
    // Coinbases have no parents to list them: read, mark, read the spenders.
    expect(counts).toEqual([3, 3])
  })

  it('changes nothing when one is not stored', async () => {
    const tx = await created()
    expect(await code(store.setConflicting([tx.txid, coinbase().txid], true))).toBe('TX_NOT_FOUND')
    expect((await store.getMeta(tx.txid)).conflicting).toBe(false)
  })

  it('does not take the sentinel of a frozen output for a spender', async () => {
    const tx = coinbase({ outputs: 2 })
    await store.create(tx, 100, { frozen: true })
    expect((await store.setConflicting([tx.txid], true)).spendingTxHashes).toEqual([])
  })

  it('tells the hash of the slot where the input was stored without what it spends', async () => {
    const parent = await created()
    const tx = spending([{ tx: parent, vout: 0 }])
    const bare = {
      ...tx,
      inputs: tx.inputs.map(input => ({
        ...input,
        previousSatoshis: undefined,
        previousLockingScript: undefined,
      })),
    }
    await store.create(bare, HEIGHT, { skipExtendedInputs: true })
    const { affectedParentSpends } = await store.setConflicting([tx.txid], true)
    expect(affectedParentSpends[0]?.utxoHash).toEqual(
      Buffer.from(utxoHash(parent.txid, 0, LOCKING_SCRIPT, 5_000_000_000n)),
    )
  })
})

describe('conflicting transactions with pages', () => {
  const spendOf = (tx: Transaction, vout: number): Promise<string> =>
    code(store.spend(spending([{ tx, vout }]), HEIGHT))

  it('lifting the mark lifts it from the pages, which had it from their creation', async () => {
    const tx = await withPages(10, { conflicting: true })
    expect(await pageOf(tx, 2)).toMatchObject({ conflicting: true })
    expect(await spendOf(tx, 9)).toBe('UTXO_ERROR')
    await store.setConflicting([tx.txid], false)
    expect(await Promise.all([0, 5, 9].map(vout => spendOf(tx, vout)))).toEqual(['ok', 'ok', 'ok'])
  })

  it('setting the mark carries the delete-at-height to the pages, but not the mark', async () => {
    const tx = await withPages(10)
    await store.setConflicting([tx.txid], true)
    expect(await pageOf(tx, 1)).toMatchObject({ deleteAtHeight: HEIGHT + 288, conflicting: false })
    expect(await spendOf(tx, 0)).toBe('UTXO_ERROR')
    await store.setConflicting([tx.txid], false)
    expect(await pageOf(tx, 1)).not.toHaveProperty('deleteAtHeight')
    expect(await store.get(tx.txid, ['deleteAtHeight'])).toEqual({})
  })

  it('sets the mark on the pages, too, where the setting says that no reference node shares the set', async () => {
    const own = await UtxoStore.open(storeUrl(server, { set }), {
      settings: { ...SETTINGS, propagateConflictingToPages: 'on' },
    })
    own.setBlockState(HEIGHT, 0)
    // Bodies are in memory, so that this store does not have the first one's: it has to make its own.
    const tx = coinbase({ outputs: 10 })
    await own.createPartial(tx.txid, new Map(tx.outputs.map((output, vout) => [vout, output])), 100)
    await own.setConflicting([tx.txid], true)
    await own.close()
    expect(await pageOf(tx, 2)).toMatchObject({ conflicting: true })
    expect(await spendOf(tx, 9)).toBe('UTXO_ERROR')
  })
})

describe('getConflictingChildren', () => {
  it('finds spenders and conflicting children over all levels, each once, the root excluded', async () => {
    const root = await withPages(10)
    const children = [await spent(root, 0, 2), await spent(root, 9)] as const
    const rival = await conflicting(root, 9)
    const both = spending([
      { tx: children[0], vout: 0 },
      { tx: children[1], vout: 0 },
    ])
    await store.spendAndCreate(both, HEIGHT)
    const last = await spent(both)
    const ofRival = await conflicting(rival)
    const expected = hexes([...children, rival, both, last, ofRival].map(({ txid }) => txid))
    expect(hexes(await store.getConflictingChildren(root.txid))).toEqual(expected)
  })

  it('reports a frozen output as 32 × FF, and who has no record', async () => {
    const root = coinbase({ outputs: 2 })
    await store.create(root, 100)
    const frozen = await spent(root, 0)
    await store.freezeUtxos([
      { txid: frozen.txid, vout: 0, utxoHash: utxoHash(frozen.txid, 0, LOCKING_SCRIPT, 1_000n) },
    ])
    const ghost = spending([{ tx: root, vout: 1 }])
    await store.spend(ghost, HEIGHT)
    expect(hexes(await store.getConflictingChildren(root.txid))).toEqual(
      [txidToHex(frozen.txid), txidToHex(ghost.txid), 'ff'.repeat(32)].sort(),
    )
    expect(await code(store.getConflictingChildren(ghost.txid))).toBe('TX_NOT_FOUND')
    expect(await store.getConflictingChildren('ff'.repeat(32))).toEqual([])
  })

  it('lesson 73: one batch for each level, and an error instead of a part of the answer beyond the limit', async () => {
    const root = await withPages(330)
    const children = Array.from({ length: 300 }, (_, vout) => spending([{ tx: root, vout }]))
    await Promise.all(children.map(child => store.spendAndCreate(child, HEIGHT, { confirmSpends: false })))
    let rows = 0
    let batches = 0
    store.transport = {
      batchOperate: (asked, options) => {
        batches += 1
        rows += asked.length
        return good.batchOperate(asked, options)
      },
    }
    expect(await store.getConflictingChildren(root.txid)).toHaveLength(300)
    // The root, its 82 pages, and each child once.
    expect({ rows, batches }).toEqual({ rows: 1 + 82 + 300, batches: 3 })
    store.transport = good
    const first = children[0] as Transaction
    const links = Array.from({ length: 101 }, () => spending([{ tx: first, vout: 0 }]))
    await Promise.all(links.map(link => store.create(link, HEIGHT, { conflicting: true })))
    await expect(store.getConflictingChildren(root.txid)).rejects.toMatchObject({
      name: 'WalkLimitError',
      code: 'PROCESSING',
      limit: 400,
    })
  })
})

describe('getCounterConflicting', () => {
  it('is the transaction itself, who holds its inputs, and their descendants', async () => {
    const parents = [await created(2), await created()] as const
    const holder = await spent(parents[0], 0)
    const descendant = await spent(holder)
    await spent(parents[0], 1)
    const tx = spending(parents.map(parent => ({ tx: parent, vout: 0 })))
    await store.create(tx, HEIGHT, { conflicting: true })
    expect((await store.getCounterConflicting(tx.txid)).map(txidToHex)).toEqual(
      [tx, holder, descendant].map(({ txid }) => txidToHex(txid)),
    )
  })

  it('is an error instead of a part of the answer beyond the limit', async () => {
    const parent = await created()
    await spent(await spent(parent))
    const tx = spending([{ tx: parent, vout: 0 }])
    await store.create(tx, HEIGHT, { conflicting: true })
    for (const [limit, expected] of [
      [2, 'ok'],
      [1, 'PROCESSING'],
    ] as const) {
      const settings = { ...SETTINGS, conflictingChildrenMaxNodes: limit }
      await using limited = await UtxoStore.open(storeUrl(server, { set }), { settings })
      limited.setBlockState(HEIGHT, 1_700_000_000)
      expect(await code(limited.getCounterConflicting(tx.txid))).toBe(expected)
    }
  })

  it('is the transaction alone when it holds its inputs itself', async () => {
    const tx = await spent(await created())
    await spent(tx)
    expect((await store.getCounterConflicting(tx.txid)).map(txidToHex)).toEqual([txidToHex(tx.txid)])
  })

  it.each<[string, { mined?: number; tip?: number }, string]>([
    ['unmined parent', {}, 'ok'],
    ['parent mined 287 blocks ago', { mined: 300, tip: 587 }, 'ok'],
    ['parent mined 288 blocks ago', { mined: 300, tip: 588 }, 'TX_NOT_FOUND'],
  ])('lesson 30: a holder without a record, %s: %j', async (_, { mined, tip }, expected) => {
    const parent = await created()
    if (mined !== undefined) {
      await store.setMinedMulti([parent.txid], {
        blockId: 1,
        blockHeight: mined,
        subtreeIdx: 0,
        onLongestChain: true,
      })
    }
    await store.spend(spending([{ tx: parent, vout: 0 }]), HEIGHT)
    const tx = await conflicting(parent)
    store.setBlockState(tip ?? HEIGHT, 0)
    const outcome = await code(store.getCounterConflicting(tx.txid))
    store.setBlockState(HEIGHT, 0)
    expect(outcome).toBe(expected)
  })

  it('is an error where an input names no output, its parent is gone, or the output is frozen', async () => {
    const parent = await created(2)
    const beyond = spending([{ tx: coinbase({ outputs: 3 }), vout: 2 }])
    const outside = {
      ...beyond,
      inputs: beyond.inputs.map(input => ({ ...input, previousTxid: parent.txid })),
    }
    await store.create(outside, HEIGHT, { conflicting: true })
    const names = await store.getConflictingChildren(parent.txid)
    expect(await code(store.getCounterConflicting(names[0] ?? ''))).toBe('PROCESSING')

    expect(await code(store.getCounterConflicting((await conflicting(coinbase())).txid))).toBe('TX_NOT_FOUND')

    const frozen = coinbase()
    await store.create(frozen, 100, { frozen: true })
    expect(await code(store.getCounterConflicting((await conflicting(frozen)).txid))).toBe('UTXO_FROZEN')
  })
})

describe('getAndLockChildren', () => {
  it('locks the transaction and all that descends from it by spends', async () => {
    const root = await created(2)
    const child = await spent(root, 0, 2)
    const grandchild = await spent(child, 1)
    const other = await spent(root, 1)
    expect(hexes(await store.getAndLockChildren(root.txid))).toEqual(
      hexes([child, grandchild, other].map(({ txid }) => txid)),
    )
    for (const tx of [root, child, grandchild, other])
      expect((await store.getMeta(tx.txid)).locked).toBe(true)
    expect(await code(store.getAndLockChildren(coinbase().txid))).toBe('TX_NOT_FOUND')
  })
})

describe('unspend', () => {
  it('takes one batch for a list of outputs of many transactions', async () => {
    const parents = await Promise.all(Array.from({ length: 50 }, () => created()))
    const tx = spending(parents.map(parent => ({ tx: parent, vout: 0 })))
    const spends = await store.spend(tx, HEIGHT)
    let batches = 0
    store.transport = {
      batchOperate: (rows, options) => {
        batches += 1
        return good.batchOperate(rows, options)
      },
    }
    await store.unspend(spends)
    expect(batches).toBe(1)
    store.transport = good
    const states = await Promise.all(parents.map(parent => store.get(parent.txid, ['utxos'])))
    expect(states.map(({ utxos }) => utxos?.[0]?.state)).toEqual(parents.map(() => 'unspent'))
  })

  it('lesson 28: leaves another’s spend alone and says nothing; without spending data it is refused', async () => {
    const parent = await created()
    const [spend] = await store.spend(spending([{ tx: parent, vout: 0 }]), HEIGHT)
    const foreign = { ...spend, spendingData: encodeSpendingData({ txid: coinbase().txid, vin: 0 }) }
    await store.unspend([foreign as never])
    expect((await store.get(parent.txid, ['utxos'])).utxos?.[0]?.state).toBe('spent')
    expect(await code(store.unspend([{ ...spend, spendingData: null } as never]))).toBe('INVALID_ARGUMENT')
  })

  it('lesson 29: refuses to unspend a frozen output', async () => {
    const parent = coinbase()
    await store.create(parent, 100, { frozen: true })
    const hash = utxoHash(parent.txid, 0, LOCKING_SCRIPT, 5_000_000_000n)
    const sentinel = {
      txid: parent.txid,
      vout: 0,
      utxoHash: hash,
      spendingData: new Uint8Array(36).fill(0xff),
    }
    expect(await code(store.unspend([sentinel]))).toBe('STORAGE_ERROR')
    expect((await store.get(parent.txid, ['utxos'])).utxos?.[0]?.state).toBe('frozen')
  })

  it('lesson 47: no page keeps a delete-at-height when its master has none', async () => {
    const parent = await withPages(10)
    await store.setMinedMulti([parent.txid], {
      blockId: 1,
      blockHeight: 400,
      subtreeIdx: 0,
      onLongestChain: true,
    })
    const tx = spending(parent.outputs.map((_, vout) => ({ tx: parent, vout })))
    const spends = await store.spend(tx, HEIGHT)
    expect(await pageOf(parent, 1)).toMatchObject({ deleteAtHeight: HEIGHT + 288 })
    await store.unspend(spends.slice(9))
    expect(await store.get(parent.txid, ['deleteAtHeight', 'spentExtraRecs'])).toEqual({ spentExtraRecs: 1 })
    for (const page of [1, 2]) expect(await pageOf(parent, page)).not.toHaveProperty('deleteAtHeight')
  })

  it('markAsLocked locks masters and pages before the first output is free', async () => {
    const parent = await withPages(10)
    const spends = await store.spend(spending([{ tx: parent, vout: 9 }]), HEIGHT)
    const functions: string[] = []
    store.transport = {
      batchOperate: (rows, options) => {
        functions.push(...rows.map(row => (row.kind === 'apply' ? row.function : row.kind)))
        return good.batchOperate(rows, options)
      },
    }
    await store.unspend(spends, { markAsLocked: true })
    store.transport = good
    expect(functions.slice(0, 5)).toEqual(['setLocked', 'write', 'write', 'read', 'unspend'])
    const rival = spending([{ tx: parent, vout: 9 }])
    expect(await store.spend(rival, HEIGHT).catch((error: SpendError) => error.spends)).toMatchObject([
      { error: { code: 'TX_LOCKED' } },
    ])
    await store.setLocked([parent.txid], false)
    expect(await code(store.spend(rival, HEIGHT))).toBe('ok')
  })

  it('tries every entry and joins what failed', async () => {
    const parent = await created()
    const spends = await store.spend(spending([{ tx: parent, vout: 0 }]), HEIGHT)
    const missing = [coinbase(), coinbase()].map(({ txid }) => ({ ...spends[0], txid }) as never)
    const error: StoreError = await store.unspend([...missing, ...spends]).then(
      () => Promise.reject(new Error('it should fail')),
      (failure: StoreError) => failure,
    )
    expect(error.message).toContain('2 of 3')
    expect((error.cause as AggregateError).errors).toMatchObject([
      { code: 'TX_NOT_FOUND' },
      { code: 'TX_NOT_FOUND' },
    ])
    expect((await store.get(parent.txid, ['utxos'])).utxos?.[0]?.state).toBe('unspent')
  })
})
