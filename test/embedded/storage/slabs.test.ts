import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { EncodedBins } from '../../../lib/embedded/storage/encodable-bins.ts'
import { Slabs } from '../../../lib/embedded/storage/slabs.ts'
import { StoredRecord } from '../../../lib/embedded/storage/stored-record.ts'

const SLAB_BYTES = 256 * 1024

function newRecord(): StoredRecord {
  return new StoredRecord('', undefined, 1, 0, 0, undefined)
}

function bins(bytes: number, fill: number): EncodedBins {
  return new EncodedBins({ bins: Buffer.alloc(bytes, fill), binCount: fill })
}

/** What is expected of a record: how many bytes, all the same. */
interface Content {
  readonly bytes: number
  readonly fill: number
}

const step = fc.record({
  record: fc.nat({ max: 30 }),
  // Small ones, some that fill a slab soon, and some that get one of their own.
  bytes: fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 3_000 }) },
    { weight: 3, arbitrary: fc.integer({ min: 10_000, max: 65_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 65_536, max: 400_000 }) },
  ),
  fill: fc.integer({ min: 1, max: 255 }),
  drops: fc.integer({ min: 0, max: 5 }).map(number => number === 0),
})

describe('slabs', () => {
  it('keep the bins of every record, in at most twice their bytes and a slab to fill', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150, size: 'max' }), steps => {
        const slabs = new Slabs()
        const kept = new Map<number, { record: StoredRecord; content: Content }>()
        let liveBytes = 0
        for (const { record: id, bytes, fill, drops } of steps) {
          const known = kept.get(id)
          liveBytes -= known?.content.bytes ?? 0
          if (drops) {
            if (known !== undefined) slabs.drop(known.record)
            kept.delete(id)
          } else {
            const record = known?.record ?? newRecord()
            slabs.put(record, bins(bytes, fill))
            kept.set(id, { record, content: { bytes, fill } })
            liveBytes += bytes
          }
          expect(slabs.reservedBytes).toBeLessThanOrEqual(2 * liveBytes + SLAB_BYTES)
        }
        for (const { record, content } of kept.values()) {
          expect(record.binCount).toBe(content.fill)
          expect(record.bins.equals(Buffer.alloc(content.bytes, content.fill))).toBe(true)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('never write over bytes that somebody may look at', () => {
    const slabs = new Slabs()
    const record = newRecord()
    slabs.put(record, bins(1_000, 1))
    const before = record.bins
    for (let change = 0; change < 2_000; change++) slabs.put(record, bins(1_000, 2))
    const last = record.bins
    slabs.drop(record)
    for (let other = 0; other < 600; other++) slabs.put(newRecord(), bins(1_000, 3))
    expect([before, last, record.bins].map(view => view[999])).toEqual([1, 2, 2])
  })

  it('forget slabs that nothing is left in', () => {
    const slabs = new Slabs()
    const records = Array.from({ length: 3_000 }, newRecord)
    for (const record of records) slabs.put(record, bins(1_000, 1))
    for (const record of records) slabs.drop(record)
    expect(slabs.reservedBytes).toBeLessThanOrEqual(SLAB_BYTES)
  })
})
