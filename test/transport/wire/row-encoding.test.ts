import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  BATCH_FLAGS,
  BatchRequest,
  type BatchRow as DecodedRow,
  decodeMessage,
  decodeMsgpack,
  decodeParticle,
  FIELD_TYPES,
  FRAME_HEADER_BYTES,
  FrameReader,
  findField,
  INFO1,
  INFO2,
  INFO3,
  OPERATION_CODES,
  recordDigest,
  userKey,
} from '../../../lib/protocol/index.ts'
import type { BatchRow, BinValue, WriteOperation } from '../../../lib/transport/index.ts'
import { filterBytes } from '../../../lib/transport/wire/filter-encoding.ts'
import { KeyDigests, partitionOf } from '../../../lib/transport/wire/key-digest.ts'
import { BatchRequestBytes } from '../../../lib/transport/wire/request.ts'

const key = { set: 's', userKey: Uint8Array.of(1) }
const digests = new KeyDigests()

/** What a server reads of rows, decoded by the other side's decoder. */
function decoded(rows: readonly BatchRow[], firstIndex = 0): DecodedRow[] {
  const request = new BatchRequestBytes('ns')
  request.begin()
  for (const [index, row] of rows.entries()) request.add(row, firstIndex + index, digests.digest(row.key))
  const reader = new FrameReader()
  reader.push(request.end(1_234.5))
  const frame = reader.next()
  const message = decodeMessage(frame?.body ?? Buffer.alloc(0))
  expect(message).toMatchObject({ info1: INFO1.BATCH, transactionTtl: 1_235 })
  const batch = new BatchRequest(findField(message.fields, FIELD_TYPES.BATCH) ?? Buffer.alloc(0))
  expect(batch.flags & BATCH_FLAGS.RESPOND_ALL_KEYS).toBe(BATCH_FLAGS.RESPOND_ALL_KEYS)
  expect([...batch.namespaces.keys()]).toEqual(['ns'])
  return [...batch.rows()]
}

function templateOf(row: BatchRow): DecodedRow['template'] {
  const [only] = decoded([row])
  if (only === undefined) throw new Error('no row')
  return only.template
}

const write = (operation: WriteOperation, more: object = {}): BatchRow =>
  ({ kind: 'write', key, exists: 'any', operations: [operation], ...more }) as BatchRow

describe('a key', () => {
  it.each([
    ['text', 'r1'],
    ['text beyond ASCII', 'é€😀'],
    ['bytes', Uint8Array.of(1, 2, 255)],
  ])('of %s has the digest that servers compute', (_, given) => {
    for (const set of ['demo', '', 'sét']) {
      const digest = digests.digest({ set, userKey: given })
      expect(Buffer.from(digest, 'latin1')).toEqual(recordDigest(set, userKey(given)))
    }
  })

  it('belongs to the partition of the published vectors (protocol 15)', () => {
    expect(partitionOf(digests.digest({ set: 'demo', userKey: 'r1' }))).toBe(1482)
    expect(partitionOf(digests.digest({ set: 'demo', userKey: 'r2' }))).toBe(3166)
  })

  it('must not be empty', () => {
    expect(() => digests.digest({ set: 's', userKey: '' })).toThrow(
      expect.objectContaining({ field: 'userKey' }),
    )
  })
})

