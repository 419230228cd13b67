import { afterEach, beforeEach, expect, it, jest } from '@jest/globals'
import { BlockCalls } from '../../../lib/store/calls/block-calls.ts'
import type { StoreContext } from '../../../lib/store/context/store-context.ts'
import { RESULT_CODES, type Transport } from '../../../lib/transport/index.ts'
import { bytes32, contextWith, udfAnswer } from '../support/store-fixture.ts'

const BLOCK = { blockId: 7, blockHeight: 900, subtreeIdx: 0, onLongestChain: true }

/** A store's calls, without a connection. */
class Calls extends BlockCalls {
  constructor(context: StoreContext) {
    super(context)
  }
}

beforeEach(() => {
  jest.useFakeTimers()
})
afterEach(() => {
  jest.useRealTimers()
})

/** Calls over a server that takes so long for each batch, filters out what is filtered, and leaves the verdict to Lua. */
function callsOver(msOfBatch: (context: StoreContext) => number) {
  const statements: string[] = []
  const transport: Transport = {
    batchOperate: async rows => {
      await new Promise(resolve => setTimeout(resolve, msOfBatch(context)))
      return rows.map((row, index) => {
        statements.push(row.kind === 'execute' ? row.statement.name : row.kind)
        const answer =
          row.kind === 'apply'
            ? { status: RESULT_CODES.OK, ...udfAnswer({ status: 'OK', blockIDs: [7] }) }
            : { status: RESULT_CODES.FILTERED_OUT }
        return { index, bins: undefined, inDoubt: false, ...answer }
      })
    },
  }
  const context = contextWith(transport, { enableSetMinedFilterExpressions: 'on' })
  return { context, calls: new Calls(context), statements }
}

it('setMinedMulti waits for its steps, of which each may take as long as a batch may', async () => {
  const { context, calls, statements } = callsOver(({ waitMs }) => 0.9 * waitMs)
  const mined = calls.setMinedMulti([bytes32(1)], BLOCK)
  await jest.advanceTimersByTimeAsync(3 * context.waitMs)
  expect([...(await mined).values()]).toEqual([[7]])
  expect(statements).toEqual(['set mined, first block', 'set mined, any block', 'apply'])
})

it('setMinedMulti releases its caller when a batch that never ends has had its bound', async () => {
  const { context, calls, statements } = callsOver(({ waitMs }) => 100 * waitMs)
  const ended = jest.fn()
  const outcome = calls.setMinedMulti([bytes32(1)], BLOCK).catch((error: unknown) => {
    ended()
    return error
  })
  await jest.advanceTimersByTimeAsync(context.waitMs - 1)
  expect(ended).not.toHaveBeenCalled()
  await jest.advanceTimersByTimeAsync(1)
  expect(ended).toHaveBeenCalledTimes(1)
  expect(await outcome).toMatchObject({ name: 'SetMinedError', code: 'STORAGE_ERROR' })
  expect(statements).toEqual([])
})
