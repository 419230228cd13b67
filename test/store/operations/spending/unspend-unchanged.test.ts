import { describe, expect, it } from '@jest/globals'
import { txidToHex } from '../../../../lib/bitcoin/index.ts'
import { encodeSpendingData } from '../../../../lib/record/index.ts'
import { unspendUnchanged } from '../../../../lib/store/operations/spending/unspend-unchanged.ts'
import type { BatchRow, RowAnswer } from '../../../../lib/transport/index.ts'
import { bytes32, contextWith, ScriptedTransport, udfAnswer } from '../../support/store-fixture.ts'

const SPENDER = bytes32(200)
const CHANGED = udfAnswer({ status: 'ERROR', errorCode: 'CHANGED', message: 'changed' })
const OK = udfAnswer({ status: 'OK' })

/** Undoes spends of outputs, each `parent:vout`; `read` and `undo` script the answers by the parent's number. */
async function undone(
  outputs: readonly (readonly [parent: number, vout: number])[],
  read: (parent: number) => Partial<RowAnswer> | undefined,
  undo: (parent: number, generation: unknown) => Partial<RowAnswer> | undefined,
  isDecided = false,
) {
  const transport = new ScriptedTransport((row: BatchRow) => {
    const parent = (row.key.userKey as Uint8Array)[0] ?? 0
    return row.kind === 'apply' ? undo(parent, row.args[5]) : read(parent)
  })
  const errors = await unspendUnchanged(
    contextWith(transport),
    outputs.map(([parent, vout], vin) => ({
      txid: bytes32(parent),
      vout,
      utxoHash: bytes32(9),
      spendingData: encodeSpendingData({ txid: SPENDER, vin }),
    })),
    1_000,
    { isDecided },
  )
  const generations = transport.batches
    .flat()
    .flatMap(row => (row.kind === 'apply' ? [[row.key.userKey[0], row.args[5]]] : []))
  return { codes: errors.map(error => error?.code), generations }
}

describe('undoing spends of a rollback, each only while its record is as it was read', () => {
  it('sends the generation that it has read', async () => {
    const result = await undone(
      [
        [1, 0],
        [2, 0],
      ],
      parent => ({ bins: {}, generation: 10 * parent }),
      () => OK,
    )
    expect(result).toEqual({
      codes: [undefined, undefined],
      generations: [
        [1, 10],
        [2, 20],
      ],
    })
  })

  it.each([
    ['an object', { [txidToHex(SPENDER)]: true }],
    ['a map', new Map([[txidToHex(SPENDER), true]])],
  ])(
    'undoes nothing where one record says, by %s, that the spender has been pruned',
    async (_what, marks) => {
      const result = await undone(
        [
          [1, 0],
          [2, 0],
          [2, 1],
        ],
        parent => ({ bins: parent === 2 ? { deletedChildren: marks } : {}, generation: 5 }),
        () => OK,
      )
      expect(result).toEqual({ codes: ['UTXO_ERROR', 'UTXO_ERROR', 'UTXO_ERROR'], generations: [] })
    },
  )

  it('undoes what a record has of another spender than those that it says have been pruned', async () => {
    const result = await undone(
      [[1, 0]],
      () => ({ bins: { deletedChildren: { [txidToHex(bytes32(201))]: true } }, generation: 5 }),
      () => OK,
    )
    expect(result).toEqual({ codes: [undefined], generations: [[1, 5]] })
  })

  it('undoes what a pruned spender holds where that is decided', async () => {
    const marks = { [txidToHex(SPENDER)]: true }
    const read = () => ({ bins: { deletedChildren: marks }, generation: 5 })
    const result = await undone([[1, 0]], read, () => OK, true)
    expect(result).toEqual({ codes: [undefined], generations: [[1, 5]] })
  })

  it('reads a record anew that was written meanwhile', async () => {
    let generation = 5
    const result = await undone(
      [[1, 0]],
      () => ({ bins: {}, generation }),
      (_parent, sent) => {
        if (sent === 7) return OK
        generation++
        return CHANGED
      },
    )
    expect(result).toEqual({
      codes: [undefined],
      generations: [
        [1, 5],
        [1, 6],
        [1, 7],
      ],
    })
  })

  it('undoes two outputs of one record one after the other', async () => {
    let generation = 5
    const result = await undone(
      [
        [1, 0],
        [1, 1],
      ],
      () => ({ bins: {}, generation }),
      (_parent, sent) => (sent === generation++ ? OK : CHANGED),
    )
    expect(result).toEqual({
      codes: [undefined, undefined],
      generations: [
        [1, 5],
        [1, 6],
      ],
    })
  })

  it('gives up on a record that others never cease to write', async () => {
    const result = await undone(
      [[1, 0]],
      () => ({ bins: {}, generation: 5 }),
      () => CHANGED,
    )
    expect(result.codes).toEqual(['STORAGE_ERROR'])
    expect(result.generations.length).toBeLessThan(20)
  })

  it.each([
    ['cannot be read', { status: 9 }, ['STORAGE_ERROR']],
    ['is gone', { status: 2 }, ['TX_NOT_FOUND']],
    ['has no answer', undefined, ['STORAGE_ERROR']],
  ])('does not touch a record that %s', async (_name, answer, codes) => {
    expect(
      await undone(
        [[1, 0]],
        () => answer,
        () => OK,
      ),
    ).toEqual({ codes, generations: [] })
  })
})
