import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { promised } from '../../../../lib/batching/index.ts'
import { createBatchers } from '../../../../lib/store/calls/batchers.ts'
import type { Logger } from '../../../../lib/store/logging/logger.ts'
import { createPartial } from '../../../../lib/store/operations/creation/create-partial.ts'
import type { BatchRow } from '../../../../lib/transport/index.ts'
import { bytes32, contextWith, type Script, ScriptedTransport } from '../../support/store-fixture.ts'

afterEach(() => {
  jest.restoreAllMocks()
})

const OUTPUTS = new Map(
  Array.from({ length: 9 }, (_, vout) => [vout, { satoshis: 5n, lockingScript: Uint8Array.of(0x51) }]),
)

/** Creates a transaction of four pages, one row in a batch and one batch at a time. */
function create(script: Script, settings = {}, signal?: AbortSignal, logger?: Logger) {
  const transport = new ScriptedTransport(script)
  const context = contextWith(
    transport,
    {
      utxoBatchSize: 2,
      maxMinedBatchSize: 1,
      maxMinedRoutines: 1,
      ...settings,
    },
    logger === undefined ? {} : { logger },
  )
  const partial = {
    txid: bytes32(1),
    blockHeight: 1_000,
    isCoinbase: false,
    outputs: [...OUTPUTS.values()],
  }
  const done = promised<void>(end =>
    createPartial(context, createBatchers(context).store, partial, {}, end, signal),
  )
  return { context, done, rows: () => transport.batches.flat() }
}

const absent: Script = row => ({ status: row.kind === 'read' ? 2 : 0 })

describe('several records', () => {
  it('that lose their lock are written no further', async () => {
    // Every look at the clock finds a minute gone, so that the lock is prolonged before each batch.
    let now = 0
    jest.spyOn(performance, 'now').mockImplementation(() => (now += 60_000))
    let prolonged = 0
    const { done, rows } = create((row, index) => {
      const isProlonging =
        row.kind === 'write' && row.exists === 'update-only' && row.ttlSeconds !== undefined
      if (isProlonging && ++prolonged === 3) return { status: 2 }
      return absent(row, index)
    })
    await expect(done).rejects.toMatchObject({ code: 'TX_CREATING' })
    const created = rows().filter(row => row.kind === 'write' && row.exists === 'create-only')
    // The lock and two pages: neither the others nor the master.
    expect(created.map(row => row.key.userKey.length)).toEqual([36, 36, 36])
    expect(rows().at(-1)).toMatchObject({ kind: 'remove' })
  })

  it.each([
    ['pages and master', (): boolean => true],
    ['a page', (userKey: Uint8Array) => userKey.length === 36],
    ['the master', (userKey: Uint8Array) => userKey.length === 32],
  ])('that it has written itself exist, where the answer was lost, of %s', async (_what, isLost) => {
    const events: unknown[] = []
    const log = (fields: object) => events.push((fields as { event: string }).event)
    const isRecord = (row: BatchRow): boolean =>
      row.kind === 'write' && row.exists === 'create-only' && row.ttlSeconds === undefined
    const { done } = create(
      (row, index) => {
        if (isRecord(row) && isLost(row.key.userKey as Uint8Array)) return { status: 5, inDoubt: true }
        // Under the lock, and marked as creating.
        if (row.kind === 'read' && row.key.userKey.length === 36) return { bins: { creating: true } }
        return absent(row, index)
      },
      {},
      undefined,
      { debug: log, info: log, warn: log, error: log },
    )
    await done
    expect(events).toEqual([])
  })

  it('that were there before without such an answer are a repair, and the transaction exists', async () => {
    const { done } = create((row, index) => {
      if (row.kind === 'write' && row.exists === 'create-only' && row.ttlSeconds === undefined)
        return { status: 5 }
      if (row.kind === 'read' && row.key.userKey.length === 36) return { bins: { creating: true } }
      return absent(row, index)
    })
    await expect(done).rejects.toMatchObject({ code: 'TX_EXISTS' })
  })

  it('of a caller who left while others were at the external store are not begun', async () => {
    const caller = new AbortController()
    const { context, done, rows } = create(absent, { externalStoreConcurrency: 1 }, caller.signal)
    await done
    const sent = rows().length
    let end = (): void => {}
    const busy = context.externalPlaces?.withPermit(
      { waitMs: 1_000 },
      () => new Promise<void>(resolve => (end = resolve)),
    )
    const partial = { txid: bytes32(2), blockHeight: 1, isCoinbase: false, outputs: [...OUTPUTS.values()] }
    const waiting = promised<void>(end =>
      createPartial(context, createBatchers(context).store, partial, {}, end, caller.signal),
    )
    caller.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
    end()
    await busy
    expect(rows().length).toBe(sent)
  })

  it('wait for their place at the external store no longer than the store is open', async () => {
    const closing = new AbortController()
    const transport = new ScriptedTransport(absent)
    const settings = { utxoBatchSize: 2, externalStoreConcurrency: 1 }
    const context = contextWith(transport, settings, { closing: closing.signal })
    void context.externalPlaces?.withPermit({ waitMs: 1_000 }, () => new Promise(() => {}))
    const partial = { txid: bytes32(2), blockHeight: 1, isCoinbase: false, outputs: [...OUTPUTS.values()] }
    const waiting = promised<void>(end =>
      createPartial(context, createBatchers(context).store, partial, {}, end, undefined),
    )
    closing.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
    expect(transport.batches).toEqual([])
  })

  it.each([
    ['creates', 'tx_creation', 'TX_EXISTS'],
    ['created', undefined, 'TX_EXISTS'],
    ['removes', 'tx_removal', 'TX_CREATING'],
  ])('are refused where another %s them', async (_, lockType, code) => {
    const locked: Script = row =>
      row.kind === 'read' ? { bins: lockType === undefined ? {} : { lock_type: lockType } } : { status: 5 }
    const { done, rows } = create(locked)
    await expect(done).rejects.toMatchObject({ code })
    expect(rows().map(row => row.key.userKey.length)).toEqual([36, 36, 36])
  })
})
