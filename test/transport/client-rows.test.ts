import { describe, expect, it } from '@jest/globals'
import Aerospike from 'aerospike'
import { clientRow } from '../../lib/transport/client/client-rows.ts'
import type { BatchRow, Filter, WriteOperation } from '../../lib/transport/index.ts'

const key = { set: 's', userKey: Uint8Array.of(1) }
const filter: Filter = { binExists: 'a' }
const policyOf = (row: BatchRow) => clientRow(row, 'ns').policy as Record<string, unknown>
const write = (operation: WriteOperation, more: Partial<BatchRow> = {}): BatchRow =>
  ({ kind: 'write', key, exists: 'update-only', operations: [operation], ...more }) as BatchRow

describe('a filter', () => {
  it.each<[string, BatchRow]>([
    ['read', { kind: 'read', key, bins: ['a'], filter }],
    ['read of all bins', { kind: 'read', key, bins: 'all', filter }],
    ['write', write({ kind: 'unset', bin: 'a' }, { filter })],
    ['apply', { kind: 'apply', key, module: 'm', function: 'f', args: [], filter }],
    ['remove', { kind: 'remove', key, filter }],
  ])('goes with a %s', (_, row) => {
    expect(policyOf(row).filterExpression).toBeInstanceOf(Array)
  })

  it('does not cost a write its other policies', () => {
    const plain = policyOf(write({ kind: 'unset', bin: 'a' }))
    const filtered = policyOf(write({ kind: 'unset', bin: 'a' }, { filter }))
    expect({ ...filtered, filterExpression: undefined }).toEqual({ ...plain, filterExpression: undefined })
  })

  it.each<[Filter]>([
    [{ and: [] }],
    [{ or: [] }],
    [{ compare: 'eq', left: { intBin: 'a' }, right: 1.5 }],
    [{ compare: 'eq', left: { intBin: 'a' }, right: 2 ** 53 }],
  ])('%j is refused before anything is sent', bad => {
    expect(() => clientRow({ kind: 'remove', key, filter: bad }, 'ns')).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
  })
})

it('a removal is answered by the master copy alone where that is enough', () => {
  const { MASTER } = Aerospike.policy.commitLevel
  expect(policyOf({ kind: 'remove', key, relaxedCommit: true, filter })).toMatchObject({
    commitLevel: MASTER,
    filterExpression: expect.any(Array),
  })
  expect(policyOf({ kind: 'remove', key, filter }).commitLevel).not.toBe(MASTER)
  expect(clientRow({ kind: 'remove', key }, 'ns').policy).toBeUndefined()
})

describe('a time to live', () => {
  it('is the namespace’s default where absent, and what is given otherwise', () => {
    const unset = { kind: 'unset', bin: 'a' } as const
    const standard = policyOf(write(unset)).ttl
    expect(policyOf(write(unset, { filter })).ttl).toBe(standard)
    expect(policyOf(write(unset, { ttlSeconds: 30 })).ttl).toBe(30)
  })

  it.each([0, -1, 1.5, 10 * 366 * 86_400])('of %d is refused', ttlSeconds => {
    expect(() => clientRow(write({ kind: 'unset', bin: 'a' }, { ttlSeconds }), 'ns')).toThrow(
      expect.objectContaining({ field: 'ttlSeconds' }),
    )
  })
})

it.each([2n ** 53n, -(2n ** 60n), 'x' as never])('an addend of %s is refused', value => {
  expect(() => clientRow(write({ kind: 'add', bin: 'a', value }), 'ns')).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
  )
})
