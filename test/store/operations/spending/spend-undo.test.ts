import { describe, expect, it } from '@jest/globals'
import { txidToHex } from '../../../../lib/bitcoin/index.ts'
import { undoSpends } from '../../../../lib/store/operations/spending/spend-undo.ts'
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
const spends = spendsBy(SPENDER)

const ABSENT = { status: 2 }
const PRESENT = { bins: {} }
const FAILED = { status: 9 }

async function undone(
  lookUps: Partial<RowAnswer>[],
  { putBack = udfAnswer({ status: 'OK' }), parent = { bins: {}, generation: 5 } as Partial<RowAnswer> } = {},
) {
  const logged: unknown[] = []
  const log = (fields: object) => logged.push((fields as { event: string }).event)
  const answers = [...lookUps]
  const transport = new ScriptedTransport(row => {
    if (looksFor(row, SPENDER)) return answers.shift()
    if (row.kind === 'read') return parent
    return row.kind === 'apply' && row.function === 'spendMulti' ? putBack : udfAnswer({ status: 'OK' })
  })
  const context = contextWith(transport, {}, { logger: { debug: log, info: log, warn: log, error: log } })
  const outcome = await undoSpends(context, SPENDER, spends, new AbortController().signal)
  const steps = transport.batches.map(([row]) => {
    if (row?.kind === 'apply') return row.function
    return row !== undefined && looksFor(row, SPENDER) ? 'look' : 'read parents'
  })
  return { outcome, steps, logged }
}

describe('lesson 33: undoing spends looks for the record before and after, each time anew', () => {
  it.each([
    [[PRESENT], 'spender_exists', ['look']],
    [[FAILED], 'indeterminate', ['look']],
    [[ABSENT, ABSENT], 'fired', ['look', 'read parents', 'unspend', 'look']],
    [[ABSENT, PRESENT], 'reclaimed', ['look', 'read parents', 'unspend', 'look', 'spendMulti']],
    [[ABSENT, FAILED], 'indeterminate', ['look', 'read parents', 'unspend', 'look']],
  ])('look-ups answered %j: %s', async (lookUps, outcome, steps) => {
    expect(await undone(lookUps)).toEqual({ outcome, steps, logged: [] })
  })

  it('leaves everything where a parent says that the transaction has been pruned', async () => {
    const parent = { bins: { deletedChildren: { [txidToHex(SPENDER)]: true } }, generation: 5 }
    expect(await undone([ABSENT], { parent })).toEqual({
      outcome: 'acknowledged_before',
      steps: ['look', 'read parents'],
      logged: [],
    })
  })

  it('tells of an input that another has taken meanwhile', async () => {
    const taken = udfAnswer({
      status: 'ERROR',
      errors: new Map([[0, { errorCode: 'SPENT', message: '', spendingData: '00'.repeat(36) }]]),
    })
    expect(await undone([ABSENT, PRESENT], { putBack: taken })).toMatchObject({
      outcome: 'reclaimed',
      logged: ['spend_lost', 'spend_lost'],
    })
  })
})
