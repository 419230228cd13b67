import { describe, expect, it } from '@jest/globals'
import type { Work } from '../../../../lib/cli/bench/subject.ts'
import { measureArrivals } from '../../../../lib/cli/bench/worker/arrivals.ts'

const never = new AbortController().signal

function workOf(overrides: Partial<Work>): Work {
  return { calls: 20, records: 20, concurrency: 4, call: async index => index, check: () => {}, ...overrides }
}

describe('measuring arrivals at a rate', () => {
  it('counts latency from when a call was due: one slow call delays those that it blocks', async () => {
    const blockMs = 40
    const call = async (index: number): Promise<void> => {
      const until = performance.now() + (index === 0 ? blockMs : 0)
      while (performance.now() < until);
    }
    // Two thousand a second: all 20 were due within 10 ms, and none could be sent before the first was done.
    const latencyMs = await measureArrivals(workOf({ call }), 2_000, never)
    expect(latencyMs?.p50).toBeGreaterThan(blockMs - 15)
  })

  it('does not wait for answers before it sends the next', async () => {
    let inProgress = 0
    let release = (): void => {}
    const released = new Promise<void>(resolve => {
      release = resolve
    })
    const call = (): Promise<void> => {
      inProgress += 1
      if (inProgress === 20) release()
      return released
    }
    await measureArrivals(workOf({ call }), 10_000, never)
    expect(inProgress).toBe(20)
  })

  it('fails with a call that fails', async () => {
    const call = (): Promise<never> => Promise.reject(new Error('refused'))
    await expect(measureArrivals(workOf({ call }), 10_000, never)).rejects.toThrow('refused')
  })

  it('fails with an answer that is not right', async () => {
    const check = (index: number): void => {
      if (index === 19) throw new Error('wrong answer')
    }
    await expect(measureArrivals(workOf({ check }), 10_000, never)).rejects.toThrow('wrong answer')
  })

  it('ends at the signal when those sent are answered, without a figure', async () => {
    const stopping = new AbortController()
    let [sent, answered] = [0, 0]
    const call = async (index: number): Promise<void> => {
      sent += 1
      if (index === 3) stopping.abort()
      await new Promise(resolve => setImmediate(resolve))
      answered += 1
    }
    expect(await measureArrivals(workOf({ call }), 1_000, stopping.signal)).toBeUndefined()
    expect([sent, answered]).toEqual([4, 4])
  })
})
