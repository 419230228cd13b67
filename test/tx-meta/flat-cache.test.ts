import { createHash } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { EntryRing } from '../../lib/tx-meta/entry-ring.ts'
import { FlatCache } from '../../lib/tx-meta/flat-cache.ts'

function txid(number: number): Uint8Array {
  return createHash('sha256').update(String(number)).digest()
}

function value(number: number, bytes = 60): Uint8Array {
  return Buffer.alloc(bytes, number)
}

describe('FlatCache', () => {
  it('gives back what was stored last, as a copy', () => {
    const cache = new FlatCache(1)
    const given = value(1)
    cache.set(txid(1), given, 100)
    given.fill(9)
    const first = cache.get(txid(1))
    expect(first).toEqual(value(1))
    first?.fill(8)
    expect(cache.get(txid(1))).toEqual(value(1))
    cache.set(txid(1), value(2, 3), 100)
    expect(cache.get(txid(1))).toEqual(value(2, 3))
    expect(cache.get(txid(2))).toBeUndefined()
    expect(cache.statistics).toEqual({ entries: 1, hits: 3, misses: 1, evicted: 0 })
  })

  it('takes txids and values at any place of their buffers', () => {
    const cache = new FlatCache(1)
    const buffer = Buffer.concat([Buffer.alloc(3), txid(1), value(7, 5)])
    cache.set(buffer.subarray(3, 35), buffer.subarray(35), 1)
    expect(cache.get(txid(1))).toEqual(value(7, 5))
  })

  it('takes what was stored below a height for a miss', () => {
    const cache = new FlatCache(1)
    cache.set(txid(1), value(1), 100)
    expect(cache.get(txid(1), 100)).toBeDefined()
    expect(cache.get(txid(1), 101)).toBeUndefined()
  })

  it('deletes one, and all', () => {
    const cache = new FlatCache(1)
    for (let i = 0; i < 100; i++) cache.set(txid(i), value(i), 1)
    expect(cache.delete(txid(7))).toBe(true)
    expect(cache.delete(txid(7))).toBe(false)
    expect(cache.get(txid(7))).toBeUndefined()
    expect(cache.get(txid(8))).toBeDefined()
    cache.clear()
    expect(cache.statistics.entries).toBe(0)
    expect(cache.get(txid(8))).toBeUndefined()
  })

  it('gives values that stay as they are, whatever is read and stored afterwards', () => {
    const cache = new FlatCache(1)
    for (let i = 0; i < 64; i++) cache.set(txid(i), value(i, 1 + 31 * i), 1)
    const all = () => Array.from({ length: 64 }, (_, i) => cache.get(txid(i)))
    const first = all()
    all()
    for (let i = 0; i < 64; i++) cache.set(txid(i), value(255), 1)
    expect(first).toEqual(Array.from({ length: 64 }, (_, i) => value(i, 1 + 31 * i)))
  })

  it('knows the largest height', () => {
    const cache = new FlatCache(1)
    cache.set(txid(1), value(1), 2 ** 32 - 1)
    expect(cache.get(txid(1), 2 ** 32 - 1)).toBeDefined()
  })

  it('drops the oldest first', () => {
    const cache = new FlatCache(0.0625)
    const count = 20_000
    for (let i = 0; i < count; i++) cache.set(txid(i), value(i), 1)
    const { entries, evicted } = cache.statistics
    expect(entries + evicted).toBe(count)
    const kept = Array.from({ length: count }, (_, i) => i).filter(i => cache.get(txid(i)) !== undefined)
    expect(kept.length).toBe(entries)
    // Buckets fill unevenly; but what is kept is what came last.
    expect(Math.min(...kept)).toBeGreaterThan(count - 2 * entries)
    expect(entries).toBeGreaterThan((0.0625 * 1_048_576) / 200)
  })

  it('takes a value of the largest size into any bucket of the smallest memory', () => {
    const cache = new FlatCache(1 / 32)
    for (let i = 0; i < 100; i++) {
      cache.set(txid(i), value(i, 2_048), 1)
      expect(cache.get(txid(i))).toEqual(value(i, 2_048))
    }
  })

  it('refuses a value that is too large, and forgets the older one', () => {
    const cache = new FlatCache(1)
    cache.set(txid(1), value(1, 2_048), 1)
    expect(() => cache.set(txid(1), value(1, 2_049), 1)).toThrow(
      expect.objectContaining({ code: 'PROCESSING' }),
    )
    expect(cache.get(txid(1))).toBeUndefined()
  })

  it.each<[string, () => unknown]>([
    ['no memory', () => new FlatCache(0)],
    ['memory that is no number', () => new FlatCache(Number.NaN)],
    ['memory without room for a value', () => new FlatCache(0.03)],
    ['more memory than there is', () => new FlatCache(1e9)],
    ['a short txid', () => new FlatCache(1).get(new Uint8Array(31))],
    ['a txid as text', () => new FlatCache(1).delete('ab'.repeat(32) as unknown as Uint8Array)],
    ['a negative height', () => new FlatCache(1).set(txid(1), value(1), -1)],
    ['a height beyond 32 bits', () => new FlatCache(1).set(txid(1), value(1), 2 ** 32)],
  ])('refuses %s', (_name, call) => {
    expect(call).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })
})

