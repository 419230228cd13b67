import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type Bin, BinList } from '../../../lib/embedded/storage/bin-list.ts'
import { SplicedBins } from '../../../lib/embedded/storage/spliced-bins.ts'
import { encoded } from '../support/encoded.ts'

const value = fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes))
const name = fc.string({
  maxLength: 15,
  unit: fc.integer({ min: 0, max: 255 }).map(code => String.fromCharCode(code)),
})
const integer = fc.uint8Array({ minLength: 8, maxLength: 8 }).map(bytes => Buffer.from(bytes))
const bin: fc.Arbitrary<Bin> = fc.oneof(
  fc.record({ name, type: fc.constant(1), value: integer }),
  fc.record({ name, type: fc.constantFrom(3, 4, 20), value }),
)
const bins = fc.uniqueArray(bin, { selector: ({ name: of }) => of, maxLength: 40 })

function stored(list: BinList) {
  return { bins: encoded(list), binCount: list.count }
}

describe('spliced bins', () => {
  it('are stored as a list of bins in which the same ones were set', () => {
    fc.assert(
      fc.property(
        bins,
        fc.array(fc.record({ at: fc.nat(), type: fc.constantFrom(4, 20), value })),
        (before, changes) => {
          const list = BinList.of([...before])
          const original = stored(list)
          const replaced = new Map(
            before.length === 0
              ? []
              : changes.map(({ at, ...particle }) => {
                  const { name: of = '' } = before[at % before.length] ?? {}
                  return [of, { name: of, ...particle }]
                }),
          )
          for (const { name: of, type, value: bytes } of replaced.values()) list.set(of, type, bytes)
          const spliced = SplicedBins.of(original, [...replaced.values()])
          expect(spliced && encoded(spliced)).toEqual(encoded(list))
          expect([spliced?.encodedBytes, spliced?.sizeBytes, spliced?.count]).toEqual([
            list.encodedBytes,
            list.sizeBytes,
            list.count,
          ])
        },
      ),
    )
  })

  it('cannot be made when a bin is not there', () => {
    const before = stored(BinList.of([{ name: 'ab', type: 4, value: Buffer.alloc(1) }]))
    for (const missing of ['a', 'abc', 'b', ''])
      expect(SplicedBins.of(before, [{ name: missing, type: 4, value: Buffer.alloc(1) }])).toBeUndefined()
  })
})
