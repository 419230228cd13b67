import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { CoalescingCache, type CoalescingCacheOptions } from '../../lib/external/index.ts'

afterEach(() => {
  jest.restoreAllMocks()
})

const cacheWith = (options: Partial<CoalescingCacheOptions<string>> = {}): CoalescingCache<string> =>
  new CoalescingCache({ itemsMax: 0, bytesMax: 100, lifeMs: 1_000, sizeOf: text => text.length, ...options })

/** A fetch that ends when it is told to. */
function pending(): {
  fetch: () => Promise<string>
  succeed(value: string): void
  fail(error: Error): void
  calls: number
} {
  let succeed: (value: string) => void = () => {}
  let fail: (error: Error) => void = () => {}
  const gate = new Promise<string>((resolve, reject) => {
    succeed = resolve
    fail = reject
  })
  const state = {
    calls: 0,
    fetch: () => {
      state.calls += 1
      return gate
    },
    succeed,
    fail,
  }
  return state
}

const never = (): Promise<string> => Promise.reject(new Error('fetched again'))

describe('CoalescingCache', () => {
  it('shares one fetch between callers of a key and holds up no other key', async () => {
    const cache = cacheWith()
    const slow = pending()
    const callers = [1, 2, 3].map(() => cache.get('slow', slow.fetch))
    expect(await cache.get('quick', async () => 'at once')).toBe('at once')
    slow.succeed('late')
    expect(await Promise.all(callers)).toEqual(['late', 'late', 'late'])
    expect(slow.calls).toBe(1)
    expect(await cache.get('slow', never)).toBe('late')
  })

  it('gives a failure to those who share it, and keeps none', async () => {
    const cache = cacheWith()
    const broken = pending()
    const callers = [1, 2].map(() => cache.get('key', broken.fetch))
    broken.fail(new Error('down'))
    expect((await Promise.allSettled(callers)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await cache.get('key', async () => 'up again')).toBe('up again')
    const thrower = (): Promise<string> => {
      throw new Error('at once')
    }
    await expect(cache.get('other', thrower)).rejects.toThrow('at once')
    expect(await cache.get('other', async () => 'fine')).toBe('fine')
  })

  it('keeps an entry for its life, counted from when it came', async () => {
    const now = jest.spyOn(performance, 'now').mockReturnValue(0)
    const cache = cacheWith()
    await cache.get('key', async () => 'old')
    now.mockReturnValue(999)
    expect(await cache.get('key', never)).toBe('old')
    now.mockReturnValue(1_000)
    expect([cache.items, cache.bytes]).toEqual([0, 0])
    expect(await cache.get('key', async () => 'new')).toBe('new')
  })

  it.each<[string, Partial<CoalescingCacheOptions<string>>, string[], string[]]>([
    ['items', { itemsMax: 2 }, ['a', 'b', 'c'], ['b', 'c']],
    ['bytes', { bytesMax: 5 }, ['aa', 'bb', 'cc'], ['bb', 'cc']],
    ['bytes, one of which is more than all', { bytesMax: 5 }, ['aa', 'too long', 'cc'], ['aa', 'cc']],
    ['what is worth it', { isWorthKeeping: text => text !== 'b' }, ['a', 'b', 'c'], ['a', 'c']],
  ])('is bounded in %s; the oldest goes first', async (_, options, given, kept) => {
    const cache = cacheWith(options)
    for (const value of given) await cache.get(value, async () => value)
    expect([cache.items, cache.bytes]).toEqual([kept.length, kept.join('').length])
    for (const value of kept) expect(await cache.get(value, never)).toBe(value)
  })

  it('what was forgotten is fetched anew, and a fetch that was on its way then is not kept', async () => {
    const cache = cacheWith()
    await cache.get('key', async () => 'first')
    cache.forget('key')
    const before = pending()
    const caller = cache.get('key', before.fetch)
    cache.forget('key')
    const after = pending()
    const second = cache.get('key', after.fetch)
    before.succeed('out of date')
    expect(await caller).toBe('out of date')
    after.succeed('new')
    expect(await second).toBe('new')
    expect(await cache.get('key', never)).toBe('new')
    expect(cache.bytes).toBe(3)
  })
})
