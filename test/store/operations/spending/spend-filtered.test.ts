import { describe, expect, it } from '@jest/globals'
import { StoreError } from '../../../../lib/errors/index.ts'
import { encodeSpendingData, FROZEN_SENTINEL } from '../../../../lib/record/index.ts'
import { createBatchers } from '../../../../lib/store/calls/batchers.ts'
import type { Admission } from '../../../../lib/store/context/circuit-breaker.ts'
import { type SpendRequest, spendHandler } from '../../../../lib/store/operations/spending/spend-dispatch.ts'
import { isInDoubt } from '../../../../lib/store/store-errors.ts'
import { BatchError, type BatchRow, RESULT_CODES, type RowAnswer } from '../../../../lib/transport/index.ts'
import { codeOf, handled } from '../../support/handled.ts'
import {
  bytes32,
  contextWith,
  type Script,
  ScriptedTransport,
  udfAnswer,
} from '../../support/store-fixture.ts'

const HEIGHT = 1_000

const request = (parent: number, vout = 0, more: Partial<SpendRequest> = {}): SpendRequest => ({
  txid: bytes32(parent),
  vout,
  utxoHash: bytes32(99),
  spendingData: encodeSpendingData({ txid: bytes32(200), vin: vout }),
  blockHeight: HEIGHT,
  flags: {
    ignoreConflicting: false,
    ignoreLocked: false,
    ignorePolicyFreeze: false,
    ignoreConsensusFreeze: false,
  },
  ...more,
})

const OK = udfAnswer({ status: 'OK' })
const byLua =
  (answer: Partial<RowAnswer>, lua: Partial<RowAnswer> = OK): Script =>
  row =>
    row.kind === 'execute' ? answer : lua

async function spend(requests: readonly SpendRequest[], script: Script) {
  const transport = new ScriptedTransport(script)
  const context = contextWith(transport, {
    enableSpendFilterExpressions: 'on',
    blockHeightRetention: 10,
    spendCircuitBreakerFailureCount: 3,
  })
  const outcomes = await handled(spendHandler(context), requests)
  return { codes: outcomes.map(codeOf), answers: outcomes, batches: transport.batches, context }
}

const kinds = (batches: readonly (readonly BatchRow[])[]): string[][] =>
  batches.map(rows => rows.map(row => row.kind))

