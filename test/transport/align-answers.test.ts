import { describe, expect, it } from '@jest/globals'
import { alignAnswers, type BatchRow } from '../../lib/transport/index.ts'

const rows: BatchRow[] = [1, 2, 3].map(n => ({
  kind: 'read',
  key: { set: 's', userKey: Uint8Array.of(n) },
  bins: 'all',
}))
const answer = (index: number, status = 0) => ({ index, status, bins: undefined, inDoubt: false })

describe('alignAnswers', () => {
  it.each([
    ['in order', [answer(0), answer(1), answer(2)], [0, 1, 2], 0],
    ['in any order', [answer(2), answer(0), answer(1)], [0, 1, 2], 0],
    ['one missing', [answer(0), answer(2)], [0, undefined, 2], 0],
    ['none', [], [undefined, undefined, undefined], 0],
    ['one twice', [answer(1), answer(0), answer(1), answer(2)], [0, 1, 2], 1],
    ['a row that was not asked', [answer(0), answer(3), answer(-1)], [0, undefined, undefined], 2],
    ['no array', undefined, [undefined, undefined, undefined], 0],
    [
      'things that are no answers',
      [null, 7, {}, { index: 0 }, { index: 0.5, status: 0 }],
      [undefined, undefined, undefined],
      5,
    ],
  ])('%s', (_, answers, indexes, surplus) => {
    const aligned = alignAnswers(rows, answers)
    expect(aligned.byRow.map(entry => entry?.index)).toEqual(indexes)
    expect(aligned.surplus).toBe(surplus)
  })

  it('keeps the first of two answers for one row', () => {
    expect(alignAnswers(rows, [answer(0, 2), answer(0, 0)]).byRow[0]?.status).toBe(2)
  })
})