describe('a row says what it is', () => {
  const { READ, GET_ALL, GET_NO_BINS } = INFO1
  it.each<[string, BatchRow, object]>([
    ['read all', { kind: 'read', key, bins: 'all' }, { info1: READ | GET_ALL, info2: 0 }],
    ['read some', { kind: 'read', key, bins: ['a'] }, { info1: READ, info2: 0 }],
    ['read none', { kind: 'read', key, bins: [] }, { info1: READ | GET_NO_BINS, info2: 0 }],
    ['remove', { kind: 'remove', key }, { info1: 0, info2: INFO2.WRITE | INFO2.DELETE, info3: 0 }],
    [
      'remove that waits for the master alone',
      { kind: 'remove', key, relaxedCommit: true },
      { info2: INFO2.WRITE | INFO2.DELETE, info3: INFO3.COMMIT_LEVEL_MASTER },
    ],
    ['write', write({ kind: 'unset', bin: 'a' }), { info1: 0, info2: INFO2.WRITE, info3: 0, recordTtl: 0 }],
    [
      'create',
      write({ kind: 'unset', bin: 'a' }, { exists: 'create-only' }),
      { info2: INFO2.WRITE | INFO2.CREATE_ONLY, info3: 0 },
    ],
    [
      'update with a time to live',
      write({ kind: 'unset', bin: 'a' }, { exists: 'update-only', ttlSeconds: 30 }),
      { info2: INFO2.WRITE, info3: INFO3.UPDATE_ONLY, recordTtl: 30 },
    ],
    ['apply', { kind: 'apply', key, module: 'm', function: 'f', args: [] }, { info1: 0, info2: INFO2.WRITE }],
  ])('%s', (_, row, expected) => {
    expect(templateOf(row)).toMatchObject(expected)
  })

  it('with its set, its filter and its function', () => {
    const filter = { binExists: 'a' }
    const { fields } = templateOf({ kind: 'apply', key, module: 'm', function: 'f', args: ['x', 7], filter })
    expect(fields.map(({ type }) => type)).toEqual([
      FIELD_TYPES.NAMESPACE,
      FIELD_TYPES.SET,
      FIELD_TYPES.FILTER,
      FIELD_TYPES.UDF_MODULE,
      FIELD_TYPES.UDF_FUNCTION,
      FIELD_TYPES.UDF_ARGUMENTS,
    ])
    expect(fields[1]?.data.toString()).toBe('s')
    expect(fields[2]?.data).toEqual(filterBytes(filter))
    expect(fields[5]?.data.toString('hex')).toBe('92a2037807')
  })

  it('and carries its own number and digest, also where it repeats the row before', () => {
    const bins = ['a', 'b']
    const rows = ['x', 'y', 'z'].map(
      name => ({ kind: 'read', key: { set: 's', userKey: name }, bins }) as const,
    )
    const [first, second, third] = decoded(rows, 70_000)
    expect([first?.index, second?.index, third?.index]).toEqual([70_000, 70_001, 70_002])
    expect(second?.digest).toEqual(recordDigest('s', userKey('y')))
    expect(third?.template).toBe(first?.template)
  })

  it.each<[string, BatchRow, BatchRow]>([
    ['other bins', { kind: 'read', key, bins: ['a'] }, { kind: 'read', key, bins: ['b'] }],
    ['another set', { kind: 'remove', key }, { kind: 'remove', key: { ...key, set: 't' } }],
    ['another filter', { kind: 'remove', key }, { kind: 'remove', key, filter: { binExists: 'a' } }],
    [
      'other arguments',
      { kind: 'apply', key, module: 'm', function: 'f', args: [1] },
      { kind: 'apply', key, module: 'm', function: 'f', args: [2] },
    ],
    ['another commit level', { kind: 'remove', key }, { kind: 'remove', key, relaxedCommit: true }],
    ['another kind', { kind: 'read', key, bins: 'all' }, { kind: 'remove', key }],
  ])('and does not repeat one with %s', (_, one, other) => {
    const [first, second] = decoded([one, other])
    expect(second?.template).not.toBe(first?.template)
    expect(contentOf(second?.template)).toEqual(contentOf(templateOf(other)))
  })
})

/** The row with its operations decoded, wherever in a message they are. */
function contentOf(row: ReturnType<typeof templateOf> | undefined) {
  return row && { ...row, operations: row.operations.list }
}

/** Values of the seam as the other side knows them: plain objects are maps. */
function asValue(value: BinValue): unknown {
  if (Array.isArray(value)) return value.map(asValue)
  if (value instanceof Map) return new Map([...value].map(([name, entry]) => [name, asValue(entry)]))
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  return new Map(Object.entries(value).map(([name, entry]) => [name, asValue(entry as BinValue)]))
}

const scalars = fc.oneof(
  fc.maxSafeInteger(),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
  fc.boolean(),
  fc.string({ unit: 'binary' }),
  fc.uint8Array({ maxLength: 300 }),
)
const values = fc.letrec<{ value: BinValue }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalars,
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 20, noNullPrototype: true }),
    fc.array(fc.tuple(fc.oneof(fc.string(), fc.maxSafeInteger()), tie('value'))).map(pairs => new Map(pairs)),
  ),
})).value