describe('filtered writes', () => {
  it('are all there is where they pass: one row for each input, and no call of Lua', async () => {
    const { codes, batches } = await spend([request(1), request(1, 1), request(2, 130)], byLua({}))
    expect(codes).toEqual(['ok', 'ok', 'ok'])
    expect(kinds(batches)).toEqual([['execute', 'execute', 'execute']])
    expect(batches.flat().map(row => row.kind === 'execute' && row.args)).toEqual([
      [0, bytes32(99), request(1).spendingData, HEIGHT + 10],
      [1, bytes32(99), request(1, 1).spendingData, HEIGHT + 10],
      [2, bytes32(99), request(2, 130).spendingData, HEIGHT + 10],
    ])
    expect(batches.flat().map(row => row.key.userKey.length)).toEqual([32, 32, 36])
  })

  it.each([
    ['their filter', RESULT_CODES.FILTERED_OUT],
    ['the condition of an operation', RESULT_CODES.OP_NOT_APPLICABLE],
  ])('leave to Lua what %s did not let through, and only that', async (_what, status) => {
    let row = 0
    const script: Script = ({ kind }) => (kind === 'execute' ? { status: row++ === 1 ? status : 0 } : OK)
    const { codes, answers, batches } = await spend([request(1), request(1, 1), request(2)], script)
    expect(codes).toEqual(['ok', 'ok', 'ok'])
    expect(kinds(batches)).toEqual([['execute', 'execute', 'execute'], ['apply']])
    // Lua does not tell whether the output was spent by the same transaction before.
    expect(answers).toEqual(['wrote', 'held', 'wrote'])
    expect(batches[1]?.map(row => row.kind === 'apply' && row.args[0])).toEqual([
      [expect.objectContaining({ idx: 0, offset: 1, vOut: 1 })],
    ])
  })

  it('give every claim the verdict of Lua that they have left to it', async () => {
    const lua = udfAnswer({ status: 'ERROR', errors: { 1: { errorCode: 'UTXO_HASH_MISMATCH' } } })
    const { codes } = await spend(
      [request(1), request(1, 1)],
      byLua({ status: RESULT_CODES.FILTERED_OUT }, lua),
    )
    expect(codes).toEqual(['ok', 'UTXO_HASH_MISMATCH'])
  })

  it('also leave it the rows that were refused because too many waited for a record', async () => {
    const { codes, batches } = await spend(
      [request(1), request(1, 1)],
      byLua({ status: RESULT_CODES.KEY_BUSY }),
    )
    expect(codes).toEqual(['ok', 'ok'])
    expect(kinds(batches)).toEqual([['execute', 'execute'], ['apply']])
  })

  it.each<[string, Partial<RowAnswer> | undefined, string]>([
    ['a record that is gone', { status: RESULT_CODES.NOT_FOUND }, 'TX_NOT_FOUND'],
    ['a timeout', { status: RESULT_CODES.TIMEOUT }, 'STORAGE_ERROR'],
    ['a timeout in doubt', { status: RESULT_CODES.TIMEOUT, inDoubt: true }, 'STORAGE_ERROR'],
    ['no answer', undefined, 'STORAGE_ERROR'],
  ])('fail their input with %s, as calls of Lua do', async (_case, answer, code) => {
    const script: Script = row => (row.key.userKey[0] === 1 ? answer : {})
    const { codes, batches } = await spend([request(1), request(2)], script)
    expect(codes).toEqual([code, 'ok'])
    expect(batches).toHaveLength(1)
  })

  it('leave a row that is filtered out in doubt to Lua: its first attempt may have spent the output', async () => {
    const { codes, batches } = await spend([request(1)], row =>
      row.kind === 'execute' ? { status: RESULT_CODES.FILTERED_OUT, inDoubt: true } : OK,
    )
    expect(codes).toEqual(['ok'])
    expect(kinds(batches)).toEqual([['execute'], ['apply']])
  })

  it.each<[string, Partial<RowAnswer> | Error | undefined]>([
    ['is refused for load', { status: RESULT_CODES.DEVICE_OVERLOAD }],
    ['is refused', { status: RESULT_CODES.PARAMETER }],
    ['has no answer', undefined],
    ['answers what nobody understands', { bins: {} }],
    ['is refused with its batch', new BatchError('refused', RESULT_CODES.DEVICE_OVERLOAD, false)],
    ['is lost with its batch', new BatchError('lost', RESULT_CODES.TIMEOUT, true)],
    ['is not sent', new StoreError('SERVICE_UNAVAILABLE', 'closing')],
  ])('in doubt say so where the call of Lua %s, and only of their own input', async (_what, lua) => {
    const { answers } = await spend([request(1), request(1, 1), request(2)], row => {
      if (row.kind === 'execute')
        return { status: RESULT_CODES.FILTERED_OUT, inDoubt: row.args[0] === 0 && row.key.userKey[0] === 1 }
      if (lua instanceof Error) throw lua
      return lua
    })
    const isAll = lua === undefined || (lua instanceof BatchError && lua.inDoubt)
    expect(answers.map(answer => answer instanceof StoreError && isInDoubt(answer))).toEqual([
      true,
      isAll,
      isAll,
    ])
    expect((answers[0] as StoreError).message).toContain('may have been applied')
    if (lua instanceof StoreError) expect(answers).toMatchObject(answers.map(() => ({ code: lua.code })))
  })

  it('in doubt are in none once Lua has given its verdict on the output', async () => {
    const verdicts = [
      { status: RESULT_CODES.NOT_FOUND },
      udfAnswer({ status: 'ERROR', errors: { 0: { errorCode: 'UTXO_HASH_MISMATCH' } } }),
    ]
    for (const lua of verdicts) {
      const { answers } = await spend(
        [request(1)],
        byLua({ status: RESULT_CODES.FILTERED_OUT, inDoubt: true }, lua),
      )
      expect(answers).toEqual([expect.any(StoreError)])
      expect(answers.map(answer => answer instanceof StoreError && isInDoubt(answer))).toEqual([false])
    }
  })

  it('are not followed by Lua for callers who have gone meanwhile', async () => {
    const caller = new AbortController()
    const transport = new ScriptedTransport(row => {
      if (row.kind !== 'execute') return OK
      caller.abort()
      return { status: RESULT_CODES.FILTERED_OUT }
    })
    const context = contextWith(transport, {
      enableSpendFilterExpressions: 'on',
      spendBatcherDurationMillis: 0,
    })
    const batchers = createBatchers(context)
    await expect(batchers.spend.submit(request(1), { signal: caller.signal })).rejects.toMatchObject({
      code: 'CONTEXT_CANCELED',
    })
    await batchers.spend.close()
    expect(kinds(transport.batches)).toEqual([['execute']])
  })

  it('fail their inputs when the batch as a whole fails; the others still go to Lua', async () => {
    const many = [0, 1, 2, 3, 4].map(vout => request(2, vout))
    const { codes, batches } = await spend([request(1), ...many], row => {
      if (row.kind === 'execute') throw new Error('torn')
      return OK
    })
    expect(codes).toEqual(['STORAGE_ERROR', 'ok', 'ok', 'ok', 'ok', 'ok'])
    expect(kinds(batches)).toEqual([['execute'], ['apply']])
  })
})

