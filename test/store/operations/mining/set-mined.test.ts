import { expect, it } from '@jest/globals'
import { setMinedMulti } from '../../../../lib/store/operations/mining/set-mined.ts'
import { RESULT_CODES } from '../../../../lib/transport/index.ts'
import { contextWith, type Script, ScriptedTransport, udfAnswer } from '../../support/store-fixture.ts'

const FORK = { blockId: 7, blockHeight: 900, subtreeIdx: 0, onLongestChain: false }
const [FIRST, ANY, LUA] = ['set mined, first block', 'set mined, any block', 'apply']

/** As many as a batch holds, and the average remembers. */
const txids = Array.from({ length: 1_024 }, (_, index) => {
  const txid = new Uint8Array(32)
  new DataView(txid.buffer).setUint32(0, index)
  return txid
})

/** The steps of calls over a server on which nothing but these decides; Lua decides what reaches it. */
async function stepsOf(calls: number, deciding: string) {
  const script: Script = row => {
    if (row.kind === 'apply') return udfAnswer({ status: 'OK', blockIDs: [7] })
    const isDecided = row.kind === 'execute' && row.statement.name === deciding
    return isDecided ? { bins: { blockIDs: [7] } } : { status: RESULT_CODES.FILTERED_OUT }
  }
  const transport = new ScriptedTransport(script)
  const context = contextWith(transport, { enableSetMinedFilterExpressions: 'on', maxMinedBatchSize: 1_024 })
  const steps: string[][] = []
  while (steps.length < calls) {
    transport.batches.length = 0
    const blockIds = await setMinedMulti(context, txids, FORK, undefined)
    expect(blockIds.size).toBe(txids.length)
    steps.push(
      transport.batches.map(([row]) => (row?.kind === 'execute' ? row.statement.name : (row?.kind ?? ''))),
    )
  }
  return steps
}

it('begins with the first filtered write, and where that decides nothing, as on forks, with the second', async () => {
  const [first, ...others] = await stepsOf(18, ANY)
  expect(first).toEqual([FIRST, ANY])
  expect(others.slice(0, 15)).toEqual(new Array(15).fill([ANY]))
  expect(others.slice(15)).toEqual([[FIRST, ANY], [ANY]])
})

it('asks Lua at once where neither decides anything, as for transactions with pages', async () => {
  const [first, ...others] = await stepsOf(3, 'none')
  expect(first).toEqual([FIRST, ANY, LUA])
  expect(others).toEqual([[LUA], [LUA]])
})

it('stays with the first one while it decides', async () => {
  expect(await stepsOf(3, FIRST)).toEqual(new Array(3).fill([FIRST]))
})
