import { describe, expect, it } from '@jest/globals'
import {
  BatchRequest,
  decodeMessage,
  decodeMsgpack,
  FIELD_TYPES,
  FrameReader,
  findField,
} from '../../../lib/protocol/index.ts'
import type { BatchRow, ExecuteRow, Filter, WriteStatement } from '../../../lib/transport/index.ts'
import { BatchRequestBytes } from '../../../lib/transport/wire/request.ts'
import { rowWithSharedFilter } from '../../../lib/transport/wire/shared-filter.ts'

/** The first parameter stands in the filter, the second only in what is written. */
const statement: WriteStatement = {
  name: 'test',
  parameters: [{ type: 'int' }, { type: 'int' }],
  exists: 'update-only',
  filter: { compare: 'eq', left: { intBin: 'a' }, right: { parameter: 0 } },
  operations: [{ kind: 'put', bin: 'b', value: { parameter: 1 } }],
}
const withoutFilter: WriteStatement = { ...statement, filter: undefined }
const FILTER: Filter = { compare: 'eq', left: { intBin: 'a' }, right: 1 }

let keys = 0
const key = () => ({ set: 's', userKey: Uint8Array.of(++keys & 255, 1) })
const execute = (args: ExecuteRow['args'], other = statement): BatchRow => ({
  kind: 'execute',
  key: key(),
  statement: other,
  args,
})
const read = (filter: Filter | undefined): BatchRow => ({ kind: 'read', key: key(), bins: 'all', filter })
const remove = (filter: Filter | undefined): BatchRow => ({ kind: 'remove', key: key(), filter })

describe('a filter is shared', () => {
  it.each<[string, BatchRow[]]>([
    ['of one statement with the same arguments', [execute([1, 2]), execute([1, 2])]],
    ['with other arguments for what is written', [execute([1, 2]), execute([1, 3]), execute([1, 4])]],
    ['of rows of any kind', [read(FILTER), remove(FILTER)]],
  ])('%s', (_, rows) => {
    expect(rowWithSharedFilter(rows)).toBe(rows[0])
  })

  it.each<[string, BatchRow[]]>([
    ['of no row', []],
    ['of a row alone', [execute([1, 2])]],
    ['with another argument in it', [execute([1, 2]), execute([1, 2]), execute([2, 2])]],
    ['of two statements', [execute([1, 2]), execute([1, 2], { ...statement })]],
    ['where a statement has none', [execute([1, 2], withoutFilter), execute([1, 2], withoutFilter)]],
    ['where the last row has none', [read(FILTER), read(FILTER), read(undefined)]],
    ['where the first row has none', [read(undefined), read(FILTER)]],
    ['where two are equal, but not the same', [read(FILTER), read({ ...FILTER })]],
    ['with a statement among other rows', [execute([1, 2]), read(FILTER)]],
    ['with other rows behind a statement', [read(FILTER), execute([1, 2])]],
  ])('but not %s', (_, rows) => {
    expect(rowWithSharedFilter(rows)).toBeUndefined()
  })
})

/** What a server reads of the rows of one request. */
function decoded(rows: readonly BatchRow[], likeAll: BatchRow | undefined) {
  const request = new BatchRequestBytes('ns')
  const bytesOf = (): Buffer => {
    request.begin(likeAll)
    for (const [index, row] of rows.entries()) request.add(row, index, String(index).padStart(20, '.'))
    return Buffer.from(request.end(1_000))
  }
  const bytes = bytesOf()
  // The buffer serves again, and nothing of the request before may be left.
  const unshared = (to: BatchRequestBytes): Buffer => {
    to.begin()
    for (const row of rows) to.add(row, 0, '.'.repeat(20))
    return Buffer.from(to.end(1_000))
  }
  expect(unshared(request).equals(unshared(new BatchRequestBytes('ns')))).toBe(true)
  expect(bytesOf().equals(bytes)).toBe(true)
  const reader = new FrameReader()
  reader.push(bytes)
  const { fields } = decodeMessage(reader.next()?.body ?? Buffer.alloc(0))
  const batch = new BatchRequest(findField(fields, FIELD_TYPES.BATCH) ?? Buffer.alloc(0))
  const filter = findField(fields, FIELD_TYPES.FILTER)
  return {
    filter: filter === undefined ? undefined : decodeMsgpack(filter),
    rows: [...batch.rows()].map(({ index, template }) => ({
      index,
      hasFilter: findField(template.fields, FIELD_TYPES.FILTER) !== undefined,
      written: template.operations.list.map(({ value }) => Buffer.from(value).toString('hex')),
    })),
    bytes: bytes.length,
  }
}

describe('a request', () => {
  it('has a shared filter once, with the arguments in it, and each row has its own operations', () => {
    const rows = [execute([7, 1]), execute([7, 2])]
    const shared = decoded(rows, rows[0])
    const own = decoded(rows, undefined)
    expect(shared.rows).toEqual([
      { index: 0, hasFilter: false, written: ['0000000000000001'] },
      { index: 1, hasFilter: false, written: ['0000000000000002'] },
    ])
    expect(own.rows).toEqual(shared.rows.map(row => ({ ...row, hasFilter: true })))
    expect(own.filter).toBeUndefined()
    expect(shared.filter).toEqual([1, [81, 2, Uint8Array.of(97)], 7])
    expect(shared.bytes).toBeLessThan(own.bytes)
  })

  it('repeats a row of a statement only where its arguments are the very same', () => {
    const args = [7, 1] as const
    const same = [execute(args), execute(args), execute(args)]
    const equal = [execute([7, 1]), execute([7, 1]), execute([7, 1])]
    const { rows, bytes } = decoded(same, same[0])
    expect(rows).toEqual(decoded(equal, equal[0]).rows)
    const one = decoded(same.slice(0, 1), same[0]).bytes
    expect(bytes - one).toBe(2 * 25)
    const other = [execute(args), execute(args, { ...statement, operations: [] }), execute([7, 2])]
    expect(decoded(other, undefined).rows.map(({ written }) => written)).toEqual([
      ['0000000000000001'],
      [],
      ['0000000000000002'],
    ])
  })
})