it('report to the breaker the leaves of what is decided, and those left to Lua when that has answered', async () => {
  let row = 0
  const transport = new ScriptedTransport(({ kind }) =>
    kind === 'execute' && row++ === 1 ? { status: RESULT_CODES.FILTERED_OUT } : kind === 'execute' ? {} : OK,
  )
  const context = contextWith(transport, { enableSpendFilterExpressions: 'on' })
  const reported: (Admission | undefined)[][] = []
  context.spendBreaker.report = admissions => void reported.push([...admissions])
  const [first, second] = [0, 1].map((): Admission => ({ period: 0, isReported: false }))
  await handled(spendHandler(context), [
    request(1, 0, { admission: first }),
    request(1, 1, { admission: second }),
  ])
  expect(reported.map(leaves => leaves.map(leave => leave === first))).toEqual([[true], [false]])
})

it('a record of which one row cannot be made has none: the answers stay those of their rows', async () => {
  const unmakeable = request(1, 1)
  const { spendingData } = unmakeable
  let readings = 0
  Object.defineProperty(unmakeable, 'spendingData', {
    get() {
      readings += 1
      // After the claims of the batch were compared, and it was found well-formed.
      if (readings === 3) throw new Error('for its row')
      return spendingData
    },
  })
  const { codes, batches } = await spend([request(1), unmakeable, request(2)], row =>
    row.kind === 'execute' ? { status: RESULT_CODES.NOT_FOUND } : OK,
  )
  expect(kinds(batches)).toEqual([['execute'], ['apply']])
  expect(codes).toEqual(['ok', 'ok', 'TX_NOT_FOUND'])
})

