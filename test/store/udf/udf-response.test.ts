import { describe, expect, it } from '@jest/globals'
import { setMinedMulti } from '../../../lib/store/operations/mining/set-mined.ts'
import { spendHandler } from '../../../lib/store/operations/spending/spend-dispatch.ts'
import { blockIdsOf, parseUdfResponse } from '../../../lib/store/udf/udf-response.ts'
import type { BinValue } from '../../../lib/transport/index.ts'
import { codeOf, handled } from '../support/handled.ts'
import { bytes32, contextWith, ScriptedTransport, udfAnswer } from '../support/store-fixture.ts'

const DAMAGED: BinValue[] = [5, 'x', [1, 'a', null], new Map([[1, 7]]), Buffer.alloc(3)]
const FLAGS = {
  ignoreConflicting: false,
  ignoreLocked: false,
  ignorePolicyFreeze: false,
  ignoreConsensusFreeze: false,
}

describe('the blocks of an answer', () => {
  it.each([[[]], [[7]], [[7, 4_294_967_295]]])('are the list of the record: %p', blockIds => {
    expect(blockIdsOf(parseUdfResponse({ SUCCESS: { status: 'OK', blockIDs: blockIds } }))).toEqual(blockIds)
  })

  it('can be missing', () => {
    for (const answer of [{ status: 'OK' }, { status: 'OK', blockIDs: null }])
      expect(blockIdsOf(parseUdfResponse({ SUCCESS: answer }))).toBeUndefined()
  })

  it.each(DAMAGED)('fail who uses them where they are damaged: %p', async blockIDs => {
    const context = contextWith(new ScriptedTransport(() => udfAnswer({ status: 'OK', blockIDs })), {
      enableSetMinedFilterExpressions: 'off',
    })
    const info = { blockId: 7, blockHeight: 900, subtreeIdx: 0, onLongestChain: true }
    await expect(setMinedMulti(context, [bytes32(1)], info, undefined)).rejects.toMatchObject({
      code: 'STORAGE_ERROR',
      message: expect.stringContaining('the bin blockIDs must be a list of integers, got '),
    })
  })

  it.each(DAMAGED)('fail no spend: %p', async blockIDs => {
    const context = contextWith(new ScriptedTransport(() => udfAnswer({ status: 'OK', blockIDs })), {
      enableSpendFilterExpressions: 'off',
    })
    const request = {
      txid: bytes32(1),
      vout: 0,
      utxoHash: bytes32(2),
      spendingData: new Uint8Array(36),
      blockHeight: 1_000,
      flags: FLAGS,
    }
    expect((await handled(spendHandler(context), [request])).map(codeOf)).toEqual(['ok'])
  })
})
