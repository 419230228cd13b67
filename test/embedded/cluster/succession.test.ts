import { describe, expect, it } from '@jest/globals'
import { successionLists } from '../../../lib/embedded/cluster/succession.ts'

const PARTITIONS = 4096

describe('successionLists', () => {
  it.each([1, 2, 3, 5, 16])('lists each of %i nodes once for each partition', nodeCount => {
    const lists = successionLists(nodeCount)
    expect(lists).toHaveLength(PARTITIONS)
    for (const list of lists) expect(list.toSorted((a, b) => a - b)).toEqual([...Array(nodeCount).keys()])
  })

  it.each([2, 3, 5, 16])('gives each of %i nodes about the same share of each place', nodeCount => {
    const lists = successionLists(nodeCount)
    for (const place of [0, 1]) {
      for (let position = 0; position < nodeCount; position++) {
        const share = lists.filter(list => list[place] === position).length / (PARTITIONS / nodeCount)
        expect(share).toBeGreaterThan(0.8)
        expect(share).toBeLessThan(1.2)
      }
    }
  })

  it('moves nothing between two nodes when another one comes', () => {
    const before = successionLists(4)
    for (const [partitionId, list] of successionLists(5).entries()) {
      expect(list.filter(position => position < 4)).toEqual(before[partitionId])
    }
  })
})
