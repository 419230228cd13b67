import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { IndexKey } from '../../../lib/embedded/indexes/index-key.ts'
import { OrderedEntries } from '../../../lib/embedded/indexes/ordered-entries.ts'
import { StoredRecord } from '../../../lib/embedded/storage/stored-record.ts'

const RECORDS = Array.from(
  { length: 40 },
  (_, at) => new StoredRecord(`${String.fromCharCode(65 + at)}digest`, undefined, 1, 0, 0, undefined),
)
const KEYS: readonly IndexKey[] = [-(2n ** 63n), -5, 0, 1, 2, 3, 2 ** 53 - 1, 2n ** 53n, 2n ** 63n - 1n]

interface Entry {
  readonly key: IndexKey
  readonly record: StoredRecord
}

function sorted(entries: readonly Entry[]): Entry[] {
  return entries.toSorted((left, right) => {
    if (left.key !== right.key) return left.key < right.key ? -1 : 1
    return left.record.id < right.record.id ? -1 : 1
  })
}

function visited(
  entries: OrderedEntries,
  from: IndexKey,
  afterId: string | undefined,
  to: IndexKey,
): Entry[] {
  const found: Entry[] = []
  entries.visit(from, afterId, to, (key, record) => found.push({ key, record }) > 0)
  return found
}

const entry = fc.record({ key: fc.constantFrom(...KEYS), record: fc.constantFrom(...RECORDS) })

describe('OrderedEntries', () => {
  it('holds what was added and not removed, in order, each once', () => {
    const change = fc.record({ entry, adds: fc.boolean() })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), entry, entry, (changes, begin, end) => {
        const entries = new OrderedEntries()
        let model: Entry[] = []
        for (const { entry: one, adds } of changes) {
          const others = model.filter(({ key, record }) => key !== one.key || record !== one.record)
          const wasThere = others.length < model.length
          expect(adds ? entries.add(one.key, one.record) : entries.delete(one.key, one.record)).toBe(
            adds !== wasThere,
          )
          model = adds ? [...others, one] : others
        }
        const [from, to] = begin.key <= end.key ? [begin.key, end.key] : [end.key, begin.key]
        const inRange = sorted(model).filter(({ key }) => key >= from && key <= to)
        expect(entries.size).toBe(model.length)
        expect(visited(entries, from, undefined, to)).toEqual(inRange)
        expect(entries.hasIn(from, to)).toBe(inRange.length > 0)
        const behind = inRange.filter(({ key, record }) => key !== from || record.id > begin.record.id)
        expect(visited(entries, from, begin.record.id, to)).toEqual(behind)
      }),
    )
  })

  it('stays in order over many splits and joins, also with one key for all', () => {
    const records = Array.from({ length: 3000 }, (_, at) => {
      const id = String((at * 7919) % 3000).padStart(4, '0')
      return new StoredRecord(id, undefined, 1, 0, 0, undefined)
    })
    const entries = new OrderedEntries()
    for (const record of records) entries.add(7, record)
    const ids = records.map(({ id }) => id).toSorted()
    expect(visited(entries, 7, undefined, 7).map(({ record }) => record.id)).toEqual(ids)
    for (const record of records) if (Number(record.id) % 10 !== 0) entries.delete(7, record)
    const left = ids.filter(id => Number(id) % 10 === 0)
    expect(visited(entries, 7, undefined, 7).map(({ record }) => record.id)).toEqual(left)
    for (const record of records) entries.delete(7, record)
    expect([entries.size, [...entries.keys()]]).toEqual([0, []])
  })

  it('ends a visit when the visitor says so', () => {
    const entries = new OrderedEntries()
    for (const record of RECORDS) entries.add(1, record)
    let visits = 0
    entries.visit(1, undefined, 1, () => ++visits < 5)
    expect(visits).toBe(5)
  })
})
