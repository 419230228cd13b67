import { expect, it } from '@jest/globals'
import { soak } from '../../../lib/cli/bench/soak.ts'
import type { Worker } from '../../../lib/cli/bench/workers.ts'

const MEMORY = { heapUsedBytes: 2 ** 20, rssBytes: 2 ** 20 }

/** Does nothing, at once; a held one is at a cycle until it is stopped, and has made one operation by then. */
function worker(cycles: number[], { isHeld = false } = {}): Worker {
  let stop = (): void => {}
  const request = async (name: string, body: { transactions: number }): Promise<unknown> => {
    if (name === 'memory') return MEMORY
    cycles.push(body.transactions)
    if (!isHeld) return body.transactions * 4
    await new Promise<void>(resolve => {
      stop = resolve
    })
    return 1
  }
  return { subject: { id: 'store-wire' }, process: { request, stop: () => stop() } } as unknown as Worker
}

const { signal } = new AbortController()
const common = { transactions: 60, secondsMax: Number.POSITIVE_INFINITY, signal, advanced: () => {} }

it.each([
  ['a few', 10, [3], 12],
  ['one', 1, [1], 4],
  ['as many as cycles make', 480, [60, 60], 480],
  ['more than cycles make', 500, [60, 60, 5], 500],
])(
  'makes the operations that it is told, in whole transactions: %s',
  async (_what, operations, sizes, made) => {
    const cycles: number[] = []
    const result = await soak(worker(cycles), { ...common, operations })
    expect(cycles).toEqual(sizes)
    expect(result).toMatchObject({ failure: null, soak: { operations: made } })
    expect(result.soak.samples).toHaveLength(sizes.length)
  },
)

it('the end of its time ends the cycle in progress', async () => {
  const cycles: number[] = []
  const limits = { ...common, operations: Number.POSITIVE_INFINITY, secondsMax: 0.02 }
  const result = await soak(worker(cycles, { isHeld: true }), limits)
  expect(cycles).toEqual([60])
  expect(result).toMatchObject({ failure: null, soak: { operations: 1 } })
})