describe('the value of a bin', () => {
  it('arrives as it was put', () => {
    fc.assert(
      fc.property(values, value => {
        const [operation] = templateOf(write({ kind: 'put', bin: 'bin', value })).operations.list
        expect(operation).toMatchObject({ code: OPERATION_CODES.WRITE, name: 'bin' })
        const particle = decodeParticle(operation?.particleType ?? 0, operation?.value ?? Buffer.alloc(0))
        expect(particle).toEqual(asValue(value))
      }),
      { numRuns: 300 },
    )
  })

  it('nested in itself, or too large, or of no known kind is refused', () => {
    const endless: BinValue[] = []
    endless.push(endless)
    for (const value of [endless, 2n ** 63n, 1.5, 2 ** 53, undefined as never, (() => 0) as never])
      expect(() => templateOf(write({ kind: 'put', bin: 'b', value }))).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
      )
  })

  it.each([2n ** 53n, 1.5, 'x' as never])('an addend of %s is refused', value => {
    expect(() => templateOf(write({ kind: 'add', bin: 'a', value }))).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
  })

  it.each([0, -1, 1.5, 10 * 366 * 86_400])('a time to live of %d is refused', ttlSeconds => {
    expect(() => templateOf(write({ kind: 'unset', bin: 'a' }, { ttlSeconds }))).toThrow(
      expect.objectContaining({ field: 'ttlSeconds' }),
    )
  })

  it.each<[WriteOperation, unknown]>([
    [{ kind: 'list-append-unique', bin: 'l', value: 3 }, [1, 3, 0, 5]],
    [{ kind: 'list-remove-value', bin: 'l', value: Uint8Array.of(9) }, [35, 0, Uint8Array.of(9)]],
    [{ kind: 'map-put', bin: 'l', key: 'k', value: [true] }, [67, 'k', [true], 0]],
    [{ kind: 'map-remove', bin: 'l', key: 'k' }, [76, 0, 'k']],
  ])('is changed within by %j', (operation, payload) => {
    const [sent] = templateOf(write(operation)).operations.list
    expect(sent?.code).toBe(OPERATION_CODES.CDT_MODIFY)
    expect(decodeMsgpack(sent?.value ?? Buffer.alloc(0))).toEqual(payload)
  })
})

it('operations that rows share, in any order and number, arrive as those that they do not', () => {
  const put = (bin: string, value: BinValue): WriteOperation => ({ kind: 'put', bin, value })
  const shared: readonly WriteOperation[] = [
    put('version', 1),
    put('locked', false),
    put('list', [Uint8Array.of(1), 'text', -7]),
    { kind: 'unset', bin: 'creating' },
    { kind: 'add', bin: 'spentUtxos', value: 3 },
    { kind: 'map-put', bin: 'map', key: 'k', value: 'a longer text than the others' },
  ]
  const operation = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...shared) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map(value => put('own', value)) },
  )
  const operations = fc.oneof(
    fc.array(operation, { maxLength: 8 }),
    fc.nat(shared.length).map(count => shared.slice(0, count)),
  )
  fc.assert(
    fc.property(fc.array(operations, { minLength: 1, maxLength: 8 }), all => {
      const rows = all.map(each => write({ kind: 'unset', bin: 'any' }, { operations: each }))
      expect(decoded(rows).map(({ template }) => contentOf(template))).toEqual(
        rows.map(row => contentOf(templateOf(row))),
      )
    }),
    { seed: 20_261_122 },
  )
})

it('a request is used again without anything of the one before', () => {
  const request = new BatchRequestBytes('ns')
  const bytesOf = (row: BatchRow): string => {
    request.begin()
    request.add(row, 0, digests.digest(row.key))
    return request.end(1).toString('hex')
  }
  const read = { kind: 'read', key, bins: 'all' } as const
  const fresh = bytesOf(read)
  bytesOf(write({ kind: 'put', bin: 'b', value: new Uint8Array(100_000) }))
  expect(bytesOf(read)).toBe(fresh)
  // The same operations, but no row before them to copy them from.
  const row = write({ kind: 'put', bin: 'c', value: 'text' })
  const first = bytesOf(row)
  bytesOf({ ...read, bins: ['another', 'and another'] })
  expect(bytesOf(row)).toBe(first)
  expect(fresh.length / 2).toBeGreaterThan(FRAME_HEADER_BYTES)
})
