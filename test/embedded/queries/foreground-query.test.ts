import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { messageReply } from '../../../lib/embedded/commands/message-command.ts'
import { INDEX_COLLECTIONS } from '../../../lib/embedded/indexes/index-definition.ts'
import {
  encodeMessage,
  encodeMsgpack,
  FIELD_TYPES,
  findField,
  INFO1,
  INFO2,
  INFO3,
  type Message,
  OPERATION_CODES,
  partitionId,
  RESULT_CODES,
  recordDigest,
  userKey,
  type Value,
} from '../../../lib/protocol/index.ts'
import {
  ALL_PARTITION_IDS,
  definition,
  type FieldInit,
  partitionIds,
  query,
  rangeField,
  rowField,
  rowsOf,
  uint64,
} from '../support/query-messages.ts'
import {
  bins,
  decodedFrame,
  operation,
  write as putInteger,
  read,
  SET,
  TestNode,
} from '../support/test-node.ts'

const LIST_FIELD: FieldInit = { type: FIELD_TYPES.INDEX_TYPE, data: Buffer.from([INDEX_COLLECTIONS.LIST]) }

/** Values of bin `n` of the rows, ascending as numbers. */
function valuesOf(rows: readonly Message[]): Value[] {
  return rows.map(row => bins(row).n ?? null).toSorted((left, right) => Number(left) - Number(right))
}

function expression(value: Value): FieldInit {
  return { type: FIELD_TYPES.FILTER, data: Buffer.from(encodeMsgpack(value)) }
}

/** The filter `n > limit`, with the bin's name as expressions have it: without a type byte. */
function above(limit: number): FieldInit {
  return {
    type: FIELD_TYPES.FILTER,
    data: Buffer.from(`93039351 02a16e ${Buffer.from([limit]).toString('hex')}`.replaceAll(' ', ''), 'hex'),
  }
}

function testNode(records = 20): TestNode {
  const test = new TestNode()
  for (let at = 0; at < records; at++) test.put(`k${at}`, { n: at, l: [at, at + 100], s: `s${at % 3}` })
  return test
}

