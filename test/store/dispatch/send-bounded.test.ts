import { describe, expect, it } from '@jest/globals'
import { StoreError } from '../../../lib/errors/index.ts'
import { type BoundedRows, sendBounded } from '../../../lib/store/dispatch/send-bounded.ts'
import type { BatchRow, RowAnswer, Transport } from '../../../lib/transport/index.ts'
import { contextWith, ScriptedTransport } from '../support/store-fixture.ts'

const rowOf = (index: number): BatchRow => ({
  kind: 'read',
  key: { set: 'utxo', userKey: String(index) },
  bins: [],
})

function rowsOf(rows: number, parts: Partial<BoundedRows> = {}): BoundedRows {
  return { rows, rowBytes: 1, toRow: rowOf, read: () => {}, describe: index => `row ${index}`, ...parts }
}

/** Answers when it is told to; notes how many rows were made before, and how many batches wait. */
class HeldTransport implements Transport {
  readonly waiting: (() => void)[] = []
  inFlightMax = 0

  batchOperate(rows: readonly BatchRow[]): Promise<readonly RowAnswer[]> {
    const answers = rows.map((_, index) => ({ index, status: 0, bins: undefined, inDoubt: false }))
    return new Promise(resolve => {
      this.waiting.push(() => resolve(answers))
      this.inFlightMax = Math.max(this.inFlightMax, this.waiting.length)
    })
  }

  async answerAll(): Promise<void> {
    for (;;) {
      await new Promise(setImmediate)
      const answer = this.waiting.shift()
      if (answer === undefined) return
      answer()
    }
  }
}

describe('sendBounded', () => {
  it.each<[string, number, number, number]>([
    ['rows, by the setting', 1, 10, 10],
    ['bytes', 2 ** 16, 10, 4],
    ['one row, however large', 2 ** 20, 10, 1],
  ])('bounds a batch in %s', async (_, rowBytes, maxMinedBatchSize, size) => {
    const transport = new ScriptedTransport(() => ({}))
    await sendBounded(contextWith(transport, { maxMinedBatchSize }), rowsOf(21, { rowBytes }))
    expect(Math.max(...transport.batches.map(({ length }) => length))).toBe(size)
    const sent = transport.batches.flat().map(row => Number(row.key.userKey))
    expect(sent.sort((a, b) => a - b)).toEqual(Array.from({ length: 21 }, (_, index) => index))
  })

  it('keeps four batches in flight at the most, and makes no rows before their batch is due', async () => {
    const transport = new HeldTransport()
    let made = 0
    const rows = rowsOf(100, {
      toRow(index) {
        made += 1
        return rowOf(index)
      },
    })
    const sent = sendBounded(contextWith(transport, { maxMinedBatchSize: 10 }), rows)
    await new Promise(setImmediate)
    expect([transport.waiting.length, made]).toEqual([4, 40])
    await transport.answerAll()
    await sent
    expect([transport.inFlightMax, made]).toEqual([4, 100])
  })

  it('hands every answer to its row, and sends nothing after a failure', async () => {
    const transport = new ScriptedTransport(row => ({ status: row.key.userKey === '3' ? 9 : 0 }))
    const seen = new Map<number, number>()
    const failure = new StoreError('STORAGE_ERROR', 'refused')
    const sent = sendBounded(
      contextWith(transport, { maxMinedBatchSize: 5, maxMinedRoutines: 1 }),
      rowsOf(20, {
        read(index, { status }) {
          seen.set(index, status)
          if (status !== 0) throw failure
        },
      }),
    )
    await expect(sent).rejects.toBe(failure)
    expect([...seen]).toEqual([0, 1, 2, 3, 4].map(index => [index, index === 3 ? 9 : 0]))
    expect(transport.batches.length).toBe(1)
  })

  it.each<[string, () => Partial<RowAnswer> | undefined, string]>([
    ['a row without an answer', () => undefined, 'STORAGE_ERROR'],
    [
      'a batch that fails',
      () => {
        throw new Error('broken')
      },
      'STORAGE_ERROR',
    ],
  ])('%s fails the whole', async (_, script, code) => {
    const sent = sendBounded(contextWith(new ScriptedTransport(script)), rowsOf(3))
    await expect(sent).rejects.toMatchObject({ code })
  })

  it('sends nothing when what has to be done before a batch fails, or the caller has gone', async () => {
    const transport = new ScriptedTransport(() => ({}))
    const context = contextWith(transport)
    const lost = new StoreError('TX_CREATING', 'lost')
    await expect(sendBounded(context, rowsOf(3, { beforeBatch: () => Promise.reject(lost) }))).rejects.toBe(
      lost,
    )
    await expect(sendBounded(context, rowsOf(3), AbortSignal.abort())).rejects.toMatchObject({
      code: 'CONTEXT_CANCELED',
    })
    expect(transport.batches).toEqual([])
  })
})
