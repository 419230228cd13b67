import { describe, expect, it, jest } from '@jest/globals'
import type { StoreError } from '../../../../lib/errors/index.ts'
import { encodeSpendingData } from '../../../../lib/record/index.ts'
import { createBatchers } from '../../../../lib/store/calls/batchers.ts'
import { CallGate } from '../../../../lib/store/calls/call-gate.ts'
import type { StoreContext } from '../../../../lib/store/context/store-context.ts'
import { type Spend, SpendError, spend } from '../../../../lib/store/operations/spending/spend.ts'
import type { SpendRequest } from '../../../../lib/store/operations/spending/spend-dispatch.ts'
import { sampleTransaction } from '../../support/sample-transaction.ts'
import {
  bytes32,
  contextWith,
  looksFor,
  type Script,
  ScriptedTransport,
  udfAnswer,
} from '../../support/store-fixture.ts'

const tx = sampleTransaction()
const FLAGS = {
  ignoreConflicting: false,
  ignoreLocked: false,
  ignorePolicyFreeze: false,
  ignoreConsensusFreeze: false,
}

const inputs = (count: number): SpendRequest[] =>
  Array.from({ length: count }, (_, vin) => ({
    txid: bytes32(1),
    vout: vin,
    utxoHash: bytes32(9),
    spendingData: encodeSpendingData({ txid: tx.txid, vin }),
    blockHeight: 1_000,
    flags: FLAGS,
  }))

/** A spend as the public call runs it. */
async function called(
  script: Script,
  count: number,
  sabotage: (context: StoreContext) => void = () => {},
  transport = new ScriptedTransport(script),
) {
  const context = contextWith(transport, { spendBatcherDurationMillis: 0 })
  const batchers = createBatchers(context)
  sabotage(context)
  const outcome = await new CallGate(context)
    .admitTo<Spend[]>({ name: 'spend' }, {}, (end, signal) =>
      spend(context, batchers.spend, tx, inputs(count), end, signal),
    )
    .catch((error: StoreError) => error)
  await batchers.spend.close()
  return outcome
}

const thrown = () => {
  throw new TypeError('a mistake of ours')
}

describe('spend', () => {
  it.each<[string, (context: StoreContext) => void]>([
    [
      'before anything is sent',
      context => jest.spyOn(context.spendBreaker, 'admit').mockImplementation(thrown),
    ],
    ['after the answers', context => jest.spyOn(context.spendBreaker, 'release').mockImplementation(thrown)],
    [
      'after the success',
      context => jest.spyOn(context.acknowledgedSpends, 'add').mockImplementation(thrown),
    ],
  ])(
    'lesson 22: an exception %s is UNKNOWN: no success, and nothing that callers retry for ever',
    async (_, sabotage) => {
      const outcome = await called(() => udfAnswer({ status: 'OK' }), 2, sabotage)
      expect(outcome).toMatchObject({ code: 'UNKNOWN', cause: expect.any(TypeError) })
    },
  )

  it.each([
    ['without a verdict', 'NEVER_HEARD_OF', [0, 1]],
    ['that was refused', 'UTXO_HASH_MISMATCH', [0]],
  ])(
    'an input %s fails the whole, and those that may be applied are undone',
    async (_, errorCode, undone) => {
      const refuseSecond: Script = row => {
        if (looksFor(row, tx.txid)) return { status: 2 }
        if (row.kind === 'read') return { bins: {}, generation: 5 }
        if (row.kind !== 'apply' || row.function !== 'spendMulti') return udfAnswer({ status: 'OK' })
        return udfAnswer({ status: 'ERROR', errors: new Map([[1, { errorCode, message: 'm' }]]) })
      }
      const transport = new ScriptedTransport(refuseSecond)
      const error = (await called(refuseSecond, 2, () => {}, transport)) as SpendError
      expect(error).toBeInstanceOf(SpendError)
      expect(error.spends.map(entry => entry.error === undefined)).toEqual([true, false])
      const undos = transport.batches.flat().filter(row => row.kind === 'apply' && row.function === 'unspend')
      expect(undos.map(row => (row.kind === 'apply' ? row.args[0] : undefined))).toEqual(undone)
    },
  )

  it('lesson 25: of thousands of failing inputs each has its error, and the aggregate only the first ten', async () => {
    const count = 4_000
    const refuseAll: Script = row => {
      const [spends] = (row.kind === 'apply' ? row.args : []) as unknown as [{ idx: number }[]]
      const entry = { errorCode: 'UTXO_HASH_MISMATCH', message: 'm' }
      return udfAnswer({ status: 'ERROR', errors: new Map(spends.map(({ idx }) => [idx, entry])) })
    }
    const error = (await called(refuseAll, count)) as SpendError
    expect(error).toBeInstanceOf(SpendError)
    const misplaced = error.spends.filter(
      (entry, vin) => entry.vout !== vin || entry.error?.code !== 'UTXO_HASH_MISMATCH',
    )
    expect([error.spends.length, misplaced]).toEqual([count, []])
    // A chain, or a text of them all, would grow with the square of the inputs where it is passed on.
    const { errors } = error.cause as AggregateError
    expect(errors).toEqual(error.spends.slice(0, 10).map(entry => entry.error))
    expect(errors.map(({ cause }) => cause)).toEqual(new Array(10).fill(undefined))
    expect(error.message.length).toBeLessThan(500)
  })
})