describe('a scan', () => {
  it('answers each record of the set with its fields', () => {
    const test = testNode(3)
    const rows = rowsOf(test.sendAll(query()))
    expect(valuesOf(rows)).toEqual([0, 1, 2])
    const row = rows.find(each => bins(each).n === 1)
    if (row === undefined) throw new Error('no row')
    expect(row.fields.map(({ type }) => type)).toEqual([
      FIELD_TYPES.NAMESPACE,
      FIELD_TYPES.DIGEST,
      FIELD_TYPES.SET,
    ])
    expect(rowField(row, FIELD_TYPES.DIGEST)).toBe(recordDigest(SET, userKey('k1')).toString('hex'))
    expect([row.generation, row.recordTtl, row.info1]).toEqual([1, 0, 0])
  })

  it('goes down in digests within a partition, and resumes behind one', () => {
    const test = testNode(400)
    const ids = rowsOf(test.sendAll(query())).map(row => rowField(row, FIELD_TYPES.DIGEST))
    const partitionOf = (id: string) => partitionId(Buffer.from(id, 'hex'))
    const shared = ids.find((id, at) => partitionOf(ids[at + 1] ?? '0000') === partitionOf(id))
    const [first, ...more] = ids.filter(id => partitionOf(id) === partitionOf(shared ?? 'ffff'))
    if (first === undefined) throw new Error('no partition with two records')
    expect([first, ...more]).toEqual([first, ...more].toSorted().toReversed())
    const resumed = query([{ type: FIELD_TYPES.DIGESTS, data: Buffer.from(first, 'hex') }])
    expect(rowsOf(test.sendAll(resumed)).map(row => rowField(row, FIELD_TYPES.DIGEST))).toEqual(more)
  })

  it.each([
    ['an unknown set', 'nobody'],
    ['a set that was emptied', 'demo'],
  ])('of %s answers nothing', (_name, setName) => {
    const test = testNode(1)
    test.delete('k0')
    expect(rowsOf(test.sendAll(query([], {}, setName)))).toEqual([])
  })

  it('leaves out what has expired', () => {
    const test = testNode(2)
    test.put('k0', { n: 0 }, { recordTtl: 5 })
    test.clock.advanceSeconds(6)
    expect(valuesOf(rowsOf(test.sendAll(query())))).toEqual([1])
  })

  it('answers metadata only when asked to', () => {
    const rows = rowsOf(testNode(2).sendAll(query([], { info1: INFO1.READ | INFO1.GET_NO_BINS })))
    expect(rows.map(({ info1, operations }) => [info1, operations])).toEqual([
      [INFO1.GET_NO_BINS, []],
      [INFO1.GET_NO_BINS, []],
    ])
  })

  it('leaves out records without any of the bins, unless every operation has to answer', () => {
    const test = testNode(2)
    test.put('other', { x: 1 })
    const operations = [read('x'), read('y')]
    expect(rowsOf(test.sendAll(query([], { operations }))).map(bins)).toEqual([{ x: 1 }])
    const all = query([], { operations, info2: INFO2.RESPOND_ALL_OPS })
    expect(rowsOf(test.sendAll(all))).toHaveLength(3)
  })

  it('leaves out records on which an operation fails', () => {
    const test = testNode(3)
    test.put('other', { l: [1, 2, 3] })
    const get2 = { ...operation(OPERATION_CODES.CDT_READ, 'l'), value: encodeMsgpack([17, 2]) }
    expect(rowsOf(test.sendAll(query([], { operations: [get2] }))).map(bins)).toEqual([{ l: 3 }])
  })

  it('takes names of bins from the field of older clients', () => {
    const list = { type: FIELD_TYPES.QUERY_BIN_LIST, data: Buffer.from([1, 1, 0x6e]) }
    expect(rowsOf(testNode(1).sendAll(query([list]))).map(bins)).toEqual([{ n: 0 }])
  })

  it('answers what passes the filter', () => {
    expect(valuesOf(rowsOf(testNode().sendAll(query([above(16)]))))).toEqual([17, 18, 19])
    expect(rowsOf(testNode().sendAll(query([expression(false)])))).toEqual([])
  })
})

