import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { Batcher, promised } from '../../../../lib/batching/index.ts'
import {
  encodeExtendedTransaction,
  parseTransaction,
  type Transaction,
  type TransactionInput,
} from '../../../../lib/bitcoin/index.ts'
import type { SettingsInput } from '../../../../lib/settings/index.ts'
import { batcherOptions } from '../../../../lib/store/calls/batchers.ts'
import {
  prepareSpends,
  type Spend,
  SpendError,
  spend,
} from '../../../../lib/store/operations/spending/spend.ts'
import { spendHandler } from '../../../../lib/store/operations/spending/spend-dispatch.ts'
import type { BatchRow, RowAnswer, Transport } from '../../../../lib/transport/index.ts'
import { BatchError } from '../../../../lib/transport/index.ts'
import { bytes32, contextWith, udfAnswer } from '../../support/store-fixture.ts'

const TIMEOUT: Partial<RowAnswer> = { status: 9, inDoubt: true }
const NOT_FOUND: Partial<RowAnswer> = { status: 2 }
const OK = udfAnswer({ status: 'OK' })
const FLAGS = {
  ignoreConflicting: false,
  ignoreLocked: false,
  ignorePolicyFreeze: false,
  ignoreConsensusFreeze: false,
}

afterEach(() => {
  jest.restoreAllMocks()
})

function txSpending(parents: readonly number[], mark = 0): Transaction {
  const inputs = parents.map(
    (parent): TransactionInput => ({
      previousTxid: bytes32(parent),
      previousVout: 0,
      unlockingScript: Uint8Array.of(mark),
      sequence: 0,
      previousSatoshis: 1n,
      previousLockingScript: Uint8Array.of(0x51),
    }),
  )
  const outputs = [{ satoshis: 1n, lockingScript: Uint8Array.of(0x51) }]
  return parseTransaction(encodeExtendedTransaction({ version: 1, locktime: 0, inputs, outputs }))
}

/** A store’s spend path whose server answers as told. */
function spending(settings: SettingsInput = {}, preparesStatements = false) {
  const server: { answer: () => Partial<RowAnswer> | Error; calls: number; spends: number } = {
    answer: () => OK,
    calls: 0,
    spends: 0,
  }
  const transport: Transport = {
    preparesStatements,
    async batchOperate(rows: readonly BatchRow[]) {
      server.calls += 1
      return rows.map((row, index) => {
        const good = { index, status: 0, bins: undefined, inDoubt: false }
        const isSpend = row.kind === 'execute' || (row.kind === 'apply' && row.function === 'spendMulti')
        if (!isSpend) return { ...good, ...NOT_FOUND }
        server.spends += 1
        const answer = server.answer()
        if (answer instanceof Error) throw answer
        return { ...good, ...answer }
      })
    },
  }
  const context = contextWith(transport, {
    spendBatcherDurationMillis: 0,
    spendCircuitBreakerFailureCount: 3,
    spendCircuitBreakerHalfOpenMax: 2,
    ...settings,
  })
  const batcher = new Batcher(batcherOptions('spend', context), spendHandler(context))
  const go = async (parents: readonly number[], signal?: AbortSignal): Promise<string[]> => {
    const tx = txSpending(parents)
    try {
      await promised<Spend[]>(end =>
        spend(context, batcher, tx, prepareSpends(tx, 1_000, FLAGS), end, signal),
      )
      return parents.map(() => 'ok')
    } catch (error) {
      if (error instanceof SpendError) return error.spends.map(each => each.error?.code ?? 'ok')
      return [(error as { code: string }).code]
    }
  }
  return { context, server, go }
}

async function broken(settings: SettingsInput = {}, preparesStatements = false) {
  const world = spending(settings, preparesStatements)
  world.server.answer = () => TIMEOUT
  for (let parent = 1; parent <= 3; parent++) await world.go([parent])
  expect(world.context.spendBreaker.state).toBe('open')
  return world
}