describe('EntryRing', () => {
  /**
   * Every hash is one of a few, so that probes meet, wrap around and are moved up. And a txid repeats one byte, as
   * values do: whoever looks for an entry where there is none any more takes a value for it.
   */
  const key = (number: number) => {
    return { words: new Int32Array(8).fill(number * 0x01010101), hash: number % 5 === 0 ? 7 : 6 }
  }

  const target = new Int32Array(512)
  function valueIn(ring: EntryRing, number: number): Buffer | undefined {
    const length = ring.copyTo(key(number), 0, target, 2)
    return length === -1 ? undefined : Buffer.from(target.buffer, 8, length)
  }

  it('agrees with a map of the newest entries, whatever is set and deleted', () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('set' as const),
        key: fc.nat(11),
        bytes: fc.oneof(fc.nat(40), fc.nat(400)),
        fill: fc.nat(11),
      }),
      fc.record({ kind: fc.constant('delete' as const), key: fc.nat(11) }),
    )
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 120 }),
        fc.integer({ min: 130, max: 500 }).map(words => words * 4),
        fc.constantFrom(0, 0.4, 0.99),
        (steps, bytes, startPart) => {
          const ring = new EntryRing(new ArrayBuffer(bytes + 4), 4, bytes, startPart)
          /** Newest last, with everything that was ever set: the ring may have dropped only the oldest of them. */
          const model = new Map<number, Buffer>()
          for (const each of steps) {
            if (each.kind === 'delete') {
              const had = valueIn(ring, each.key) !== undefined
              expect(ring.delete(key(each.key))).toBe(had)
              model.delete(each.key)
              continue
            }
            const entry = Buffer.alloc(each.bytes, each.fill)
            model.delete(each.key)
            if (ring.set(key(each.key), entry, 1)) model.set(each.key, entry)
            else continue
            expect(valueIn(ring, each.key)).toEqual(entry)
          }
          const found = [...model].map(([number, entry]) => {
            const stored = valueIn(ring, number)
            if (stored !== undefined) expect(stored).toEqual(entry)
            return stored !== undefined
          })
          expect(found.filter(Boolean).length).toBe(ring.entries)
          // Once one is there, all newer ones are.
          expect(found.indexOf(true) === -1 ? [] : found.slice(found.indexOf(true))).not.toContain(false)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('keeps room in the index where entries are too small to fill the ring', () => {
    const ring = new EntryRing(new ArrayBuffer(4_096), 0, 4_096)
    const numbered = (number: number) => ({ words: new Int32Array(8).fill(number), hash: number * 7 })
    const isFound = (number: number) => ring.copyTo(numbered(number), 0, target) === 0
    const wrong: number[] = []
    for (let number = 0; number < 1_000; number++) {
      ring.set(numbered(number), new Uint8Array(0), 1)
      const oldest = number + 1 - ring.entries
      for (let each = oldest - 20; each <= number + 20; each++)
        if (isFound(each) !== (each >= oldest && each <= number)) wrong.push(each)
    }
    expect(wrong).toEqual([])
    expect(ring.entries).toBeGreaterThan(30)
    expect(ring.entries + ring.evicted).toBe(1_000)
  })
})