describe('while a scan runs', () => {
  const step = fc.record({ key: fc.nat(149), n: fc.option(fc.nat(150), { nil: undefined }) })
  it.each<[string, readonly FieldInit[]]>([
    ['without an index', []],
    ['on an index', [rangeField('n', 0, 1000)]],
  ])(
    'records may change: none comes twice, none is missing that matched all the time, %s',
    (_name, fields) => {
      fc.assert(
        fc.property(fc.array(step, { minLength: 1, maxLength: 200 }), script => {
          const steps = [...script]
          const test = testNode(300)
          test.namespace.indexes.create(definition())
          const reply = messageReply(test.node, encodeMessage(query(fields)))
          if (Buffer.isBuffer(reply)) throw new Error('expected frames')
          const frames: Buffer[] = []
          for (let next = reply.next(); next.done !== true; next = reply.next()) {
            if (Buffer.isBuffer(next.value)) frames.push(next.value)
            for (const { key, n } of steps.splice(0, 4)) {
              if (n === undefined) test.delete(`k${key}`)
              else test.put(`k${key}`, { n })
            }
          }
          const rows = rowsOf(frames.flatMap(decodedFrame))
          expect(new Set(rows.map(row => rowField(row, FIELD_TYPES.DIGEST))).size).toBe(rows.length)
          const values = new Set(rows.map(row => bins(row).n))
          for (let untouched = 150; untouched < 300; untouched++) expect(values.has(untouched)).toBe(true)
        }),
        { numRuns: 8 },
      )
    },
  )

  it('records of a partition it is in the midst of are looked at again', () => {
    const test = new TestNode()
    test.namespace.indexes.create(definition())
    const digests = Array.from({ length: 300 }, (_, at) => {
      const digest = Buffer.alloc(20)
      digest.writeUInt16BE(at, 2)
      return digest
    })
    const write = (digest: Buffer, n: number) =>
      test.send({
        info2: INFO2.WRITE,
        fields: [
          { type: FIELD_TYPES.NAMESPACE, data: Buffer.from('test') },
          { type: FIELD_TYPES.SET, data: Buffer.from(SET) },
          { type: FIELD_TYPES.DIGEST, data: digest },
        ],
        operations: [putInteger('n', n)],
      })
    for (const digest of digests) write(digest, 5)
    const reply = messageReply(test.node, encodeMessage(query([rangeField('n', 5)])))
    if (Buffer.isBuffer(reply)) throw new Error('expected frames')
    reply.next()
    // Looked at so far: half of them, in the order of digests. Of the rest one group goes and one no longer fits.
    for (const digest of digests.slice(200, 250)) test.namespace.remove(digest)
    for (const digest of digests.slice(250)) write(digest, 6)
    const frames: Buffer[] = []
    for (let next = reply.next(); next.done !== true; next = reply.next()) {
      if (Buffer.isBuffer(next.value)) frames.push(next.value)
    }
    const rows = rowsOf(frames.flatMap(decodedFrame))
    expect(rows.map(row => rowField(row, FIELD_TYPES.DIGEST))).toEqual(
      digests.slice(0, 200).map(digest => digest.toString('hex')),
    )
  })

  it('ends with 15 when it is aborted, and without a job when the client has gone', () => {
    const test = testNode(300)
    const start = () => {
      const reply = messageReply(test.node, encodeMessage(query()))
      if (Buffer.isBuffer(reply)) throw new Error('expected frames')
      reply.next()
      return reply
    }
    const aborted = start()
    test.node.jobs.abortAll()
    const frames: Buffer[] = []
    for (let next = aborted.next(); next.done !== true; next = aborted.next())
      frames.push(next.value as Buffer)
    const last = frames.at(-1)
    expect([last?.[8 + 3], last?.[8 + 5]]).toEqual([INFO3.LAST, RESULT_CODES.QUERY_ABORT])
    const abandoned = start()
    expect(test.node.jobs.all()[0]?.isActive).toBe(true)
    abandoned.return?.()
    expect(test.node.jobs.all()[0]).toMatchObject({ isActive: false, outcome: 'abandoned-response-error' })
  })
})

