import { describe, expect, it } from '@jest/globals'
import { checkWindow, FreezeError, freezeUtxos } from '../../../../lib/store/operations/freezing/freeze.ts'
import { checkOutputs } from '../../../../lib/store/operations/reading/output-target.ts'
import type { BatchRow, RowAnswer } from '../../../../lib/transport/index.ts'
import { codeOf } from '../../support/handled.ts'
import {
  bytes32,
  contextWith,
  type Script,
  ScriptedTransport,
  udfAnswer,
} from '../../support/store-fixture.ts'

const HASH = bytes32(9)
const SLOTS = { bins: { utxos: new Array(128).fill(HASH) } }
const OK = udfAnswer({ status: 'OK' })

async function freeze(outputs: { txid: Uint8Array; vout: number }[], script: Script = () => undefined) {
  const transport = new ScriptedTransport((row, index) => {
    const scripted = script(row, index)
    if (scripted !== undefined) return scripted
    return row.kind === 'read' ? SLOTS : row.kind === 'write' ? {} : OK
  })
  const context = contextWith(transport)
  const result = await freezeUtxos(
    context,
    checkOutputs(outputs),
    checkWindow(context, { from: 5 }),
    undefined,
  ).catch((error: unknown) => error)
  const codes = result instanceof FreezeError ? result.outputs.map(({ error }) => codeOf(error)) : result
  return { codes, batches: transport.batches }
}

const output = (txid: number, vout = 0) => ({ txid: bytes32(txid), vout })
const isOf = (row: BatchRow, txid: number): boolean => (row.key.userKey as Uint8Array)[0] === txid

describe('freezing in batches', () => {
  it('looks, marks the masters, then freezes: a crash never leaves a freeze that no reader finds', async () => {
    const { batches } = await freeze([output(1, 0), output(1, 130), output(2, 3)])
    expect(batches.map(rows => rows.map(({ kind }) => kind))).toEqual([
      ['read', 'read', 'read'],
      ['write', 'write'],
      ['apply', 'apply', 'apply'],
    ])
    expect(batches[1]).toMatchObject([
      {
        exists: 'update-only',
        key: { userKey: bytes32(1) },
        operations: [
          { kind: 'map-put', bin: 'utxoFreezeRecs', key: 0, value: 1 },
          { kind: 'map-put', bin: 'utxoFreezeRecs', key: 1, value: 1 },
        ],
      },
      { key: { userKey: bytes32(2) } },
    ])
    expect(batches[2]).toMatchObject([{ args: [0, HASH, 5, 0, false] }, { args: [2, HASH, 5, 0, false] }, {}])
  })

  it('never has more rows for one record in a batch than a server queues', async () => {
    const { batches } = await freeze(Array.from({ length: 50 }, (_, vout) => output(1, vout)))
    expect(batches.slice(2).map(rows => rows.length)).toEqual([8, 8, 8, 8, 8, 8, 2])
  })

  it.each<[string, BatchRow['kind'], Partial<RowAnswer>, string]>([
    ['a missing record', 'read', { status: 2 }, 'TX_NOT_FOUND'],
    ['a record that fails', 'read', { status: 9 }, 'STORAGE_ERROR'],
    ['a record without slots', 'read', { bins: {} }, 'STORAGE_ERROR'],
    ['a damaged slot', 'read', { bins: { utxos: [new Uint8Array(5)] } }, 'STORAGE_ERROR'],
    ['an output that was never spendable', 'read', { bins: { utxos: [null] } }, 'TX_NOT_FOUND'],
    ['an output beyond the slots', 'read', { bins: { utxos: [] } }, 'TX_NOT_FOUND'],
    ['a master that is gone', 'write', { status: 2 }, 'TX_NOT_FOUND'],
    ['a master that cannot be marked', 'write', { status: 18 }, 'STORAGE_ERROR'],
    ['a refusal', 'apply', udfAnswer({ status: 'ERROR', errorCode: 'ALREADY_FROZEN' }), 'UTXO_FROZEN'],
    ['an unknown refusal', 'apply', udfAnswer({ status: 'ERROR', errorCode: 'NEW_CODE' }), 'STORAGE_ERROR'],
    ['SPENT without a spender', 'apply', udfAnswer({ status: 'ERROR', errorCode: 'SPENT' }), 'STORAGE_ERROR'],
    [
      'SPENT with a damaged spender',
      'apply',
      udfAnswer({ status: 'ERROR', errorCode: 'SPENT', spendingData: 'zz' }),
      'STORAGE_ERROR',
    ],
    ['lesson 06: an answer that is none', 'apply', { bins: {} }, 'PROCESSING'],
  ])('%s fails its output alone, and is not frozen or marked any further', async (_, kind, answer, code) => {
    const { codes, batches } = await freeze([output(1), output(2), output(3)], row =>
      row.kind === kind && isOf(row, 2) ? answer : undefined,
    )
    expect(codes).toEqual(['ok', code, 'ok'])
    const kinds = batches
      .flat()
      .filter(row => isOf(row, 2))
      .map(row => row.kind)
    expect(kinds.at(-1)).toBe(kind)
  })
})
