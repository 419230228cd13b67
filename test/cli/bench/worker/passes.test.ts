import { expect, it } from '@jest/globals'
import { inPasses } from '../../../../lib/cli/bench/worker/passes.ts'

function workOf(calls: number) {
  const called: number[] = []
  const checked: unknown[] = []
  const work = {
    calls,
    records: calls * 10,
    concurrency: 4,
    call: async (index: number) => void called.push(index),
    check: (index: number, answer: unknown) => void checked.push([index, answer]),
  }
  return { work, called, checked }
}

it.each(['get', 'previousOutputsDecorate'] as const)(
  '%s is done five times, each answer checked',
  async operation => {
    const { work, called, checked } = workOf(3)
    const repeated = inPasses(operation, work)
    expect([repeated.calls, repeated.records, repeated.concurrency]).toEqual([15, 150, 4])
    for (let index = 0; index < repeated.calls; index += 1) {
      await repeated.call(index)
      repeated.check(index, `answer ${index}`)
    }
    expect(called).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2])
    expect(checked[4]).toEqual([1, 'answer 4'])
    expect(checked.length).toBe(15)
  },
)

it.each(['create', 'spend', 'setMined', 'blockValidation'] as const)(
  '%s changes records, and is done once',
  operation => {
    const { work } = workOf(3)
    expect(inPasses(operation, work)).toBe(work)
  },
)
