import { beforeEach, describe, expect, it } from '@jest/globals'
import { encodeExtendedTransaction } from '../../../lib/bitcoin/index.ts'
import { StoreError } from '../../../lib/errors/index.ts'
import { CachedUtxoStore } from '../../../lib/tx-meta/cached-store/cached-utxo-store.ts'
import { encodeMetaBytes } from '../../../lib/tx-meta/meta-bytes.ts'
import {
  cachedStore,
  type FakeStore,
  known,
  metadata,
  REFUSAL,
  throwing,
  txid,
  UNCERTAIN,
  VERDICT,
} from './fake-store.ts'

let store: FakeStore
let cached: CachedUtxoStore
let isCached: (id: Uint8Array) => Promise<boolean>

beforeEach(() => {
  ;({ store, cached, isCached } = cachedStore())
})

describe('create', () => {
  const created = (changes = {}) => ({ ...metadata(changes), txid: txid(1) })

  it('keeps what was created', async () => {
    store.answer('create', () => created({ locked: true }))
    await cached.create(new Uint8Array(1), 1_000)
    expect(await cached.getMeta(txid(1))).toMatchObject({ fee: 12, locked: true })
    expect(store.called('getMeta')).toBe(0)
  })

  it.each([
    ['with blocks', { blockIds: [1] }],
    ['as conflicting', { conflicting: true }],
  ])('keeps nothing of one created %s', async (_name, changes) => {
    store.answer('create', () => created(changes))
    await cached.create(new Uint8Array(1), 1_000)
    expect(cached.cacheStatistics.entries).toBe(0)
  })

  it('keeps nothing when it is locked before the creation has answered', async () => {
    store.answer('create', async () => {
      await cached.setLocked([txid(1)], true)
      return created()
    })
    await cached.create(new Uint8Array(1), 1_000)
    expect(cached.cacheStatistics.entries).toBe(0)
  })
})

describe('spendAndCreate', () => {
  const tx = {
    version: 1,
    locktime: 0,
    inputs: [
      {
        previousTxid: txid(900),
        previousVout: 1,
        unlockingScript: new Uint8Array(1),
        sequence: 1,
        previousSatoshis: 5n,
        previousLockingScript: new Uint8Array(1),
      },
    ],
    outputs: [{ satoshis: 4n, lockingScript: new Uint8Array(1) }],
  }
  const bytes = encodeExtendedTransaction(tx as unknown as Parameters<typeof encodeExtendedTransaction>[0])

  it('keeps what was created, and nothing where it only spent', async () => {
    store.answer('spendAndCreate', () => ({ spends: [], metadata: undefined }))
    await cached.spendAndCreate(bytes, 1_000, { spendOnly: true })
    expect(cached.cacheStatistics.entries).toBe(0)
    store.answer('spendAndCreate', () => ({ spends: [], metadata: { ...metadata(), txid: txid(1) } }))
    await cached.spendAndCreate(bytes, 1_000)
    expect(await isCached(txid(1))).toBe(true)
  })

  it('removes what it created when it lost an input meanwhile, and nothing else', async () => {
    await cached.getMeta(txid(2))
    store.answer('spendAndCreate', async (given: { txid: Uint8Array }) => {
      await cached.getMeta(given.txid)
      expect(cached.cacheStatistics.entries).toBe(2)
      throw new StoreError('UTXO_ERROR', 'an input was lost')
    })
    await expect(cached.spendAndCreate(bytes, 1_000)).rejects.toMatchObject({ code: 'UTXO_ERROR' })
    expect(cached.cacheStatistics.entries).toBe(1)
    expect(await isCached(txid(2))).toBe(true)
  })

  it('hands on what is no transaction, for the store to refuse', async () => {
    store.answer('spendAndCreate', throwing(REFUSAL))
    const given = new Uint8Array(3)
    await expect(cached.spendAndCreate(given, 1_000)).rejects.toBe(REFUSAL)
    expect(store.calls.at(-1)?.args[0]).toBe(given)
  })
})

