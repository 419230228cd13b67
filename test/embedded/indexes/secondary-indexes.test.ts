import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from '@jest/globals'
import { INDEX_COLLECTIONS } from '../../../lib/embedded/indexes/index-definition.ts'
import { BinList } from '../../../lib/embedded/storage/bin-list.ts'
import {
  Double,
  encodeMsgpack,
  encodeParticle,
  GeoJson,
  PARTICLE_TYPES,
  RESULT_CODES,
  type Value,
} from '../../../lib/protocol/index.ts'
import { definition } from '../support/query-messages.ts'
import { TestNode } from '../support/test-node.ts'

const { DEFAULT, LIST, MAP_KEYS, MAP_VALUES } = INDEX_COLLECTIONS
const { INTEGER, STRING, BLOB } = PARTICLE_TYPES

/** [map key "in", list index 0] */
const CONTEXT = encodeMsgpack([0x22, 'in', 0x10, 0])

function context(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes)
}

function entriesAfter(test: TestNode): number | undefined {
  return test.namespace.indexes.find('ix')?.entries
}

describe('what an index holds', () => {
  const cases: [string, Parameters<typeof definition>[0], Value, number][] = [
    ['an integer', {}, 5, 1],
    ['a double is no integer', {}, new Double(5), 0],
    ['a string is no integer', {}, '5', 0],
    ['a list is no integer', {}, [5], 0],
    ['a boolean is no integer', {}, true, 0],
    ['a string', { valueType: STRING }, 'a', 1],
    ['the empty string', { valueType: STRING }, '', 1],
    ['a blob is no string', { valueType: STRING }, Buffer.from('a'), 0],
    ['a blob', { valueType: BLOB }, Buffer.from([0, 255]), 1],
    ['GeoJSON is no string', { valueType: STRING }, new GeoJson('{"type":"Point","coordinates":[1,2]}'), 0],
    ['each different integer of a list', { collection: LIST }, [1, 2, 2, 'a', 3, new Double(1)], 3],
    ['strings of a list', { collection: LIST, valueType: STRING }, [1, 'a', 'b', 'a', Buffer.from('c')], 2],
    ['blobs of a list', { collection: LIST, valueType: BLOB }, [Buffer.from('a'), 'a'], 1],
    ['a list index on an integer', { collection: LIST }, 5, 0],
    ['a list index on a map', { collection: LIST }, new Map([[1, 2]]), 0],
    [
      'keys of a map',
      { collection: MAP_KEYS, valueType: STRING },
      new Map<Value, Value>([
        ['a', 1],
        ['b', 1],
        [3, 1],
      ]),
      2,
    ],
    [
      'values of a map',
      { collection: MAP_VALUES },
      new Map<Value, Value>([
        ['a', 1],
        ['b', 1],
        ['c', 'x'],
      ]),
      1,
    ],
    ['a value under a context', { context: context(CONTEXT) }, new Map([['in', [7, 8]]]), 1],
    ['nothing where a context leads nowhere', { context: context(CONTEXT) }, new Map([['out', [7, 8]]]), 0],
    [
      'nothing where a context ends at another type',
      { context: context(CONTEXT) },
      new Map([['in', ['x']]]),
      0,
    ],
    ['nothing of a bin that is no collection, with a context', { context: context(CONTEXT) }, 5, 0],
    [
      'elements of a list under a context',
      { context: context(encodeMsgpack([0x22, 'in'])), collection: LIST },
      new Map([['in', [7, 8]]]),
      2,
    ],
  ]

  it.each(cases)('%s', (_name, change, value, entries) => {
    for (const createdFirst of [true, false]) {
      const test = new TestNode()
      const create = () => test.namespace.indexes.create(definition(change))
      if (createdFirst) create()
      test.put('k', { other: 9, n: value, more: 1 })
      if (!createdFirst) create()
      expect(entriesAfter(test)).toBe(entries)
      test.delete('k')
      expect(entriesAfter(test)).toBe(0)
    }
  })

  it('follows a record through every kind of change', () => {
    const test = new TestNode()
    test.namespace.indexes.create(definition({ collection: LIST }))
    const steps: [() => unknown, number, number][] = [
      [() => test.put('k', { n: [1, 2] }), 2, 1],
      [() => test.put('k', { n: [2, 3, 4] }), 3, 1],
      [() => test.put('k', { other: 1 }), 3, 1],
      [() => test.put('j', { n: [2] }), 4, 2],
      [() => test.put('k', { n: null }), 1, 1],
      [() => test.put('k', { n: [9] }), 2, 2],
      [() => test.delete('k'), 1, 1],
      [() => test.namespace.truncate('demo', test.namespace.nowMs + 1), 0, 0],
    ]
    for (const [step, entries, records] of steps) {
      step()
      const index = test.namespace.indexes.find('ix')
      expect([index?.entries, index?.records]).toEqual([entries, records])
    }
  })

  it('forgets expired records when they are removed', () => {
    const test = new TestNode()
    test.namespace.indexes.create(definition())
    test.put('k', { n: 1 }, { recordTtl: 10 })
    test.clock.advanceSeconds(11)
    test.namespace.removeExpired()
    expect(entriesAfter(test)).toBe(0)
    test.put('k', { n: 1 }, { recordTtl: 10 })
    test.clock.advanceSeconds(11)
    test.put('k', { n: 2 })
    expect(entriesAfter(test)).toBe(1)
  })

  it('is one set, or the whole namespace', () => {
    const test = new TestNode()
    test.namespace.indexes.create(definition({ name: 'set' }))
    test.namespace.indexes.create(definition({ name: 'all', setName: '' }))
    const write = (digestByte: number, setName: string) => {
      const bins = BinList.of([{ name: 'n', type: INTEGER, value: Buffer.from(encodeParticle(1).value) }])
      const digest = Buffer.alloc(20, digestByte)
      test.namespace.write({
        digest,
        existing: undefined,
        setName,
        bins,
        voidTimeSeconds: 0,
        userKey: undefined,
      })
    }
    write(1, 'demo')
    write(2, 'other')
    write(3, '')
    const count = (name: string) => test.namespace.indexes.find(name)?.entries
    expect([count('set'), count('all')]).toEqual([1, 3])
    expect([test.namespace.indexes.countOn('demo'), test.namespace.indexes.countOn('other')]).toEqual([1, 0])
  })
})

