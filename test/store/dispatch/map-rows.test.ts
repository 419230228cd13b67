import { describe, expect, it } from '@jest/globals'
import { StoreError } from '../../../lib/errors/index.ts'
import { mapRows } from '../../../lib/store/dispatch/map-rows.ts'
import type { RowAnswer } from '../../../lib/transport/index.ts'
import { codeOf } from '../support/handled.ts'
import { bytes32, contextWith, ScriptedTransport } from '../support/store-fixture.ts'

const rows = {
  toRow: (item: number) => ({
    kind: 'read' as const,
    key: { set: 'utxo', userKey: bytes32(item) },
    bins: [],
  }),
  describe: (item: number) => `item ${item}`,
  read: (item: number, answer: RowAnswer | StoreError) =>
    answer instanceof StoreError ? answer.message : `${item}: ${answer.status}`,
}

describe('mapRows', () => {
  it('gives each item its own answer, over several batches, and an error to one without', async () => {
    const transport = new ScriptedTransport(row => {
      const item = (row.key.userKey as Uint8Array)[0] ?? 0
      return item === 2 ? undefined : { status: item }
    })
    const context = contextWith(transport, { maxMinedBatchSize: 2 })
    expect(await mapRows(context, [1, 2, 3], undefined, rows)).toEqual([
      '1: 1',
      expect.stringContaining('item 2'),
      '3: 3',
    ])
    expect(transport.batches.map(batch => batch.length)).toEqual([2, 1])
  })

  it('gives the error of a batch to its items', async () => {
    const context = contextWith({ batchOperate: () => Promise.reject(new Error('down')) })
    expect(await mapRows(context, [1, 2], undefined, rows)).toEqual(
      [1, 2].map(() => expect.stringContaining('down')),
    )
  })

  it('ends with what reading an answer throws', async () => {
    const context = contextWith(new ScriptedTransport(() => ({})))
    const read = (): never => {
      throw new StoreError('STORAGE_ERROR', 'damaged')
    }
    expect(await mapRows(context, [1], undefined, { ...rows, read }).then(codeOf, codeOf)).toBe(
      'STORAGE_ERROR',
    )
  })
})
