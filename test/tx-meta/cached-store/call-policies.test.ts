import { beforeEach, describe, expect, it } from '@jest/globals'
import { UtxoStore } from '../../../lib/store/utxo-store.ts'
import type { CachedUtxoStore } from '../../../lib/tx-meta/cached-store/cached-utxo-store.ts'
import { CALL_POLICIES, type StoreSurface } from '../../../lib/tx-meta/cached-store/call-policies.ts'
import { cachedStore, type FakeStore, REFUSAL, throwing, txid, VERDICT } from './fake-store.ts'

let store: FakeStore
let cached: CachedUtxoStore
let isCached: (id: Uint8Array) => Promise<boolean>

beforeEach(() => {
  ;({ store, cached, isCached } = cachedStore())
})

describe('the table of calls', () => {
  /** Of the classes that the store is made of; nobody outside can call them. */
  const PROTECTED = ['constructor', 'context', 'batchers', 'gate', 'call', 'callTo', 'createWhole']

  function publicNames(): Set<PropertyKey> {
    const names = new Set<PropertyKey>()
    for (
      let part = UtxoStore.prototype as object;
      part !== Object.prototype;
      part = Object.getPrototypeOf(part)
    )
      for (const name of Reflect.ownKeys(part)) if (!PROTECTED.includes(String(name))) names.add(name)
    return names
  }

  it('has every public member of the store, and the cached store has them all', () => {
    expect(new Set(Reflect.ownKeys(CALL_POLICIES))).toEqual(publicNames())
    for (const name of publicNames()) expect([name, name in cached]).toEqual([name, true])
  })

  const passing = Object.entries(CALL_POLICIES).flatMap(([name, policy]) =>
    policy === 'passes' ? [name] : [],
  )

  it.each(passing)('%s goes to the store as it is, and the cache keeps what it has', async name => {
    await cached.getMeta(txid(1))
    const answer = { of: name }
    store.answer(name as keyof StoreSurface, () => answer)
    const call = cached[name as 'get'] as unknown as (...args: unknown[]) => Promise<unknown>
    expect(await call.call(cached, txid(1), 'second', 'third')).toBe(answer)
    expect(store.calls.at(-1)).toEqual({ name, args: [txid(1), 'second', 'third'] })
    expect(await isCached(txid(1))).toBe(true)
  })

  const output = (id: Uint8Array) => ({
    txid: id,
    vout: 0,
    utxoHash: txid(8),
    spendingData: new Uint8Array(36),
  })
  /** Each changes transactions 1 and 2, where it takes several, and 1 where it takes one. */
  const changing: [name: keyof StoreSurface, args: unknown[], concerned: number[]][] = [
    ['setLocked', [[txid(1), txid(2)], true], [1, 2]],
    ['setConflicting', [[txid(1), txid(2)], true], [1, 2]],
    ['setMinedMulti', [[txid(1), txid(2)], {}], [1, 2]],
    ['markTransactionsOnLongestChain', [[txid(1), txid(2)], true], [1, 2]],
    ['freezeUtxos', [[output(txid(1)), output(txid(2))]], [1, 2]],
    ['unfreezeUtxos', [[output(txid(1)), output(txid(2))]], [1, 2]],
    ['reassignUtxo', [output(txid(1)), {}], [1]],
    ['unspend', [[output(txid(1)), output(txid(2))], { markAsLocked: true }], [1, 2]],
    ['createPartial', [txid(1), new Map(), 5], [1]],
    ['delete', [txid(1)], [1]],
    ['deleteComplete', [txid(1)], [1]],
  ]

  it('is wholly tested here', () => {
    const functions = Object.entries(CALL_POLICIES).flatMap(([name, policy]) =>
      typeof policy === 'function' ? [name] : [],
    )
    expect(changing.map(([name]) => name).sort()).toEqual(functions.sort())
  })

  async function run(name: keyof StoreSurface, args: unknown[]): Promise<unknown> {
    const call = cached[name] as (...args: unknown[]) => Promise<unknown>
    return call.apply(cached, args).catch((error: unknown) => error)
  }

  it.each(changing)('%s removes what it changed', async (name, args, concerned) => {
    for (const number of [...concerned, 3]) await cached.getMeta(txid(number))
    store.answer(name, () => 'done')
    expect(await run(name, args)).toBe('done')
    for (const number of concerned) expect(await isCached(txid(number))).toBe(false)
    expect(await isCached(txid(3))).toBe(true)
  })

  it.each(changing)('%s removes it, too, when it failed', async (name, args, concerned) => {
    for (const number of [...concerned, 3]) await cached.getMeta(txid(number))
    store.answer(name, throwing(VERDICT))
    expect(await run(name, args)).toBe(VERDICT)
    for (const number of concerned) expect(await isCached(txid(number))).toBe(false)
    expect(await isCached(txid(3))).toBe(true)
  })

  it.each(changing)(
    '%s leaves everything where its arguments were refused',
    async (name, args, concerned) => {
      for (const number of concerned) await cached.getMeta(txid(number))
      store.answer(name, throwing(REFUSAL))
      expect(await run(name, args)).toBe(REFUSAL)
      for (const number of concerned) expect(await isCached(txid(number))).toBe(true)
    },
  )

  it('leaves it to the store to refuse arguments', async () => {
    store.answer('setLocked', throwing(REFUSAL))
    expect(await run('setLocked', [[txid(1), 'no txid'], true])).toBe(REFUSAL)
    expect(await run('freezeUtxos', ['no list'])).toBeUndefined()
    expect(store.called('setLocked')).toBe(1)
  })

  it('removes by the txids as they were when the call began', async () => {
    const buffer = Uint8Array.from(txid(1))
    await cached.getMeta(txid(1))
    store.answer('delete', () => {
      buffer.fill(0)
    })
    await cached.delete(buffer)
    expect(await isCached(txid(1))).toBe(false)
  })

  it('an unspend without a lock changes nothing that is cached', async () => {
    await cached.getMeta(txid(1))
    await cached.unspend([output(txid(1))])
    expect(await isCached(txid(1))).toBe(true)
  })
})
