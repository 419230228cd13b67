import { expect, it } from '@jest/globals'
import type { Transaction } from '../../../../lib/bitcoin/index.ts'
import { createBatchers } from '../../../../lib/store/calls/batchers.ts'
import { type Spend, SpendError, spend } from '../../../../lib/store/operations/spending/spend.ts'
import { isInDoubt } from '../../../../lib/store/store-errors.ts'
import { RESULT_CODES } from '../../../../lib/transport/index.ts'
import {
  bytes32,
  contextWith,
  looksFor,
  ScriptedTransport,
  spendsBy,
  udfAnswer,
} from '../../support/store-fixture.ts'

const SPENDER = bytes32(200)

const requests = spendsBy(SPENDER)

/** The first input's filtered write was sent twice, its first answer lost; what Lua then says of both. */
async function spentInDoubt(first: Record<string, unknown>) {
  const transport = new ScriptedTransport(row => {
    if (looksFor(row, SPENDER)) return { status: RESULT_CODES.NOT_FOUND }
    if (row.kind === 'read') return { bins: {}, generation: 5 }
    const isFirst = row.key.userKey[0] === 1
    if (row.kind === 'execute') return { status: RESULT_CODES.FILTERED_OUT, inDoubt: isFirst }
    if (row.kind === 'apply' && row.function === 'unspend') return udfAnswer({ status: 'OK' })
    return udfAnswer(
      isFirst ? first : { status: 'ERROR', errors: { 0: { errorCode: 'UTXO_HASH_MISMATCH' } } },
    )
  })
  const context = contextWith(transport, { enableSpendFilterExpressions: 'on' })
  const tx = { txid: SPENDER } as Transaction
  const failure = await new Promise<unknown>((resolve, reject) =>
    spend(
      context,
      createBatchers(context).spend,
      tx,
      requests,
      {
        succeed: (_: Spend[]) => reject(new Error('nothing says that it is spent')),
        fail: resolve,
      },
      undefined,
    ),
  )
  if (!(failure instanceof SpendError)) throw failure
  const undone = transport.batches.flat().filter(row => row.kind === 'apply' && row.function === 'unspend')
  return {
    doubts: failure.spends.map(({ error }) => isInDoubt(error)),
    undone: undone.map(row => row.key.userKey[0]),
  }
}

it.each([
  ['the record', { status: 'ERROR', errorCode: 'CONFLICTING' }],
  ['the record', { status: 'ERROR', errorCode: 'LOCKED' }],
  ['a freeze of the output', { status: 'ERROR', errors: { 0: { errorCode: 'CONSENSUS_FROZEN' } } }],
])('where Lua refuses by %s, a write in doubt stays in doubt, and is undone: %j', async (_what, answer) => {
  expect(await spentInDoubt(answer)).toEqual({ doubts: [true, false], undone: [1] })
})

it('where Lua says what the slot holds there is no doubt', async () => {
  const winner = { errorCode: 'SPENT', spendingData: '11'.repeat(36) }
  const answer = { status: 'ERROR', errors: { 0: winner } }
  expect(await spentInDoubt(answer)).toEqual({ doubts: [false, false], undone: [] })
})
