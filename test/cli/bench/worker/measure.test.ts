import { describe, expect, it } from '@jest/globals'
import type { Work } from '../../../../lib/cli/bench/subject.ts'
import { measure } from '../../../../lib/cli/bench/worker/measure.ts'

const never = new AbortController().signal

function workOf(overrides: Partial<Work>): Work {
  return { calls: 20, records: 20, concurrency: 4, call: async index => index, check: () => {}, ...overrides }
}

const soon = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

describe('measuring with so many calls in progress', () => {
  it('makes each call once, never more at a time, and checks each answer', async () => {
    let inProgress = 0
    let most = 0
    const checked: unknown[] = []
    const measurement = await measure(
      workOf({
        call: async index => {
          most = Math.max(most, ++inProgress)
          await soon()
          inProgress -= 1
          return index * 2
        },
        check: (index, answer) => checked.push([index, answer]),
      }),
      undefined,
      never,
    )
    expect(most).toBe(4)
    expect(checked).toEqual(Array.from({ length: 20 }, (_, index) => [index, index * 2]))
    expect(measurement).toMatchObject({ serverCpuMicroseconds: null, seconds: expect.any(Number) })
  })

  it('checks each answer as it arrives, so that none is kept until the end', async () => {
    let unchecked = 0
    let most = 0
    const call = async (): Promise<void> => {
      await soon()
      most = Math.max(most, ++unchecked)
    }
    const check = (): void => {
      unchecked -= 1
    }
    await measure(workOf({ calls: 100, call, check }), undefined, never)
    expect(most).toBeLessThanOrEqual(4)
  })

  it('fails with a call that fails, and makes no further ones, though others go on well', async () => {
    let calls = 0
    let release = (): void => {}
    const released = new Promise<void>(resolve => {
      release = resolve
    })
    const call = async (index: number): Promise<void> => {
      calls += 1
      if (index === 0) throw new Error('refused')
      await released
    }
    await expect(measure(workOf({ call }), undefined, never)).rejects.toThrow('refused')
    release()
    await soon()
    expect(calls).toBe(4)
  })

  it('fails with an answer that is not right, so that failures never count as work', async () => {
    const check = (index: number): void => {
      if (index === 19) throw new Error('wrong answer')
    }
    await expect(measure(workOf({ check }), undefined, never)).rejects.toThrow('wrong answer')
  })

  it('waits for what belongs to the work after the last call', async () => {
    let finished = false
    const finish = async (): Promise<void> => {
      await soon()
      finished = true
    }
    await measure(workOf({ finish }), undefined, never)
    expect(finished).toBe(true)
  })

  it('ends at the signal without a measurement', async () => {
    const stopping = new AbortController()
    let calls = 0
    const call = async (): Promise<void> => {
      calls += 1
      if (calls === 5) stopping.abort()
      await soon()
    }
    expect(await measure(workOf({ call }), undefined, stopping.signal)).toBeUndefined()
    expect(calls).toBeLessThan(10)
  })
})