describe('what opens the breaker', () => {
  it('lesson 76: 1,000 missing parents leave it closed', async () => {
    const { context, server, go } = spending()
    server.answer = () => NOT_FOUND
    for (let i = 0; i < 200; i++) await go([1, 2, 3, 4, 5])
    expect(server.spends).toBe(1_000)
    expect(context.spendBreaker.state).toBe('closed')
  })

  it.each<[string, Partial<RowAnswer> | Error, boolean]>([
    ['a timeout', TIMEOUT, true],
    ['a lost connection', { status: -10 }, true],
    ['no response', { status: -15 }, true],
    ['an unavailable partition', { status: 11 }, true],
    ['the client’s back-off', { status: -14 }, true],
    ['a server error', { status: 1 }, true],
    ['a whole call that failed', new BatchError('x', -16, false), true],
    ['a transport that throws', new Error('socket'), true],
    ['a device overload', { status: 18 }, false],
    ['a whole call refused for load', new BatchError('x', 18, false), false],
    ['a filtered-out record', { status: 27 }, false],
    ['a failing UDF', { status: 100 }, false],
    ['a record that is locked', udfAnswer({ status: 'ERROR', errorCode: 'LOCKED', message: '' }), false],
    ['a malformed UDF answer', { bins: {} }, false],
  ])('%s: %#', async (_, answer, opens) => {
    const { context, server, go } = spending()
    server.answer = () => answer
    for (let i = 0; i < 5; i++) await go([i + 1])
    expect(context.spendBreaker.state).toBe(opens ? 'open' : 'closed')
  })

  it('a failed call with many inputs counts once', async () => {
    const { context, server, go } = spending()
    server.answer = () => new Error('socket')
    await go([1, 2, 3, 4, 5, 6])
    expect(context.spendBreaker.state).toBe('closed')
  })

  it('with a count of 0 nothing does', async () => {
    const { context, server, go } = spending({ spendCircuitBreakerFailureCount: 0 })
    server.answer = () => TIMEOUT
    for (let i = 0; i < 50; i++) await go([1])
    expect(context.spendBreaker.state).toBe('closed')
  })
})

describe('an open breaker', () => {
  it('lesson 81: refuses at once, completely, and without any network call', async () => {
    const { server, go, context } = await broken()
    const before = server.calls
    expect(await go([1, 2, 3])).toEqual(new Array(3).fill('SERVICE_UNAVAILABLE'))
    expect(server.calls).toBe(before)
    expect(context.metrics.breakerRefusals.get().values).toEqual([{ labels: {}, value: 3 }])
  })

  it('what it refused is not taken for applied: nothing is rolled back for it', async () => {
    const { server, go } = await broken({ spendCircuitBreakerCooldown: 0 })
    // Two probes of three inputs get through; one is spent by another.
    let first = true
    server.answer = () => {
      const answer = first ? udfAnswer({ status: 'ERROR', errorCode: 'FROZEN', message: 'frozen' }) : OK
      first = false
      return answer
    }
    const before = server.spends
    expect(await go([1, 2, 3])).toEqual(['UTXO_FROZEN', 'ok', 'SERVICE_UNAVAILABLE'])
    expect(server.spends - before).toBe(2)
  })

  it('lesson 77: answered probes close it, whatever they say', async () => {
    const { context, server, go } = await broken({ spendCircuitBreakerCooldown: 0 })
    server.answer = () => NOT_FOUND
    expect(await go([1, 2])).toEqual(['TX_NOT_FOUND', 'TX_NOT_FOUND'])
    expect(context.spendBreaker.state).toBe('closed')
  })

  it('lesson 77: probes whose caller gives up free their places', async () => {
    const { context, server, go } = await broken({ spendCircuitBreakerCooldown: 0 })
    for (let i = 0; i < 10; i++) {
      const controller = new AbortController()
      const outcome = go([1, 2], controller.signal)
      controller.abort()
      expect(await outcome).toEqual(['CONTEXT_CANCELED'])
    }
    server.answer = () => OK
    expect(await go([1, 2])).toEqual(['ok', 'ok'])
    expect(context.spendBreaker.state).toBe('closed')
  })
})

describe('an open breaker before filtered writes, whose callers are told within the handler', () => {
  it('lesson 77: answered probes close it, and everything goes through again', async () => {
    const { context, server, go } = await broken({ spendCircuitBreakerCooldown: 0 }, true)
    server.answer = () => OK
    expect(await go([1, 2])).toEqual(['ok', 'ok'])
    expect(context.spendBreaker.state).toBe('closed')
    expect(await go([1, 2, 3, 4, 5])).toEqual(new Array(5).fill('ok'))
  })

  it('a failed probe opens it again', async () => {
    const { context, server, go } = await broken({ spendCircuitBreakerCooldown: 0 }, true)
    server.answer = () => TIMEOUT
    const changes: string[] = []
    jest.spyOn(context.metrics.breakerChanges, 'increment').mockImplementation(({ state }) => {
      changes.push(state)
    })
    await go([1])
    expect(changes).toEqual(['half-open', 'open'])
  })
})
