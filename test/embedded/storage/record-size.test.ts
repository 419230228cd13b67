import { describe, expect, it } from '@jest/globals'
import { BinList } from '../../../lib/embedded/storage/bin-list.ts'
import { EncodedBins } from '../../../lib/embedded/storage/encodable-bins.ts'
import { recordSizeBytes } from '../../../lib/embedded/storage/record-size.ts'
import { SplicedBins } from '../../../lib/embedded/storage/spliced-bins.ts'
import { Double, encodeParticle, type Value } from '../../../lib/protocol/index.ts'
import { encoded } from '../support/encoded.ts'
import { TestNode } from '../support/test-node.ts'

// What is expected here was measured on a real server (8.1.2).

function binList(values: Readonly<Record<string, Value>>): BinList {
  const bins = Object.entries(values).map(([name, value]) => {
    const { type, value: particle } = encodeParticle(value)
    return { name, type, value: Buffer.from(particle) }
  })
  return BinList.of(bins)
}

const STATE = { setName: 'rvb', userKey: undefined, voidTimeSeconds: 0 }
/** Of a record in a set of three letters, with a bin of empty text besides those that are told. */
const REST_BYTES = 51

/** The size before it becomes a multiple of 16, told by how much text fits into a multiple. */
function exactBytes(
  state: Parameters<typeof recordSizeBytes>[0],
  values: Record<string, Value> = {},
): number {
  const sizeWith = (textBytes: number) =>
    recordSizeBytes(state, binList({ ...values, p: 'p'.repeat(textBytes) }))
  let textBytes = 0
  while (sizeWith(textBytes + 1) === sizeWith(0)) textBytes++
  return sizeWith(0) - textBytes
}

describe('the size of a record', () => {
  it.each<[string, Value, number]>([
    ['integer of 1 byte', 255, 5],
    ['integer of 2 bytes', 65_535, 6],
    ['integer of 4 bytes', 2 ** 32 - 1, 8],
    ['integer of 8 bytes', 2 ** 32, 12],
    ['negative integer', -1, 12],
    ['double', new Double(2.5), 11],
    ['boolean', true, 4],
    ['empty string', '', 7],
    ['string', 'x'.repeat(300), 307],
    ['blob', Buffer.alloc(5), 12],
    ['list', [1, 2], 10],
    ['map', new Map([['a', 1]]), 16],
  ])('counts for a bin with a %s its value', (_name, value, bytes) => {
    expect(exactBytes(STATE, { a: value }) - REST_BYTES).toBe(bytes)
  })

  it.each([
    ['no set', { ...STATE, setName: '' }, 47],
    ['a set', STATE, REST_BYTES],
    ['a time to live', { ...STATE, voidTimeSeconds: 1 }, 55],
    ['a key', { ...STATE, userKey: Buffer.alloc(2) }, 54],
    ['a key of 127 bytes', { ...STATE, userKey: Buffer.alloc(127) }, 179],
    ['a key of 128 bytes', { ...STATE, userKey: Buffer.alloc(128) }, 181],
  ])('counts %s', (_name, state, bytes) => {
    expect(exactBytes(state)).toBe(bytes)
  })

  it('counts more than 127 bins with one byte more', () => {
    const bins = (count: number) => ({ count, sizeBytes: 4 })
    expect([127, 128].map(count => recordSizeBytes(STATE, bins(count)))).toEqual([48, 64])
  })

  it('is the same however the bins are at hand', () => {
    const values = { i: 5, s: 'text', n: -1, d: new Double(1), y: true, l: [1, 'a'] }
    const list = binList({ ...values, s: 'longer text', i: 70_000 })
    const stored = { bins: encoded(list), binCount: list.count }
    const before = { bins: encoded(binList(values)), binCount: list.count }
    const spliced = SplicedBins.of(before, [...binList({ s: 'longer text', i: 70_000 })])
    expect(new EncodedBins(stored).sizeBytes).toBe(list.sizeBytes)
    expect(spliced?.sizeBytes).toBe(list.sizeBytes)
  })

  it('refuses a record of more than 1 MiB, to the byte', () => {
    const test = new TestNode()
    const put = (bytes: number) => test.put('k', { a: Buffer.alloc(bytes) }).resultCode
    // 40 of the record, 5 of the set `demo`, 7 of the bin.
    expect([put(2 ** 20 - 52), put(2 ** 20 - 51)]).toEqual([0, 13])
  })
})
