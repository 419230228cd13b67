import { describe, expect, it } from '@jest/globals'
import {
  linkToParents,
  unlinkFromParents,
} from '../../../../lib/store/operations/conflicts/conflict-links.ts'
import type { RowAnswer, WriteRow } from '../../../../lib/transport/index.ts'
import { codeOf } from '../../support/handled.ts'
import { bytes32, contextWith, ScriptedTransport } from '../../support/store-fixture.ts'

const link = (parent: number, child: number) => ({ parentTxid: bytes32(parent), childTxid: bytes32(child) })

describe('lists of conflicting children', () => {
  it.each([
    ['list-append-unique' as const, linkToParents],
    ['list-remove-value' as const, unlinkFromParents],
  ])('change by %s, with one update-only row for each parent', async (kind, change) => {
    const transport = new ScriptedTransport(() => ({}))
    await change(contextWith(transport), [link(1, 8), link(2, 8), link(1, 9)], undefined)
    const row = (parent: number, children: number[]): WriteRow => ({
      kind: 'write',
      key: { set: 'utxo', userKey: bytes32(parent) },
      operations: children.map(child => ({ kind, bin: 'conflictingCs', value: bytes32(child) })),
      exists: 'update-only',
    })
    expect(transport.batches).toEqual([[row(1, [8, 9]), row(2, [8])]])
  })

  it('take several rows, one after the other, for a parent with thousands of children', async () => {
    const transport = new ScriptedTransport(() => ({}))
    const links = Array.from({ length: 2_500 }, (_, child) => ({
      parentTxid: bytes32(1),
      childTxid: new Uint8Array(Buffer.alloc(32, String(child))),
    }))
    await linkToParents(contextWith(transport), links, undefined)
    const sizes = transport.batches.map(rows => rows.map(row => (row as WriteRow).operations.length))
    expect(sizes).toEqual([[1_000], [1_000], [500]])
  })

  it.each<[string, Partial<RowAnswer> | undefined, string]>([
    ['a parent that was pruned', { status: 2 }, 'ok'],
    ['an overload', { status: 18 }, 'STORAGE_ERROR'],
    ['a timeout in doubt', { status: 9, inDoubt: true }, 'STORAGE_ERROR'],
    ['no answer', undefined, 'STORAGE_ERROR'],
  ])('with %s for one of two', async (_, answer, expected) => {
    let first = true
    const transport = new ScriptedTransport(() => {
      const one = first ? answer : {}
      first = false
      return one
    })
    const change = linkToParents(contextWith(transport), [link(1, 8), link(2, 8)], undefined)
    expect(await change.then(codeOf, codeOf)).toBe(expected)
  })

  it('are changed again where the server was busy with the record, and only there', async () => {
    let busy = 2
    const transport = new ScriptedTransport(row => {
      const isFirst = (row.key.userKey as Uint8Array)[0] === 1
      return isFirst && busy-- > 0 ? { status: 14 } : {}
    })
    await linkToParents(contextWith(transport), [link(1, 8), link(2, 8)], undefined)
    expect(transport.batches.map(rows => rows.length)).toEqual([2, 1, 1])
  })

  it('fail when the record stays busy', async () => {
    const transport = new ScriptedTransport(() => ({ status: 14 }))
    const change = linkToParents(contextWith(transport), [link(1, 8)], undefined)
    expect(await change.then(codeOf, codeOf)).toBe('STORAGE_ERROR')
    expect(transport.batches).toHaveLength(5)
  })

  it('fail when the batch fails', async () => {
    const context = contextWith({ batchOperate: () => Promise.reject(new Error('down')) })
    expect(await linkToParents(context, [link(1, 8)], undefined).then(codeOf, codeOf)).toBe('STORAGE_ERROR')
  })
})
