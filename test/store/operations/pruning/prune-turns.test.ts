import { describe, expect, it } from '@jest/globals'
import type { PruneResult } from '../../../../lib/store/operations/pruning/prune.ts'
import { zeroCounts } from '../../../../lib/store/operations/pruning/prune-run.ts'
import { PruneTurns, type PruneWork } from '../../../../lib/store/operations/pruning/prune-turns.ts'

/** Runs that end when they are told to. */
function runs() {
  const begun: { height: number; signal: AbortSignal; end(error?: Error): void }[] = []
  const work: PruneWork = (height, signal) =>
    new Promise<PruneResult>((resolve, reject) => {
      begun.push({
        height,
        signal,
        end: error => (error ? reject(error) : resolve({ outcome: 'complete', height, ...zeroCounts() })),
      })
    })
  return { begun, work }
}

const turn = () => new Promise(resolve => setImmediate(resolve))

describe('PruneTurns', () => {
  it('runs one at a time; those that wait share one run at their greatest height', async () => {
    const { begun, work } = runs()
    const turns = new PruneTurns()
    const first = turns.take(10, undefined, work)
    const others = [12, 15, 11].map(height => turns.take(height, undefined, work))
    await turn()
    expect(begun.map(({ height }) => height)).toEqual([10])
    begun[0]?.end()
    expect((await first).height).toBe(10)
    await turn()
    expect(begun.map(({ height }) => height)).toEqual([10, 15])
    begun[1]?.end()
    expect((await Promise.all(others)).map(({ height }) => height)).toEqual([15, 15, 15])
    const last = turns.take(3, undefined, work)
    begun[2]?.end()
    expect((await last).height).toBe(3)
  })

  it('a run that its only caller has given up is joined by nobody', async () => {
    const { begun, work } = runs()
    const turns = new PruneTurns()
    const first = turns.take(1, undefined, work)
    const abort = new AbortController()
    const given = turns.take(2, abort.signal, work)
    abort.abort()
    const third = turns.take(3, undefined, work)
    begun[0]?.end()
    await first
    await expect(given).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
    await turn()
    expect(begun.map(({ height, signal }) => [height, signal.aborted])).toEqual([
      [1, false],
      [3, false],
    ])
    begun[1]?.end()
    expect((await third).height).toBe(3)
  })

  it('goes on behind a run that failed', async () => {
    const { begun, work } = runs()
    const turns = new PruneTurns()
    const first = turns.take(1, undefined, work)
    const second = turns.take(2, undefined, work)
    begun[0]?.end(new Error('torn'))
    await expect(first).rejects.toThrow('torn')
    await turn()
    begun[1]?.end()
    expect((await second).height).toBe(2)
  })

  it('gives a run up when all who wanted it have', async () => {
    const { begun, work } = runs()
    const turns = new PruneTurns()
    const callers = [new AbortController(), new AbortController()]
    const first = turns.take(1, undefined, work)
    const waiting = callers.map(({ signal }) => turns.take(2, signal, work))
    begun[0]?.end()
    await first
    await turn()
    callers[0]?.abort()
    expect(begun[1]?.signal.aborted).toBe(false)
    callers[1]?.abort('enough')
    expect(begun[1]?.signal.reason).toBe('enough')
    begun[1]?.end()
    await Promise.all(waiting)
  })
})