describe('conflicts', () => {
  it('getAndLockChildren removes the transaction and what it locked', async () => {
    for (const number of [1, 2, 3]) await cached.getMeta(txid(number))
    store.answer('getAndLockChildren', () => [txid(2)])
    expect(await cached.getAndLockChildren(txid(1))).toEqual([txid(2)])
    expect(await isCached(txid(1))).toBe(false)
    expect(await isCached(txid(2))).toBe(false)
    expect(await isCached(txid(3))).toBe(true)
  })

  it('getAndLockChildren removes everything when it failed, for nobody knows what was locked', async () => {
    await cached.getMeta(txid(2))
    store.answer('getAndLockChildren', throwing(new StoreError('UTXO_FROZEN', 'one is frozen')))
    await expect(cached.getAndLockChildren(txid(1))).rejects.toMatchObject({ code: 'UTXO_FROZEN' })
    expect(await isCached(txid(2))).toBe(false)
  })

  const winner = txid(1)
  const block = { blockHeight: 5, blockHash: txid(5) }

  it('processConflicting removes winners, losers, and the parents of both', async () => {
    for (const number of [1, 2, 3, 4, 5]) await cached.getMeta(txid(number))
    store.answer('processConflicting', () => ({ losers: [txid(2)], markedConflicting: [txid(2), txid(3)] }))
    store.answer('batchDecorate', (txids: readonly Uint8Array[]) =>
      txids.map(id => ({ txid: id, error: null, data: { txInpoints: [{ txid: txid(4), vouts: [0] }] } })),
    )
    await cached.processConflicting([winner], block)
    for (const number of [1, 2, 3, 4]) expect(await isCached(txid(number))).toBe(false)
    expect(await isCached(txid(5))).toBe(true)
  })

  it.each<[string, () => unknown]>([
    ['one cannot be read', () => [{ txid: winner, data: null, error: VERDICT }]],
    ['none can', throwing(UNCERTAIN)],
  ])('processConflicting removes everything where of the parents %s', async (_name, answer) => {
    await cached.getMeta(txid(5))
    store.answer('processConflicting', () => ({ losers: [], markedConflicting: [] }))
    store.answer('batchDecorate', answer)
    await cached.processConflicting([winner], block)
    expect(await isCached(txid(5))).toBe(false)
  })

  it('processConflicting removes everything when it failed', async () => {
    await cached.getMeta(txid(5))
    store.answer('processConflicting', throwing(UNCERTAIN))
    await expect(cached.processConflicting([winner], block)).rejects.toBe(UNCERTAIN)
    expect(await isCached(txid(5))).toBe(false)
    await cached.getMeta(txid(6))
    expect(await isCached(txid(6))).toBe(false)
  })

  it('recoverConflicts removes everything', async () => {
    await cached.getMeta(txid(5))
    await cached.recoverConflicts(() => true)
    expect(await isCached(txid(5))).toBe(false)
  })
})