describe('a query on an index', () => {
  it('answers rows with their index value, ascending within a partition', () => {
    const test = testNode(2)
    test.namespace.indexes.create(definition())
    const rows = rowsOf(test.sendAll(query([rangeField('n', 1, 5)])))
    expect(rows.map(row => rowField(row, FIELD_TYPES.INDEX_VALUES))).toEqual(['0100000000000000'])
  })

  it('answers a record once although several of its values match, at the least of them', () => {
    const test = new TestNode()
    test.namespace.indexes.create(definition({ collection: INDEX_COLLECTIONS.LIST }))
    test.put('k', { n: [9, 3, 5, 4] })
    const rows = rowsOf(test.sendAll(query([rangeField('n', 4, 10), LIST_FIELD])))
    expect(rows.map(row => rowField(row, FIELD_TYPES.INDEX_VALUES))).toEqual(['0400000000000000'])
  })

  it('never answers another string with the same key', () => {
    const test = testNode(9)
    const { indexes } = test.namespace
    indexes.create(definition({ binName: 's', valueType: 3 }))
    const rows = rowsOf(test.sendAll(query([rangeField('s', 's1')])))
    expect(valuesOf(rows)).toEqual([1, 4, 7])
    const index = indexes.find('ix')
    const interval = { begin: -(2n ** 63n), end: 2n ** 63n - 1n, bytes: Buffer.from('s1') }
    // As if all strings had the key of s1: the bytes decide.
    const others = test.namespace.partition(partitionId(recordDigest(SET, userKey('k2')))).records()
    expect(Array.from(others, record => index?.leastKeyIn(record, interval))).toEqual([undefined])
  })

  it.each<[string, Partial<Parameters<typeof definition>[0]>, readonly FieldInit[], string, number]>([
    ['the index of the set', {}, [rangeField('n', 1)], SET, 0],
    ['an index of the namespace', { setName: '' }, [rangeField('n', 1)], SET, 0],
    [
      'an index of another set',
      { setName: 'other' },
      [rangeField('n', 1)],
      SET,
      RESULT_CODES.SINDEX_NOT_FOUND,
    ],
    ['an index of a set without one', {}, [rangeField('n', 1)], '', RESULT_CODES.SINDEX_NOT_FOUND],
    ['another bin', {}, [rangeField('m', 1)], SET, RESULT_CODES.SINDEX_NOT_FOUND],
    ['another type', {}, [rangeField('n', 'x')], SET, RESULT_CODES.SINDEX_NOT_FOUND],
    ['another collection', {}, [rangeField('n', 1), LIST_FIELD], SET, RESULT_CODES.SINDEX_NOT_FOUND],
    ['its name', {}, [rangeField('', 1), { type: FIELD_TYPES.INDEX_NAME, data: Buffer.from('ix') }], SET, 0],
    [
      'an unknown name',
      {},
      [rangeField('', 1), { type: FIELD_TYPES.INDEX_NAME, data: Buffer.from('iy') }],
      SET,
      RESULT_CODES.SINDEX_NOT_FOUND,
    ],
    [
      'name and bin',
      {},
      [rangeField('n', 1), { type: FIELD_TYPES.INDEX_NAME, data: Buffer.from('ix') }],
      SET,
      RESULT_CODES.PARAMETER,
    ],
    ['neither name nor bin', {}, [rangeField('', 1)], SET, RESULT_CODES.PARAMETER],
    [
      'an empty type',
      {},
      [rangeField('n', 1), { type: FIELD_TYPES.INDEX_TYPE, data: Buffer.alloc(0) }],
      SET,
      RESULT_CODES.PARAMETER,
    ],
    [
      'a context that is none',
      {},
      [rangeField('n', 1), { type: FIELD_TYPES.INDEX_CONTEXT, data: Buffer.from([0xc1]) }],
      SET,
      RESULT_CODES.PARAMETER,
    ],
  ])('finds its index by %s', (_name, change, fields, setName, code) => {
    const test = testNode(3)
    test.namespace.indexes.create(definition(change))
    const messages = test.sendAll(query(fields, {}, setName))
    expect(messages.at(-1)?.resultCode).toBe(code)
    if (code === 0) expect(valuesOf(rowsOf(messages))).toEqual([1])
  })
})

describe('against a model', () => {
  const key = fc.nat(30)
  const value = fc.oneof(fc.integer({ min: -3, max: 8 }), fc.constantFrom('a', 'b'))
  const bin = fc.oneof(value, fc.array(value, { maxLength: 4 }))
  const change = fc.record({ key, n: fc.option(bin, { nil: undefined }), expires: fc.boolean() })

  it('queries and pages of any size find what an array of records would', () => {
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 60 }),
        fc.tuple(fc.integer({ min: -4, max: 9 }), fc.nat(6)),
        fc.integer({ min: 1, max: 7 }),
        (changes, [begin, width], pageSize) => {
          const test = new TestNode()
          const { indexes } = test.namespace
          indexes.create(definition({ name: 'plain' }))
          indexes.create(definition({ name: 'list', collection: INDEX_COLLECTIONS.LIST }))
          indexes.create(definition({ name: 'text', valueType: 3 }))
          const model = new Map<number, { n: Value; expires: boolean }>()
          for (const { key: id, n, expires } of changes) {
            if (n === undefined) {
              test.delete(`k${id}`)
              model.delete(id)
            } else {
              test.put(`k${id}`, { n, id }, { recordTtl: expires ? 5 : 0 })
              model.set(id, { n, expires })
            }
          }
          test.clock.advanceSeconds(6)
          const live = [...model].filter(([, { expires }]) => !expires)
          const matching = (matches: (n: Value) => boolean) =>
            live.filter(([, { n }]) => matches(n)).map(([id]) => id)
          const inRange = (each: Value) => typeof each === 'number' && each >= begin && each <= begin + width
          const cases: [readonly FieldInit[], number[]][] = [
            [[], matching(() => true)],
            [[rangeField('n', begin, begin + width)], matching(inRange)],
            [
              [rangeField('n', begin, begin + width), LIST_FIELD],
              matching(n => Array.isArray(n) && n.some(inRange)),
            ],
            [[rangeField('n', 'a')], matching(n => n === 'a')],
          ]
          for (const [fields, ids] of cases) {
            const sorted = (found: readonly number[]) => found.toSorted((left, right) => left - right)
            expect(sorted(idsOf(rowsOf(test.sendAll(query(fields)))))).toEqual(sorted(ids))
            expect(sorted(idsInPages(test, fields, pageSize))).toEqual(sorted(ids))
          }
        },
      ),
      { numRuns: 15 },
    )
  }, 20_000)
})

