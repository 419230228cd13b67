import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { fetchInOrder } from '../../lib/asset/fetch-in-order.ts'
import { OrderedChunks } from '../../lib/asset/ordered-chunks.ts'

interface Chunk {
  readonly index: number
}

async function* requests(count: number): AsyncGenerator<number, void, undefined> {
  for (let index = 0; index < count; index++) yield index
}

/** Fetches that end when the test says so. */
class HeldFetches {
  readonly #held = new Map<number, { resolve(chunk: Chunk): void; reject(error: Error): void }>()
  begun: number[] = []

  readonly fetch = (index: number): Promise<Chunk> => {
    this.begun.push(index)
    return new Promise((resolve, reject) => this.#held.set(index, { resolve, reject }))
  }

  get held(): number[] {
    return [...this.#held.keys()]
  }

  end(index: number): void {
    this.#held.get(index)?.resolve({ index })
    this.#held.delete(index)
  }

  fail(index: number): void {
    this.#held.get(index)?.reject(new Error(`fetch ${index} failed`))
    this.#held.delete(index)
  }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

describe('fetches in order', () => {
  it('yields in order, in whatever order they end, and never holds more than twice as many as it fetches at a time', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 30 }),
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 40 }),
        async (count, concurrency, picks) => {
          const fetches = new HeldFetches()
          const found: number[] = []
          const { signal } = new AbortController()
          const reading = (async () => {
            for await (const { index } of fetchInOrder(requests(count), fetches.fetch, {
              concurrency,
              signal,
            }))
              found.push(index)
          })()
          for (let step = 0; found.length < count; step++) {
            await turn()
            const { held } = fetches
            expect(held.length).toBeLessThanOrEqual(concurrency)
            expect(fetches.begun.length - found.length).toBeLessThanOrEqual(2 * concurrency)
            const picked = held[(picks[step % picks.length] ?? 0) % held.length]
            if (picked !== undefined) fetches.end(picked)
          }
          await reading
          expect(found).toEqual(Array.from({ length: count }, (_, index) => index))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('fetch no further than twice their number ahead of a consumer that does not take', async () => {
    const fetches = new HeldFetches()
    const { signal } = new AbortController()
    const chunks = fetchInOrder(requests(100), fetches.fetch, { concurrency: 3, signal })
    const first = chunks.next()
    for (let step = 0; step < 20; step++) {
      await turn()
      for (const index of fetches.held) fetches.end(index)
    }
    expect((await first).value).toEqual({ index: 0 })
    // The one that was taken does not count any more.
    expect(fetches.begun).toHaveLength(7)
    await chunks.return()
    await turn()
    expect(fetches.begun).toHaveLength(7)
  })

  it('end with the first failure, not with the chunks before it', async () => {
    const fetches = new HeldFetches()
    const { signal } = new AbortController()
    const first = fetchInOrder(requests(9), fetches.fetch, { concurrency: 3, signal }).next()
    await turn()
    fetches.fail(2)
    await expect(first).rejects.toThrow('fetch 2 failed')
    fetches.end(0)
    fetches.fail(1)
    await turn()
    expect(fetches.begun).toEqual([0, 1, 2])
  })

  it('end with a request that cannot be made', async () => {
    async function* broken(): AsyncGenerator<number, void, undefined> {
      yield 0
      throw new Error('the list is damaged')
    }
    const { signal } = new AbortController()
    const chunks = fetchInOrder(broken(), async index => ({ index }), { concurrency: 1, signal })
    await expect(
      (async () => {
        for await (const _ of chunks);
      })(),
    ).rejects.toThrow('the list is damaged')
  })

  it('end with the signal at once, also while a fetch hangs', async () => {
    const fetches = new HeldFetches()
    const caller = new AbortController()
    const options = { concurrency: 2, signal: caller.signal }
    const first = fetchInOrder(requests(9), fetches.fetch, options).next()
    await turn()
    caller.abort(new Error('gone'))
    await expect(first).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
    fetches.end(0)
    await turn()
    expect(fetches.begun).toEqual([0, 1])
    const late = fetchInOrder(requests(9), fetches.fetch, options).next()
    await expect(late).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
    expect(fetches.begun).toEqual([0, 1])
  })
})

describe('chunks that wait for their turn', () => {
  it('are at most two for each fetch at a time: one more is an error that says so, and all are dropped', () => {
    const chunks = new OrderedChunks<Chunk>(2)
    for (const index of [4, 1, 3, 2]) chunks.add(index, { index })
    expect(chunks.take()).toBeUndefined()
    expect(() => chunks.add(5, { index: 5 })).toThrow(/^5 chunks .* wait for chunk 0, at most 4 may/)
    expect(chunks.pending).toBe(0)
  })
})
