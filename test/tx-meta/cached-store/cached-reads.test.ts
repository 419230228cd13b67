import { beforeEach, describe, expect, it } from '@jest/globals'
import { noteWorkBehind, StoreError } from '../../../lib/errors/index.ts'
import type { CachedUtxoStore } from '../../../lib/tx-meta/cached-store/cached-utxo-store.ts'
import type { StoreSurface } from '../../../lib/tx-meta/cached-store/call-policies.ts'
import { encodeMetaBytes } from '../../../lib/tx-meta/meta-bytes.ts'
import {
  cachedStore,
  type FakeStore,
  known,
  metadata,
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

describe('getMeta', () => {
  it('asks the store once, and answers without blocks from then on', async () => {
    expect(await cached.getMeta(txid(1))).toEqual(metadata())
    const { locktime: _, ...known } = metadata()
    expect(await cached.getMeta(Buffer.from(txid(1)).reverse().toString('hex'))).toEqual(known)
    expect(store.called('getMeta')).toBe(1)
    expect(cached.cacheStatistics).toMatchObject({ entries: 1, hits: 1, misses: 1, refused: 0 })
  })

  it.each<[string, Parameters<typeof metadata>[0]]>([
    ['is conflicting', { conflicting: true }],
    ['is being created', { creating: true }],
    ['is in a block', { blockIds: [7], blockHeights: [900], subtreeIdxs: [0] }],
    ['is known by some outputs only', { sizeInBytes: 0, fee: 0, txInpoints: [] }],
    ['has parents that nobody knows', { txInpoints: [] }],
    ['is too large for the cache', { txInpoints: [{ txid: txid(1), vouts: new Array(600).fill(1) }] }],
  ])('keeps nothing of one that %s', async (_name, changes) => {
    store.answer('getMeta', () => metadata(changes))
    expect(await cached.getMeta(txid(1))).toEqual(metadata(changes))
    await cached.getMeta(txid(1))
    expect(store.called('getMeta')).toBe(2)
    expect(cached.cacheStatistics.entries).toBe(0)
  })

  it.each([
    'fee',
    'sizeInBytes',
    'isCoinbase',
    'locked',
    'conflicting',
    'creating',
    'txInpoints',
    'blockIds',
  ] as const)('keeps nothing that lacks %s', async field => {
    const { [field]: _, ...partial } = metadata()
    store.answer('getMeta', () => partial)
    await cached.getMeta(txid(1))
    expect(cached.cacheStatistics.entries).toBe(0)
  })

  it('keeps nothing of a read that failed', async () => {
    store.answer('getMeta', throwing(VERDICT))
    await expect(cached.getMeta(txid(1))).rejects.toBe(VERDICT)
    expect(cached.cacheStatistics.entries).toBe(0)
  })

  it('does not believe an entry that is older than a tenth of the retention', async () => {
    await cached.getMeta(txid(1))
    store.blockState = { height: 1_028, medianTime: 1 }
    expect(await isCached(txid(1))).toBe(true)
    store.blockState = { height: 1_029, medianTime: 1 }
    expect(await isCached(txid(1))).toBe(false)
  })

  it('believes an entry for one block at least', async () => {
    ;({ store, cached, isCached } = cachedStore({ retention: 0 }))
    await cached.getMeta(txid(1))
    store.blockState = { height: 1_001, medianTime: 1 }
    expect(await isCached(txid(1))).toBe(true)
    store.blockState = { height: 1_002, medianTime: 1 }
    expect(await isCached(txid(1))).toBe(false)
  })
})

describe('a read that a change overtakes', () => {
  /** A read whose answer is on its way, from before whatever comes next. */
  function reading(): { answer: () => Promise<unknown> } {
    let resolve: (answer: unknown) => void = () => {}
    store.answer('getMeta', () => new Promise(resolving => (resolve = resolving)))
    const read = cached.getMeta(txid(1))
    return {
      answer: () => {
        resolve(metadata())
        return read
      },
    }
  }

  it('does not bring back what was removed', async () => {
    const read = reading()
    await cached.setLocked([txid(1)], true)
    expect(await read.answer()).toEqual(metadata())
    expect(await isCached(txid(1))).toBe(false)
  })

  it.each<[string, (bytes: Uint8Array) => void]>([
    ['the feed has added', bytes => cached.feedTarget.add(txid(1), bytes)],
    ['was put there', bytes => cached.setCacheFromBytes(txid(1), bytes)],
    ['was put there with others', bytes => cached.setCacheMulti([[txid(1), bytes]])],
  ])('does not replace what %s meanwhile', async (_name, add) => {
    const read = reading()
    add(encodeMetaBytes({ ...known(), frozen: false, locked: true }))
    expect(await read.answer()).toEqual(metadata())
    expect(await cached.getMeta(txid(1))).toMatchObject({ locked: true })
    expect(store.called('getMeta')).toBe(1)
  })

  it('does not after a call that changed nobody knows what', async () => {
    store.answer('recoverConflicts', () => [])
    const read = reading()
    await cached.recoverConflicts()
    await read.answer()
    expect(await isCached(txid(1))).toBe(false)
  })

  it('is kept where it began after the change', async () => {
    await cached.setLocked([txid(1)], true)
    await reading().answer()
    expect(await isCached(txid(1))).toBe(true)
  })

  it('keeps nothing while a change of unknown outcome may still come', async () => {
    store.answer('setLocked', throwing(UNCERTAIN))
    await expect(cached.setLocked([txid(1)], true)).rejects.toBe(UNCERTAIN)
    await cached.getMeta(txid(1))
    cached.setCacheFromBytes(txid(1), encodeMetaBytes({ ...known(), frozen: false }))
    expect(await isCached(txid(1))).toBe(false)
    await cached.getMeta(txid(2))
    expect(await isCached(txid(2))).toBe(true)
  })

  describe.each<[string, (id: Uint8Array) => Promise<unknown>, keyof StoreSurface]>([
    ['on it', id => cached.setLocked([id], true), 'setLocked'],
    ['on nobody knows what', id => cached.getAndLockChildren(id), 'getAndLockChildren'],
  ])('keeps nothing while calls %s go on without their callers', (_name, change, name) => {
    /** A call whose caller is released; the function returned ends its work. */
    async function leave(): Promise<() => Promise<void>> {
      const left = new StoreError('CONTEXT_CANCELED', 'the caller has left')
      let end: () => void = () => {}
      const ended = new Promise<void>(resolve => (end = resolve))
      noteWorkBehind(left, ended)
      store.answer(name, throwing(left))
      // Bytes of the caller, who uses them again.
      const id = Uint8Array.from(txid(1))
      await expect(change(id)).rejects.toBe(left)
      id.fill(0)
      return async () => {
        end()
        await new Promise(resolve => setImmediate(resolve))
      }
    }

    const readAndFeed = async (): Promise<void> => {
      await cached.getMeta(txid(1))
      cached.setCacheFromBytes(txid(1), encodeMetaBytes({ ...known(), frozen: false }))
    }

    it('however long', async () => {
      ;({ store, cached, isCached } = cachedStore({ uncertainMs: 0 }))
      const endings = [await leave(), await leave()]
      for (const end of endings) {
        await readAndFeed()
        expect(await isCached(txid(1))).toBe(false)
        await end()
      }
      await readAndFeed()
      expect(await isCached(txid(1))).toBe(true)
    })

    it('and as long after as the last of what they sent may take effect', async () => {
      const end = await leave()
      await end()
      await readAndFeed()
      expect(await isCached(txid(1))).toBe(false)
    })
  })

  it('is kept again when that is over', async () => {
    ;({ store, cached, isCached } = cachedStore({ uncertainMs: 0 }))
    store.answer('setLocked', throwing(UNCERTAIN))
    await expect(cached.setLocked([txid(1)], true)).rejects.toBe(UNCERTAIN)
    await cached.getMeta(txid(1))
    expect(await isCached(txid(1))).toBe(true)
  })
})

describe('batchDecorate', () => {
  beforeEach(() => {
    store.answer('batchDecorate', (txids: readonly Uint8Array[]) =>
      txids.map((id, index) =>
        index === 0 ? { txid: id, data: null, error: VERDICT } : { txid: id, data: metadata(), error: null },
      ),
    )
  })

  it('always goes to the store, and keeps what it answers', async () => {
    const decorated = await cached.batchDecorate([txid(1), txid(2)])
    expect(decorated[0]).toEqual({ txid: txid(1), data: null, error: VERDICT })
    expect(Object.keys(decorated[1]?.data ?? {})).not.toContain('locked')
    expect(await isCached(txid(2))).toBe(true)
    expect(await isCached(txid(1))).toBe(false)
    await cached.batchDecorate([txid(1), txid(2)])
    expect(store.called('batchDecorate')).toBe(2)
  })

  it('asks for nothing more where it could not keep it', async () => {
    const options = { onProgress: () => {} }
    await cached.batchDecorate([txid(1), txid(2)], ['fee'], options)
    expect(store.calls.at(-1)?.args).toEqual([[txid(1), txid(2)], ['fee'], options])
    expect(cached.cacheStatistics.entries).toBe(0)
  })

  it('answers nothing that was not asked for, and blocks whole', async () => {
    const asked = ['fee', 'sizeInBytes', 'isCoinbase', 'txInpoints'] as const
    const keysOf = async (fields: Parameters<CachedUtxoStore['batchDecorate']>[1]) => {
      const [, entry] = await cached.batchDecorate([txid(1), txid(2)], fields)
      return Object.keys(entry?.data ?? {}).filter(key => key !== 'locktime')
    }
    expect((await keysOf(asked)).sort()).toEqual([...asked].sort())
    const blocks = ['blockIds', 'blockHeights', 'subtreeIdxs'] as const
    for (const field of blocks)
      expect((await keysOf([...asked, field])).sort()).toEqual([...asked, ...blocks].sort())
  })

  it('answers what was asked, also what it would have asked for itself', async () => {
    const fields = ['fee', 'sizeInBytes', 'isCoinbase', 'txInpoints', 'locked'] as const
    const [, entry] = await cached.batchDecorate([txid(1), txid(2)], fields)
    expect(entry?.data?.locked).toBe(false)
    expect(entry?.data).not.toHaveProperty('conflicting')
  })
})