/** More than there are records in any of these tests. */
const PAGES_MAX = 100

function idsOf(rows: readonly Message[]): number[] {
  return rows.map(row => Number(bins(row).id))
}

/** Reads page after page as a client does: partitions it got nothing of from the start, the others resumed. */
function idsInPages(test: TestNode, fields: readonly FieldInit[], pageSize: number): number[] {
  const resume = new Map<number, Message>()
  const untouched = new Set(Array(4096).keys())
  const ids: number[] = []
  for (let page = 0; page < PAGES_MAX; page++) {
    const points = [...resume.values()]
    const joined = (type: number) =>
      Buffer.concat(points.map(row => findField(row.fields, type) ?? Buffer.alloc(0)))
    const page = query([
      ...fields,
      { type: FIELD_TYPES.RECORDS_MAX, data: uint64(pageSize) },
      partitionIds(untouched),
      ...(points.length === 0 ? [] : [{ type: FIELD_TYPES.DIGESTS, data: joined(FIELD_TYPES.DIGEST) }]),
      ...(points.length === 0
        ? []
        : [{ type: FIELD_TYPES.INDEX_VALUES, data: joined(FIELD_TYPES.INDEX_VALUES) }]),
    ])
    const rows = rowsOf(test.sendAll(page))
    expect(rows.length).toBeLessThanOrEqual(pageSize)
    ids.push(...idsOf(rows))
    for (const row of rows) {
      const partition = partitionId(findField(row.fields, FIELD_TYPES.DIGEST) ?? Buffer.alloc(20))
      resume.set(partition, row)
      untouched.delete(partition)
    }
    if (rows.length < pageSize) return ids
  }
  throw new Error('pages that never end')
}

