import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import {
  encodeExtendedTransaction,
  encodeSpendingData,
  encodeTransaction,
  SpendError,
  type StoreError,
  txidToHex,
  type UtxoSpentError,
  UtxoStore,
} from 'aerospike-utxo-store'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { coinbase, spending } from './sample-transactions.ts'

let server: TestServer
let store: UtxoStore
const set = uniqueSet('store')

beforeAll(async () => {
  server = await testServer()
  store = await UtxoStore.open(storeUrl(server, { set }), {
    settings: { storeBatcherDurationMillis: 2, spendBatcherDurationMillis: 2 },
  })
  store.setBlockState(500, 1_700_000_000)
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

async function created(outputs = 1) {
  const tx = coinbase({ outputs })
  await store.create(tx, 100)
  return tx
}

describe('create and get', () => {
  it('reads back what was created, the transaction itself included', async () => {
    const parent = await created(2)
    const tx = spending([{ tx: parent, vout: 1 }], { outputs: 3 })
    const meta = await store.create(encodeExtendedTransaction(tx), 400)
    const fee = 5_000_000_000 - 3_000
    expect(meta).toMatchObject({
      fee,
      isCoinbase: false,
      sizeInBytes: encodeTransaction(tx).length,
      blockIds: [],
    })
    const read = await store.get(tx.txid)
    expect(read).toMatchObject({
      fee,
      isCoinbase: false,
      locked: false,
      conflicting: false,
      creating: false,
      blockIds: [],
    })
    expect(read.tx?.txid).toEqual(tx.txid)
    expect(read.txInpoints).toEqual([{ txid: parent.txid, vouts: [1] }])
    expect(await store.getMeta(txidToHex(tx.txid))).toMatchObject({ fee })
  })

  it('refuses a transaction that exists, naming it, and leaves it as it is', async () => {
    const [a, b] = [await created(), coinbase()]
    const results = await Promise.allSettled([store.create(a, 200, { locked: true }), store.create(b, 100)])
    expect(results[1]?.status).toBe('fulfilled')
    expect(results[0]).toMatchObject({
      reason: { code: 'TX_EXISTS', message: expect.stringContaining(txidToHex(a.txid)) },
    })
    expect((await store.getMeta(a.txid)).locked).toBe(false)
  })

  it('lets one of many concurrent creators win', async () => {
    const tx = coinbase()
    const codes = await Promise.all(Array.from({ length: 20 }, () => code(store.create(tx, 100))))
    expect(codes.sort()).toEqual([...new Array(19).fill('TX_EXISTS'), 'ok'].sort())
  })

  it('stores one output more than fits into a record on a page', async () => {
    for (const outputs of [128, 129]) {
      const tx = coinbase({ outputs })
      await store.create(tx, 100)
      const { utxos, totalExtraRecs } = await store.get(tx.txid, ['utxos', 'totalExtraRecs'])
      expect([utxos?.length, totalExtraRecs]).toEqual([outputs, outputs - 128])
    }
  })

  it('keeps a large body in the external store and reads it from there', async () => {
    const parents = await Promise.all(Array.from({ length: 400 }, () => created()))
    const tx = spending(
      parents.map(parent => ({ tx: parent, vout: 0 })),
      { salt: new Uint8Array(60) },
    )
    await store.create(tx, 400)
    const read = await store.get(tx.txid, ['tx', 'external', 'txInpoints'])
    expect(read.external).toBe(true)
    expect(read.tx?.inputs.length).toBe(400)
    expect(read.txInpoints?.length).toBe(400)
    const child = spending([{ tx, vout: 0 }])
    const decorated = await store.previousOutputsDecorate(encodeTransaction(child))
    expect(decorated.inputs[0]?.previousSatoshis).toBe(1_000n)
  })

  it('a missing transaction is TX_NOT_FOUND for its reader only', async () => {
    const tx = await created()
    const missing = coinbase().txid
    expect(
      await Promise.all([code(store.get(tx.txid)), code(store.get(missing)), code(store.getMeta(missing))]),
    ).toEqual(['ok', 'TX_NOT_FOUND', 'TX_NOT_FOUND'])
    const decorated = await store.batchDecorate([missing, tx.txid, new Uint8Array(32).fill(0xff)])
    expect(decorated.map(({ data, error }) => [data !== null, error?.code])).toEqual([
      [false, 'TX_NOT_FOUND'],
      [true, undefined],
      [false, undefined],
    ])
  })
})

describe('spend', () => {
  it('spends all inputs, and repeating it succeeds', async () => {
    const parents = [await created(), await created(3)]
    const tx = spending([
      { tx: parents[0] as never, vout: 0 },
      { tx: parents[1] as never, vout: 2 },
    ])
    const spends = await store.spend(tx, 500)
    expect(spends.map(({ vout, error }) => [vout, error])).toEqual([
      [0, undefined],
      [2, undefined],
    ])
    expect(await store.spend(tx, 500)).toEqual(spends)
    const { utxos } = await store.get(parents[1]?.txid ?? '', ['utxos'])
    expect(utxos?.map(({ state }) => state)).toEqual(['unspent', 'unspent', 'spent'])
  })

  it('refuses a rival and names the winner', async () => {
    const parent = await created()
    const [winner, rival] = [spending([{ tx: parent, vout: 0 }]), spending([{ tx: parent, vout: 0 }])]
    await store.spend(winner, 500)
    const error = (await store.spend(rival, 500).catch((failure: unknown) => failure)) as SpendError
    expect(error).toBeInstanceOf(SpendError)
    expect(error.code).toBe('UTXO_ERROR')
    const refused = error.spends[0]?.error as UtxoSpentError
    expect(refused.code).toBe('UTXO_SPENT')
    expect(refused.spendingData).toEqual({ txid: winner.txid, vin: 0 })
  })

  it('gives an output to one of many concurrent rivals, never to two', async () => {
    const parents = await Promise.all(Array.from({ length: 20 }, () => created()))
    const rivals = parents.flatMap(parent =>
      Array.from({ length: 10 }, () => spending([{ tx: parent, vout: 0 }])),
    )
    const codes = await Promise.all(rivals.map(tx => code(store.spend(tx, 500))))
    for (const [index] of parents.entries()) {
      const ofParent = codes.slice(index * 10, index * 10 + 10)
      expect(ofParent.filter(result => result === 'ok').length).toBe(1)
      expect(ofParent.filter(result => result === 'UTXO_ERROR').length).toBe(9)
    }
  })

  it('lesson 30: rolls back what succeeded when one input is lost', async () => {
    const [free, taken] = [await created(), await created()]
    await store.spend(spending([{ tx: taken, vout: 0 }]), 500)
    const tx = spending([
      { tx: free, vout: 0 },
      { tx: taken, vout: 0 },
    ])
    await expect(store.spend(tx, 500)).rejects.toMatchObject({
      spends: [{ error: undefined }, { error: { code: 'UTXO_SPENT' } }],
    })
    const { utxos, spentUtxos } = await store.get(free.txid, ['utxos', 'spentUtxos'])
    expect([utxos?.[0]?.state, spentUtxos]).toEqual(['unspent', 0])
    expect(await code(store.spend(spending([{ tx: free, vout: 0 }]), 500))).toBe('ok')
  })

  it('leaves the successes of a transaction that has a record', async () => {
    const [free, taken] = [await created(), await created()]
    await store.spend(spending([{ tx: taken, vout: 0 }]), 500)
    const tx = spending([
      { tx: free, vout: 0 },
      { tx: taken, vout: 0 },
    ])
    await store.create(tx, 400)
    expect(await code(store.spend(tx, 500))).toBe('UTXO_ERROR')
    const { utxos } = await store.get(free.txid, ['utxos'])
    expect(utxos?.[0]?.state).toBe('spent')
  })

  it('lesson 31: does not roll back for a lock alone', async () => {
    const [free, locked] = [await created(), await created()]
    await store.setLocked([locked.txid], true)
    const tx = spending([
      { tx: free, vout: 0 },
      { tx: locked, vout: 0 },
    ])
    await expect(store.spend(tx, 500)).rejects.toMatchObject({
      spends: [{ error: undefined }, { error: { code: 'TX_LOCKED' } }],
    })
    expect((await store.get(free.txid, ['utxos'])).utxos?.[0]?.state).toBe('spent')
    expect(await code(store.spend(tx, 500, { ignoreLocked: true }))).toBe('ok')
  })

  it('lesson 38: a parent that is gone fails the spend, unless the spender has a record', async () => {
    const [parent, gone] = [await created(), await created()]
    await store.delete(gone.txid)
    const tx = spending([
      { tx: parent, vout: 0 },
      { tx: gone, vout: 0 },
    ])
    await expect(store.spend(tx, 500)).rejects.toMatchObject({
      spends: [{}, { error: { code: 'TX_NOT_FOUND' } }],
    })
    await store.create(tx, 400)
    expect(await code(store.spend(tx, 500))).toBe('ok')
  })

  it.each([
    [199, 'UTXO_ERROR'],
    [200, 'ok'],
  ])('lesson 39: holds the coinbase maturity at height %d: %s', async (height, expected) => {
    const parent = await created()
    expect(await code(store.spend(spending([{ tx: parent, vout: 0 }]), height))).toBe(expected)
  })

  it('lesson 42: refuses height 0 and inputs that carry no previous output before anything is sent', async () => {
    const parent = await created()
    const tx = spending([{ tx: parent, vout: 0 }])
    expect(await code(store.spend(tx, 0))).toBe('INVALID_ARGUMENT')
    expect(await code(store.spend(encodeTransaction(tx), 500))).toBe('PROCESSING')
    expect((await store.get(parent.txid, ['utxos'])).utxos?.[0]?.state).toBe('unspent')
  })

  it('spends from thousands of parents at once', async () => {
    const parents = await Promise.all(Array.from({ length: 3_000 }, () => created()))
    const tx = spending(parents.map(parent => ({ tx: parent, vout: 0 })))
    expect((await store.spend(tx, 500)).length).toBe(3_000)
    await store.unspend(await store.spend(tx, 500))
    const states = await store.batchDecorate(
      parents.map(parent => parent.txid),
      ['utxos'],
    )
    expect(new Set(states.map(({ data }) => data?.utxos?.[0]?.state))).toEqual(new Set(['unspent']))
  })
})

describe('unspend', () => {
  it('lesson 28: clears its own spend, is idempotent, and never touches another one', async () => {
    const parent = await created()
    const [first, second] = [spending([{ tx: parent, vout: 0 }]), spending([{ tx: parent, vout: 0 }])]
    const spends = await store.spend(first, 500)
    await store.unspend(spends)
    await store.unspend(spends)
    await store.spend(second, 500)
    await store.unspend(spends)
    const { utxos } = await store.get(parent.txid, ['utxos'])
    expect(utxos?.[0]).toMatchObject({
      state: 'spent',
      spendingData: encodeSpendingData({ txid: second.txid, vin: 0 }),
    })
  })

  it('clears many outputs of one record', async () => {
    const parent = await created(100)
    const tx = spending(Array.from({ length: 100 }, (_, vout) => ({ tx: parent, vout })))
    await store.unspend(await store.spend(tx, 500))
    const { utxos, spentUtxos } = await store.get(parent.txid, ['utxos', 'spentUtxos'])
    expect(spentUtxos).toBe(0)
    expect(utxos?.every(({ state }) => state === 'unspent')).toBe(true)
  })

  it('reports a missing record', async () => {
    const parent = await created()
    const spends = await store.spend(spending([{ tx: parent, vout: 0 }]), 500)
    await store.delete(parent.txid)
    expect(await code(store.unspend(spends))).toBe('TX_NOT_FOUND')
  })
})

describe('setMinedMulti', () => {
  const info = { blockId: 7, blockHeight: 450, subtreeIdx: 3, onLongestChain: true }

  it('records the block, clears the lock, and takes it back', async () => {
    const txs = await Promise.all(Array.from({ length: 3 }, () => created()))
    await store.setLocked(
      txs.map(tx => tx.txid),
      true,
    )
    const txids = txs.map(tx => tx.txid)
    expect(await store.setMinedMulti(txids, info)).toEqual(new Map(txids.map(txid => [txidToHex(txid), [7]])))
    await store.setMinedMulti(txids, info)
    const [meta] = await Promise.all(
      txids.map(txid => store.get(txid, ['blockIds', 'unminedSince', 'locked'])),
    )
    expect(meta).toMatchObject({ blockIds: [7], blockHeights: [450], subtreeIdxs: [3], locked: false })
    expect(meta?.unminedSince).toBeUndefined()
    expect([...(await store.setMinedMulti(txids, { ...info, unsetMined: true })).values()]).toEqual([
      [],
      [],
      [],
    ])
    expect((await store.get(txids[0] as never, ['unminedSince'])).unminedSince).toBe(501)
  })

  it('lesson 58, 59: tells which transactions are missing and does the others', async () => {
    const [there, missing] = [await created(), coinbase()]
    const error = await store
      .setMinedMulti([there.txid, missing.txid], info)
      .catch((failure: unknown) => failure)
    expect(error).toMatchObject({ code: 'TX_NOT_FOUND', blockIds: new Map([[txidToHex(there.txid), [7]]]) })
    expect(await store.setMinedMulti([missing.txid], { ...info, unsetMined: true })).toEqual(new Map())
  })

  it('lesson 43: gives a fully spent transaction its delete-at-height from the mined block', async () => {
    const parent = await created()
    await store.spend(spending([{ tx: parent, vout: 0 }]), 500)
    await store.setMinedMulti([parent.txid], info)
    expect((await store.get(parent.txid, ['deleteAtHeight'])).deleteAtHeight).toBe(450 + 288)
  })

  it('splits a list of any length', async () => {
    const txs = await Promise.all(Array.from({ length: 2_500 }, () => created()))
    expect(
      (
        await store.setMinedMulti(
          txs.map(tx => tx.txid),
          info,
        )
      ).size,
    ).toBe(2_500)
  })

  it('an empty list is an empty answer', async () => {
    expect(await store.setMinedMulti([], info)).toEqual(new Map())
  })
})

describe('previousOutputsDecorate', () => {
  it('adds what the inputs spend', async () => {
    const parent = await created(2)
    const tx = spending([{ tx: parent, vout: 1 }])
    const decorated = await store.previousOutputsDecorate(encodeTransaction(tx))
    expect(encodeExtendedTransaction(decorated)).toEqual(encodeExtendedTransaction(tx))
  })

  it('lesson 09: tells a missing parent from an output that never was', async () => {
    const parent = await created(1)
    const wrong = coinbase({ outputs: 2 })
    expect(
      await code(store.previousOutputsDecorate(encodeTransaction(spending([{ tx: wrong, vout: 0 }])))),
    ).toBe('TX_NOT_FOUND')
    const beyond = { ...wrong, txid: parent.txid, outputs: wrong.outputs }
    expect(
      await code(store.previousOutputsDecorate(encodeTransaction(spending([{ tx: beyond, vout: 1 }])))),
    ).toBe('TX_INVALID')
  })
})

describe('setLocked and delete', () => {
  it('locks and unlocks, and reports a missing transaction', async () => {
    const tx = await created()
    await store.setLocked([tx.txid], true)
    expect((await store.getMeta(tx.txid)).locked).toBe(true)
    await store.setLocked([tx.txid], false)
    expect((await store.getMeta(tx.txid)).locked).toBe(false)
    expect(await code(store.setLocked([tx.txid, coinbase().txid], true))).toBe('TX_NOT_FOUND')
  })

  it('deletes, also what is not there', async () => {
    const tx = await created()
    await store.delete(tx.txid)
    await store.delete(tx.txid)
    expect(await code(store.get(tx.txid))).toBe('TX_NOT_FOUND')
  })

  it('keeps to the txid it was called with, though the caller fills its buffer again', async () => {
    const [one, other] = [await created(), await created()]
    const buffer = Buffer.from(one.txid)
    // The two race: it is read, or it is gone.
    const read = store.get(buffer, ['txid']).then(
      metadata => metadata.txid,
      () => one.txid,
    )
    const deleted = store.delete(buffer)
    buffer.set(other.txid)
    await deleted
    expect([await code(store.get(one.txid)), await code(store.get(other.txid))]).toEqual([
      'TX_NOT_FOUND',
      'ok',
    ])
    expect(Buffer.compare((await read) ?? other.txid, one.txid)).toBe(0)
  })
})

describe('the store itself', () => {
  it('is healthy', async () => {
    expect(await store.health()).toMatchObject({ status: 200 })
    expect(await store.health(true)).toEqual({ status: 200, message: 'alive' })
  })

  it('keeps height and median time together and refuses height 0', () => {
    expect(store.blockState).toEqual({ height: 500, medianTime: 1_700_000_000 })
    expect(() => store.setBlockState(0, 0)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', field: 'height' }),
    )
  })

  it.each<[string, () => Promise<unknown>, string]>([
    ['a txid of 31 bytes', () => store.get(new Uint8Array(31)), 'txid'],
    ['a txid that is no hex', () => store.get('zz'), 'txid'],
    ['an unknown field', () => store.get(new Uint8Array(32), ['nonsense' as never]), 'field'],
    ['a transaction that is text', () => store.create('00' as never, 1), 'tx'],
    ['a truncated transaction', () => store.create(new Uint8Array(3), 1), 'version'],
    ['a negative height', () => store.create(coinbase(), -1), 'blockHeight'],
    ['txids that are no list', () => store.setLocked('ab' as never, true), 'txids'],
    ['a lock that is no boolean', () => store.setLocked([], 1 as never), 'locked'],
    [
      'spending data of 35 bytes',
      () =>
        store.unspend([
          {
            txid: new Uint8Array(32),
            vout: 0,
            utxoHash: new Uint8Array(32),
            spendingData: new Uint8Array(35),
          },
        ]),
      'spendingData',
    ],
    [
      'no spending data',
      () => store.unspend([{ txid: new Uint8Array(32), vout: 0, utxoHash: new Uint8Array(32) } as never]),
      'spendingData',
    ],
    [
      'a block id that is no number',
      () =>
        store.setMinedMulti([], {
          blockId: '7' as never,
          blockHeight: 1,
          subtreeIdx: 0,
          onLongestChain: true,
        }),
      'blockId',
    ],
  ])('refuses %s and names the field', async (_, call, field) => {
    await expect(call()).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(field),
    })
  })

  it('releases an aborted caller with the reason', async () => {
    const reason = new Error('replaced')
    await expect(
      store.get(coinbase().txid, undefined, { signal: AbortSignal.abort(reason) }),
    ).rejects.toMatchObject({ code: 'CONTEXT_CANCELED', cause: reason })
  })

  it('answers every call that was made before close, and refuses the later ones', async () => {
    const own = await UtxoStore.open(storeUrl(server, { set }), {
      settings: { storeBatcherDurationMillis: 10_000 },
    })
    const txs = Array.from({ length: 250 }, () => coinbase())
    const creates = Promise.all(txs.map(tx => code(own.create(tx, 100))))
    await Promise.all([own.close(), own.close()])
    expect(new Set(await creates)).toEqual(new Set(['ok']))
    expect(await code(own.get(txs[0]?.txid ?? ''))).toBe('SERVICE_UNAVAILABLE')
    expect(await own.health()).toMatchObject({ status: 503 })
    expect(await code(store.get(txs[249]?.txid ?? ''))).toBe('ok')
  })
})

describe('open', () => {
  it('refuses an option that it does not know', async () => {
    const options = { retries: 3 } as object
    await expect(UtxoStore.open('embedded:', options)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      field: 'options.retries',
    })
  })

  it.each([
    [
      'an unknown namespace',
      () => storeUrl({ ...server, namespace: 'nowhere' }),
      'STORAGE_UNAVAILABLE',
      /no namespace nowhere/,
    ],
    ['nobody listening', () => storeUrl({ ...server, port: 1 }), 'STORAGE_UNAVAILABLE', /cannot connect/],
    [
      'a URL without a namespace',
      () => `aerospike://${server.host}:${server.port}`,
      'INVALID_ARGUMENT',
      /namespace/,
    ],
  ])('with %s: %s', async (_, url, expected, message) => {
    await expect(
      UtxoStore.open(url(), { settings: { connectRetries: 0, connectTimeout: 300 } }),
    ).rejects.toMatchObject({ code: expected, message: expect.stringMatching(message) })
  })
})
