import { describe, expect, it } from '@jest/globals'
import { handleNow } from '../../../lib/store/dispatch/handle-now.ts'
import { contextWith, ScriptedTransport } from '../support/store-fixture.ts'

const context = contextWith(new ScriptedTransport(() => ({})), { maxMinedBatchSize: 2 })

describe('handleNow', () => {
  it('runs all requests in batches and answers in order, the failures as well', async () => {
    const sizes: number[] = []
    const outcomes = await handleNow<number, number>(
      context,
      'test',
      async items => {
        sizes.push(items.length)
        for (const item of items) {
          if (item.request === 3) throw new Error('broken')
          item.succeed(item.request * 2)
        }
      },
      [1, 2, 3, 4, 5],
    )
    expect(sizes).toEqual([2, 2, 1])
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
      'fulfilled',
    ])
    expect(outcomes[4]).toEqual({ status: 'fulfilled', value: 10 })
  })

  it('calls no handler for nothing', async () => {
    const never = async (): Promise<void> => {
      throw new Error('called')
    }
    expect(await handleNow(context, 'test', never, [])).toEqual([])
  })
})