describe('entries from elsewhere', () => {
  it('are answered, and removed', async () => {
    cached.setCache(txid(1), { ...known(), frozen: true })
    expect(await cached.getMeta(txid(1))).toMatchObject({ fee: 12, blockIds: [], creating: false })
    expect(await cached.getMeta(txid(1))).not.toHaveProperty('frozen')
    cached.removeFromCache(txid(1))
    expect(await isCached(txid(1))).toBe(false)
    expect(store.called('delete')).toBe(0)
  })

  it('are refused where they cannot be metadata, and the others are kept', () => {
    const good = encodeMetaBytes({ ...known(), frozen: false })
    const conflicting = encodeMetaBytes({ ...known(), frozen: false, conflicting: true })
    const kept = cached.setCacheMulti([
      [txid(1), good],
      [txid(2), new Uint8Array(3)],
      [txid(3), conflicting],
      [txid(4), good],
    ])
    expect(kept).toBe(2)
    expect(cached.cacheStatistics).toMatchObject({ entries: 2, refused: 2 })
  })

  it('are not counted as kept while a change of their transaction is in doubt', async () => {
    const good = encodeMetaBytes({ ...known(), frozen: false })
    store.answer('setLocked', throwing(UNCERTAIN))
    await expect(cached.setLocked([txid(1)], true)).rejects.toBe(UNCERTAIN)
    expect(
      cached.setCacheMulti([
        [txid(1), good],
        [txid(2), good],
      ]),
    ).toBe(1)
    expect(cached.cacheStatistics).toMatchObject({ entries: 1, refused: 0 })
  })

  it('that turn out to be damaged are a miss', async () => {
    cached.feedTarget.add(txid(1), Buffer.alloc(21, 0xff).fill(0, 16, 17))
    expect(await cached.getMeta(txid(1))).toEqual(metadata())
    expect(cached.cacheStatistics.refused).toBe(1)
  })

  it('come and go with the feed', async () => {
    cached.feedTarget.add(txid(1), encodeMetaBytes({ ...known(), frozen: false }))
    expect(await isCached(txid(1))).toBe(true)
    await cached.feedTarget.delete(txid(1))
    expect(await isCached(txid(1))).toBe(false)
  })
})

it('shows the store itself, and closes it', async () => {
  expect(cached.settings).toBe(store.settings)
  expect(cached.blockState).toBe(store.blockState)
  await cached.getMeta(txid(1))
  await cached[Symbol.asyncDispose]()
  expect(store.called('close')).toBe(1)
  expect(cached.cacheStatistics.entries).toBe(0)
})

it.each([
  ['megabytes', { megabytes: 0 }],
  ['uncertainMs', { uncertainMs: -1 }],
  ['options', null],
  ['options', 5],
])('refuses wrong %s', (_name, options) => {
  expect(() => new CachedUtxoStore(store.surface, options as object)).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
  )
})

it('refuses to stand before no store', () => {
  const missing = undefined as unknown as FakeStore['surface']
  expect(() => new CachedUtxoStore(missing)).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', field: 'store' }),
  )
})

describe('of what comes from elsewhere', () => {
  const bytes = encodeMetaBytes({ ...known(), frozen: false })
  const refused = (field: string) => expect.objectContaining({ code: 'INVALID_ARGUMENT', field })

  it.each([undefined, null, 5, '', new Uint8Array(31), {}, []])('refuses %p as a txid', given => {
    const id = given as string
    expect(() => cached.setCache(id, { ...known(), frozen: false })).toThrow(refused('txid'))
    expect(() => cached.setCacheFromBytes(id, bytes)).toThrow(refused('txid'))
    expect(() => cached.removeFromCache(id)).toThrow(refused('txid'))
  })

  it.each([undefined, null, 5, 'x', {}])('refuses %p as content', given => {
    expect(() => cached.setCacheFromBytes(txid(1), given as unknown as Uint8Array)).toThrow(refused('bytes'))
    expect(() => cached.setCache(txid(1), given as never)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^(INVALID_ARGUMENT|PROCESSING)$/) }),
    )
  })

  it.each([undefined, null, 5, {}])('refuses %p as a list', given => {
    expect(() => cached.setCacheMulti(given as never)).toThrow(refused('entries'))
  })

  it('passes over entries of a list that are none', () => {
    const entries = [null, undefined, 5, [], [txid(1)], [5, bytes], [txid(2), bytes]]
    expect(cached.setCacheMulti(entries as never)).toBe(1)
  })
})

it('keeps nothing of a feed that goes on after the close', async () => {
  const bytes = encodeMetaBytes({ ...known(), frozen: false })
  const closing = cached.close()
  cached.feedTarget.add(txid(1), bytes)
  await closing
  cached.feedTarget.add(txid(1), bytes)
  store.answer('getMeta', throwing(UNCERTAIN))
  await expect(cached.getMeta(txid(1))).rejects.toBe(UNCERTAIN)
})