describe('definitions', () => {
  it('with the same source are the same index, under the last name', () => {
    const test = new TestNode()
    const { indexes } = test.namespace
    indexes.create(definition({ name: 'a' }))
    test.put('k', { n: 1 })
    indexes.create(definition({ name: 'b' }))
    expect(indexes.definitions().map(({ name }) => name)).toEqual(['b'])
    expect(indexes.find('b')?.entries).toBe(1)
    test.put('j', { n: 1 })
    expect(indexes.find('b')?.entries).toBe(2)
  })

  it('cannot take the name of another source', () => {
    const { indexes } = new TestNode().namespace
    indexes.create(definition())
    indexes.create(definition())
    for (const change of [{ binName: 'm' }, { valueType: STRING }, { setName: '' }, { collection: LIST }]) {
      expect(() => indexes.create(definition(change))).toThrow(
        expect.objectContaining({ resultCode: RESULT_CODES.SINDEX_FOUND }),
      )
    }
    expect(indexes.size).toBe(1)
  })

  it('are 256 at most', () => {
    const { indexes } = new TestNode().namespace
    for (let at = 0; at < 256; at++) indexes.create(definition({ name: `ix${at}`, binName: `b${at}` }))
    expect(() => indexes.create(definition({ name: 'more', binName: 'more' }))).toThrow(
      expect.objectContaining({ resultCode: RESULT_CODES.SINDEX_MAX_COUNT }),
    )
    indexes.drop('ix7')
    indexes.create(definition({ name: 'more', binName: 'more' }))
    expect(indexes.size).toBe(256)
  })

  it('of an index on a set go before one on the namespace', () => {
    const { indexes } = new TestNode().namespace
    indexes.create(definition({ name: 'all', setName: '' }))
    const find = (setName: string) => indexes.findBySource(definition({ setName }))?.definition.name
    expect([find('demo'), find('other'), find('')]).toEqual(['all', 'all', 'all'])
    indexes.create(definition({ name: 'demo' }))
    expect([find('demo'), find('other'), find('')]).toEqual(['demo', 'all', 'all'])
    indexes.drop('all')
    expect([find('demo'), find('other'), find('')]).toEqual(['demo', undefined, undefined])
  })
})

describe('filling an index from many records', () => {
  it('goes by steps, counts each record once whatever happens to it meanwhile', async () => {
    const test = new TestNode()
    for (let at = 0; at < 4000; at++) test.put(`k${at}`, { n: [at, at + 1] })
    const { indexes } = test.namespace
    indexes.create(definition({ collection: LIST }))
    const index = indexes.find('ix')
    // Filled and not yet filled partitions alike are changed under its hands.
    for (let at = 0; at < 4000; at += 3) test.put(`k${at}`, { n: [at, -1, -2] })
    for (let at = 1; at < 4000; at += 3) test.delete(`k${at}`)
    test.put('new', { n: [5] })
    for (let turn = 0; turn < 1_000 && index?.isReadable === false; turn++) await nextTurn()
    expect(index?.isReadable).toBe(true)
    expect(index?.records).toBe(1334 + 1333 + 1)
    expect(index?.entries).toBe(1334 * 3 + 1333 * 2 + 1)
    expect(index?.filledFraction).toBe(1)
    test.namespace.truncate(undefined, test.namespace.nowMs + 1)
    expect([index?.records, index?.entries]).toEqual([0, 0])
  })

  it('ends when the index is dropped', async () => {
    const test = new TestNode()
    for (let at = 0; at < 500; at++) test.put(`k${at}`, { n: at })
    const { indexes } = test.namespace
    indexes.create(definition())
    indexes.drop('ix')
    await nextTurn()
    test.put('k', { n: 1 })
    expect([indexes.size, indexes.find('ix')]).toEqual([0, undefined])
  })
})

it('an index on DEFAULT values holds one entry for a record', () => {
  const test = new TestNode()
  test.namespace.indexes.create(definition({ collection: DEFAULT }))
  expect(test.namespace.indexes.find('ix')?.holdsSeveral).toBe(false)
})