describe('requests that are refused', () => {
  const range = rangeField('n', 1)
  it.each<[string, readonly FieldInit[], Partial<Message>, number]>([
    ['without the partition-done flag', [], { info3: 0 }, RESULT_CODES.UNSUPPORTED_FEATURE],
    [
      'partition ids of half a number',
      [{ type: FIELD_TYPES.PARTITION_IDS, data: Buffer.from([1]) }],
      {},
      RESULT_CODES.PARAMETER,
    ],
    ['no partition ids in their field', [partitionIds([])], {}, RESULT_CODES.PARAMETER],
    ['partition 4096', [partitionIds([4096])], {}, RESULT_CODES.PARAMETER],
    ['a partition twice', [partitionIds([5, 5])], {}, RESULT_CODES.PARAMETER],
    [
      'a digest of 19 bytes',
      [{ type: FIELD_TYPES.DIGESTS, data: Buffer.alloc(19) }],
      {},
      RESULT_CODES.PARAMETER,
    ],
    [
      'a partition both resumed and whole',
      [{ type: FIELD_TYPES.DIGESTS, data: Buffer.alloc(20) }, ALL_PARTITION_IDS],
      {},
      RESULT_CODES.PARAMETER,
    ],
    [
      'a resumed index query without index values',
      [range, { type: FIELD_TYPES.DIGESTS, data: Buffer.alloc(20) }],
      {},
      RESULT_CODES.PARAMETER,
    ],
    [
      'records-max of 4 bytes',
      [{ type: FIELD_TYPES.RECORDS_MAX, data: Buffer.alloc(4) }],
      {},
      RESULT_CODES.PARAMETER,
    ],
    [
      'a socket timeout of a byte',
      [{ type: FIELD_TYPES.SOCKET_TIMEOUT, data: Buffer.alloc(1) }],
      {},
      RESULT_CODES.PARAMETER,
    ],
    [
      'a rate of a byte',
      [{ type: FIELD_TYPES.RECORDS_PER_SECOND, data: Buffer.alloc(1) }],
      {},
      RESULT_CODES.PARAMETER,
    ],
    [
      'a short query with a rate',
      [{ type: FIELD_TYPES.RECORDS_PER_SECOND, data: Buffer.from([0, 0, 0, 9]) }],
      { info1: INFO1.READ | INFO1.SHORT_QUERY },
      RESULT_CODES.PARAMETER,
    ],
    [
      'a short query with a rate of 0',
      [{ type: FIELD_TYPES.RECORDS_PER_SECOND, data: Buffer.alloc(4) }],
      { info1: INFO1.READ | INFO1.SHORT_QUERY },
      RESULT_CODES.PARAMETER,
    ],
    [
      'an operation that writes',
      [],
      { operations: [{ ...read('n'), code: OPERATION_CODES.WRITE, value: Buffer.alloc(0) }] },
      RESULT_CODES.PARAMETER,
    ],
    [
      'an unknown operation',
      [],
      { operations: [{ ...read('n'), code: 99, value: Buffer.alloc(0) }] },
      RESULT_CODES.PARAMETER,
    ],
    [
      'a name of 16 bytes',
      [],
      { operations: [{ ...read('n'.repeat(16)), value: Buffer.alloc(0) }] },
      RESULT_CODES.PARAMETER,
    ],
    [
      'a filter that is none',
      [{ type: FIELD_TYPES.FILTER, data: Buffer.from([0xc1]) }],
      {},
      RESULT_CODES.PARAMETER,
    ],
    ['a filter that is no condition', [expression(1)], {}, RESULT_CODES.PARAMETER],
    [
      'a list of bins that is cut off',
      [{ type: FIELD_TYPES.QUERY_BIN_LIST, data: Buffer.from([2, 1, 0x6e, 9]) }],
      {},
      RESULT_CODES.PARAMETER,
    ],
  ])('%s', (_name, fields, init, code) => {
    const test = testNode(1)
    test.namespace.indexes.create(definition())
    const messages = test.sendAll(query(fields, init))
    expect(messages.map(({ resultCode, info3 }) => [resultCode, info3])).toEqual([[code, 0]])
    expect(test.node.jobs.all()).toEqual([])
  })

  it('a query of no partitions', () => {
    const { fields = [], ...message } = query()
    const without = fields.filter(({ type }) => type !== FIELD_TYPES.PARTITION_IDS)
    expect(new TestNode().send({ ...message, fields: without }).resultCode).toBe(
      RESULT_CODES.UNSUPPORTED_FEATURE,
    )
  })

  it('the id of another job', () => {
    const test = testNode(1)
    const message = query()
    rowsOf(test.sendAll(message))
    expect(test.send(message).resultCode).toBe(RESULT_CODES.PARAMETER)
    const short = { ...message, info1: INFO1.READ | INFO1.SHORT_QUERY }
    expect(rowsOf(test.sendAll(short))).toHaveLength(1)
  })

  it('an index that is still being filled', () => {
    const test = testNode(1)
    test.namespace.indexes.create(definition())
    const index = test.namespace.indexes.find('ix')
    if (index === undefined) throw new Error('no index')
    Object.defineProperty(index, 'isReadable', { value: false })
    expect(test.send(query([range])).resultCode).toBe(RESULT_CODES.SINDEX_NOT_READABLE)
  })
})
