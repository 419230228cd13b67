import { describe, expect, it } from '@jest/globals'
import type { Transaction } from '../../../../lib/bitcoin/index.ts'
import { type ErrorCode, StoreError } from '../../../../lib/errors/index.ts'
import type { SpendRequest } from '../../../../lib/store/operations/spending/spend-dispatch.ts'
import { rollBack } from '../../../../lib/store/operations/spending/spend-rollback.ts'
import type { RowAnswer } from '../../../../lib/transport/index.ts'
import {
  bytes32,
  contextWith,
  looksFor,
  ScriptedTransport,
  spendsBy,
  udfAnswer,
} from '../../support/store-fixture.ts'

const SPENDER = bytes32(200)
const tx = { txid: SPENDER } as Transaction

const succeeded = spendsBy(SPENDER)

/** @param spenderRecord the answer to the look-up of the spending transaction's record */
async function rolledBack(
  codes: ErrorCode[],
  spenderRecord: Partial<RowAnswer> | undefined,
  { spends = succeeded, written = [] as readonly SpendRequest[] } = {},
) {
  const transport = new ScriptedTransport(row =>
    looksFor(row, SPENDER) ? spenderRecord : row.kind === 'read' ? PARENT : udfAnswer({ status: 'OK' }),
  )
  const outcome = await rollBack(
    contextWith(transport),
    tx,
    { spends, written: new Set(written) },
    codes.map(code => new StoreError(code, code)),
  )
  const unspent = transport.batches.flat().filter(row => row.kind === 'apply').length
  return { outcome, unspent }
}

const WRITTEN = { spends: succeeded, written: new Set(succeeded) }

const ABSENT = { status: 2 }
const PRESENT = { bins: {} }
const PARENT = { bins: {}, generation: 5 }

describe('rollBack (semantics 3.5, #1214)', () => {
  it.each<[ErrorCode[], Partial<RowAnswer> | undefined, string, number]>([
    [['UTXO_SPENT'], ABSENT, 'fired', 2],
    [['TX_NOT_FOUND'], ABSENT, 'fired', 2],
    [['STORAGE_ERROR'], ABSENT, 'fired', 2],
    [['UTXO_SPENT'], PRESENT, 'spender_exists', 0],
    [['UTXO_SPENT'], { status: 9 }, 'indeterminate', 0],
    [['UTXO_SPENT'], undefined, 'indeterminate', 0],
    [['TX_LOCKED'], ABSENT, 'transient_lock', 0],
    [['TX_LOCKED', 'TX_NOT_FOUND'], ABSENT, 'transient_lock', 0],
    [['TX_CREATING'], ABSENT, 'transient_creating', 0],
    [['TX_LOCKED', 'TX_CREATING'], ABSENT, 'transient_lock', 0],
    [['TX_LOCKED', 'UTXO_SPENT'], ABSENT, 'fired', 2],
    [['TX_CREATING', 'TX_CONFLICTING'], ABSENT, 'fired', 2],
    [['TX_LOCKED', 'UTXO_FROZEN'], ABSENT, 'fired', 2],
    [['TX_LOCKED', 'UTXO_CONSENSUS_FROZEN'], ABSENT, 'fired', 2],
    [['TX_LOCKED', 'UTXO_HASH_MISMATCH'], ABSENT, 'fired', 2],
  ])('%j with the spender’s record %j: %s', async (codes, record, outcome, unspent) => {
    expect(await rolledBack(codes, record)).toEqual({ outcome, unspent })
  })

  it('does nothing, not even look, when nothing succeeded', async () => {
    expect(await rolledBack(['UTXO_SPENT'], ABSENT, { spends: [] })).toEqual({
      outcome: 'nothing',
      unspent: 0,
    })
  })

  describe('where a parent says that the transaction was pruned', () => {
    it.each<[ErrorCode[]]>([
      [['UTXO_ERROR']],
      [['UTXO_ERROR', 'UTXO_SPENT']],
      [['TX_LOCKED', 'UTXO_ERROR', 'UTXO_SPENT']],
    ])('leaves what it may have held before: %j', async codes => {
      expect(await rolledBack(codes, ABSENT)).toEqual({ outcome: 'acknowledged_before', unspent: 0 })
    })

    it('undoes what was unspent until this attempt wrote it', async () => {
      const written = succeeded.slice(1)
      expect(await rolledBack(['UTXO_ERROR'], ABSENT, { written })).toEqual({ outcome: 'fired', unspent: 1 })
    })

    it('leaves that, too, where the transaction has a record', async () => {
      const outcome = await rolledBack(['UTXO_ERROR'], PRESENT, { written: succeeded })
      expect(outcome).toEqual({ outcome: 'spender_exists', unspent: 0 })
    })
  })

  it('leaves a spend that was acknowledged before, and does not even look', async () => {
    const transport = new ScriptedTransport(() => udfAnswer({ status: 'OK' }))
    const context = contextWith(transport)
    context.acknowledgedSpends.add(SPENDER)
    expect(await rollBack(context, tx, WRITTEN, [new StoreError('UTXO_SPENT', '')])).toBe(
      'acknowledged_before',
    )
    expect(transport.batches).toEqual([])
  })

  it('never throws: a transport that fails leaves everything as it is', async () => {
    const context = contextWith({ batchOperate: () => Promise.reject(new Error('down')) })
    expect(await rollBack(context, tx, WRITTEN, [new StoreError('UTXO_SPENT', '')])).toBe('indeterminate')
  })
})
