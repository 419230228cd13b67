import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { PAGES_MAX } from '../../../../lib/record/index.ts'
import { PageList } from '../../../../lib/store/operations/pages/page-list.ts'
import { writePages } from '../../../../lib/store/operations/pages/page-writes.ts'
import { bytes32, contextWith, ScriptedTransport } from '../../support/store-fixture.ts'

describe('PageList', () => {
  it('has what a list of all pages would have', () => {
    const owners = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 8 })
    const place = fc.integer({ min: 0, max: 50 })
    fc.assert(
      fc.property(
        owners,
        fc.constantFrom(0 as const, 1 as const),
        place,
        place,
        (counts, first, from, to) => {
          const expected = counts.flatMap(owner =>
            Array.from({ length: owner + 1 - first }, (_, page) => ({ owner, page: page + first })),
          )
          const list = new PageList(counts, count => count, first)
          expect(list.length).toBe(expected.length)
          expect(list.slice(from, to)).toEqual(expected.slice(from, to))
        },
      ),
    )
  })

  it('makes none of its pages before they are taken', () => {
    const owners = new Array(10_000).fill(PAGES_MAX)
    const before = process.memoryUsage().heapUsed
    const list = new PageList(owners, count => count)
    expect(list.length).toBe(10_000 * PAGES_MAX)
    expect(list.slice(list.length - 1, list.length + 5)).toEqual([{ owner: PAGES_MAX, page: PAGES_MAX }])
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(50 * 2 ** 20)
  })
})

describe('writePages', () => {
  it('holds no more rows than are on their way, whatever a master claims', async () => {
    let rows = 0
    const transport = new ScriptedTransport(() => ({ status: 2 }))
    transport.batchOperate = async batch => {
      rows += batch.length
      return batch.map((_, index) => ({ index, status: 2, bins: undefined, inDoubt: false }))
    }
    const closing = new AbortController()
    const context = contextWith(transport, { maxMinedBatchSize: 1_000, maxMinedRoutines: 2 })
    const write = { txid: bytes32(1), pages: PAGES_MAX, operations: [] }
    const call = writePages(context, new Array(5_000).fill(write), closing.signal)
    closing.abort()
    await expect(call).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
    expect(rows).toBeLessThanOrEqual(2_000)
  })
})