describe('Lua is asked at once', () => {
  it.each<[string, SpendRequest[]]>([
    ['with five inputs of one record', [0, 1, 2, 3, 4].map(vout => request(1, vout))],
    ['with a hash of 31 bytes', [request(1, 0, { utxoHash: new Uint8Array(31) })]],
    ['with spending data of 35 bytes', [request(1, 0, { spendingData: new Uint8Array(35) })]],
    ['with the mark of a frozen output', [request(1, 0, { spendingData: FROZEN_SENTINEL })]],
  ])('%s', async (_case, requests) => {
    const { batches } = await spend(requests, byLua({}))
    expect(kinds(batches)).toEqual([['apply']])
  })

  it('where the transport does not prepare statements, unless the setting says otherwise', async () => {
    const sent = async (preparesStatements: boolean, choice: 'auto' | 'on' | 'off') => {
      const transport = Object.assign(new ScriptedTransport(byLua({})), { preparesStatements })
      await handled(spendHandler(contextWith(transport, { enableSpendFilterExpressions: choice })), [
        request(1),
      ])
      return transport.batches[0]?.[0]?.kind
    }
    expect(await sent(true, 'auto')).toBe('execute')
    expect(await sent(false, 'auto')).toBe('apply')
    expect(await sent(false, 'on')).toBe('execute')
    expect(await sent(true, 'off')).toBe('apply')
  })
})

it('has a filter without arguments, which a transport can send once for a batch; the hash is asked for beside it', async () => {
  const { batches } = await spend([request(1), request(2)], byLua({}))
  const statements = batches.flat().map(row => (row.kind === 'execute' ? row.statement : undefined))
  expect(new Set(statements).size).toBe(1)
  expect(JSON.stringify(statements[0]?.filter)).not.toContain('"parameter"')
  const conditions = statements[0]?.operations.flatMap(each =>
    each.kind === 'choose' && each.otherwise === 'refuse' ? each.cases.map(({ when }) => when) : [],
  )
  expect(conditions).toEqual([
    { compare: 'eq', left: { listBlob: 'utxos', index: { parameter: 0 } }, right: { parameter: 1 } },
  ])
})

it('asks for no lock where locks are ignored, and sets no delete-at-height without a retention', async () => {
  const names = async (ignoreLocked: boolean, blockHeightRetention: number) => {
    const transport = new ScriptedTransport(byLua({}))
    const settings = { enableSpendFilterExpressions: 'on', blockHeightRetention } as const
    const flags = { ...request(1).flags, ignoreLocked }
    await handled(spendHandler(contextWith(transport, settings)), [request(1, 0, { flags })])
    const row = transport.batches[0]?.[0]
    if (row?.kind !== 'execute') throw new Error('no statement')
    const { filter, operations } = row.statement
    return [
      JSON.stringify(filter).includes('"locked"'),
      operations.some(({ bin }) => bin === 'deleteAtHeight'),
    ]
  }
  expect(await names(false, 10)).toEqual([true, true])
  expect(await names(true, 10)).toEqual([false, true])
  expect(await names(false, 0)).toEqual([true, false])
})

describe('the circuit breaker', () => {
  const admission = (): Admission => ({ period: 0, isReported: false })
  const admitted = (parent: number, vout = 0) => request(parent, vout, { admission: admission() })

  it('counts a record whose rows failed once, like a failed call of Lua', async () => {
    const timeout = byLua({ status: RESULT_CODES.TIMEOUT })
    const one = await spend(
      [0, 1, 2, 3].map(vout => admitted(1, vout)),
      timeout,
    )
    expect(one.context.spendBreaker.state).toBe('closed')
    const three = await spend(
      [1, 2, 3].map(parent => admitted(parent)),
      timeout,
    )
    expect(three.context.spendBreaker.state).toBe('open')
  })

  it('hears nothing of rows that were filtered out but what Lua says', async () => {
    const script = byLua({ status: RESULT_CODES.FILTERED_OUT }, { status: RESULT_CODES.TIMEOUT })
    const { context } = await spend([admitted(1), admitted(2)], script)
    // Were they heard as answers, these two would count from the beginning.
    await handled(spendHandler(context), [admitted(1), admitted(2)])
    expect(context.spendBreaker.state).toBe('open')
  })
})
