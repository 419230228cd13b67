import { describe, expect, it } from '@jest/globals'
import { buildRecords, decodeMetadata, PAGES_MAX, pageCountOf } from '../../lib/record/index.ts'
import { parseUdfResponse } from '../../lib/store/udf/udf-response.ts'
import { OPTIONS, SPENDABLE, sampleContent } from './sample-content.ts'

const DAMAGED = [PAGES_MAX + 1, 2 ** 32 - 1, 2 ** 53, 2n ** 62n, -1, 1.5, Number.NaN, '7', [7]]

describe('the count of pages of a master', () => {
  it.each([0, 1, 7_812, PAGES_MAX])('can be %p', count => {
    expect(pageCountOf(count)).toBe(count)
    expect(decodeMetadata({ totalExtraRecs: count }, ['totalExtraRecs'])).toEqual({ totalExtraRecs: count })
    expect(parseUdfResponse({ SUCCESS: { status: 'OK', childCount: count } }).childCount).toBe(count)
  })

  it('can be missing', () => {
    expect(pageCountOf(undefined)).toBeUndefined()
    expect(pageCountOf(null)).toBeUndefined()
    expect(decodeMetadata({}, ['totalExtraRecs'])).toEqual({})
    expect(parseUdfResponse({ SUCCESS: { status: 'OK' } }).childCount).toBe(0)
  })

  it.each(DAMAGED)('is damaged as %p, which the error tells with the bin', count => {
    const error = expect.objectContaining({
      code: 'STORAGE_ERROR',
      message: expect.stringMatching(
        /^the bin totalExtraRecs must be a number of pages from 0 to 1048576, got /,
      ),
    })
    expect(() => pageCountOf(count)).toThrow(error)
    expect(() => decodeMetadata({ totalExtraRecs: count as never }, ['totalExtraRecs'])).toThrow(error)
    const slots = { utxos: [new Uint8Array(32)], totalUtxos: 1, totalExtraRecs: count as never }
    expect(() => decodeMetadata(slots, ['utxos'])).toThrow(error)
    expect(() => parseUdfResponse({ SUCCESS: { status: 'OK', childCount: count as never } })).toThrow(error)
  })

  it('is told with its value', () => {
    expect(() => pageCountOf(4_294_967_295)).toThrow('4294967295')
  })

  it('is never written larger than it is believed', () => {
    const content = { ...sampleContent([SPENDABLE]), outputs: new Array(PAGES_MAX + 2).fill(SPENDABLE) }
    expect(() => buildRecords(content, { ...OPTIONS, utxoBatchSize: 1 })).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('at least 2 for a transaction of 1048578 outputs'),
      }),
    )
    expect(buildRecords(content, { ...OPTIONS, utxoBatchSize: 2 }).pageCount).toBe(PAGES_MAX / 2)
  })
})
