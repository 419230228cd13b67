import { expect, it } from '@jest/globals'
import { setMinedMulti } from '../../../../lib/store/operations/mining/set-mined.ts'
import { RESULT_CODES } from '../../../../lib/transport/index.ts'
import { contextWith, type Script, ScriptedTransport, udfAnswer } from '../../support/store-fixture.ts'

const FORK = { blockId: 7, blockHeight: 900, subtreeIdx: 0, onLongestChain: false }
const [FIRST, ANY, LUA] = ['set mined, first block', 'set mined, any block', 'apply'] as const

/** The second filtered write decides what the first one would, too. */
const DECIDES: Readonly<Record<string, readonly string[]>> = { [FIRST]: [FIRST], [ANY]: [FIRST, ANY] }

/** As many as a batch holds. */
const txids = Array.from({ length: 1_024 }, (_, index) => {
  const txid = new Uint8Array(32)
  new DataView(txid.buffer).setUint32(0, index)
  return txid
})

/** What is the first to decide the transaction at a place. */
type Deciding = (place: number) => string

/** Calls of one batch over a server where Lua decides what reaches it: their steps, and the rows of each step. */
async function callsOf(count: number, decidingOf: Deciding) {
  const script: Script = row => {
    if (row.kind === 'apply') return udfAnswer({ status: 'OK', blockIDs: [7] })
    const place = Buffer.from(row.key.userKey as Uint8Array).readUInt32BE()
    const isDecided = row.kind === 'execute' && DECIDES[row.statement.name]?.includes(decidingOf(place))
    return isDecided ? { bins: { blockIDs: [7] } } : { status: RESULT_CODES.FILTERED_OUT }
  }
  const transport = new ScriptedTransport(script)
  const context = contextWith(transport, { enableSetMinedFilterExpressions: 'on', maxMinedBatchSize: 1_024 })
  const calls: (readonly [step: string, rows: number])[][] = []
  while (calls.length < count) {
    transport.batches.length = 0
    const blockIds = await setMinedMulti(context, txids, FORK, undefined)
    expect(blockIds.size).toBe(txids.length)
    calls.push(
      transport.batches.map(batch => {
        const [row] = batch
        return [row?.kind === 'execute' ? row.statement.name : (row?.kind ?? ''), batch.length]
      }),
    )
  }
  return { steps: calls.map(call => call.map(([step]) => step)), rows: calls.flat() }
}

it('begins with the first filtered write, and where that decides nothing, as on forks, with the second', async () => {
  const [first, ...others] = (await callsOf(18, () => ANY)).steps
  expect(first).toEqual([FIRST, ANY])
  expect(others.slice(0, 15)).toEqual(new Array(15).fill([ANY]))
  expect(others.slice(15)).toEqual([[FIRST, ANY], [ANY]])
})

it('asks Lua at once where neither decides anything, as for transactions with pages', async () => {
  const { steps } = await callsOf(6, () => LUA)
  expect(steps[0]).toEqual([FIRST, ANY, LUA])
  expect(steps.slice(-2)).toEqual([[LUA], [LUA]])
})

it('stays with the first one while it decides', async () => {
  expect((await callsOf(3, () => FIRST)).steps).toEqual(new Array(3).fill([FIRST]))
})

// A first write that is tried again and again must not make the second one look bad by what it leaves.
it.each([
  [60, 0],
  [60, 20],
  [40, 20],
])(
  'Lua gets little more than it has to where the first one decides %d %% and the second %d %%',
  async (first, second) => {
    const percent = (place: number): number => (place * 100) / txids.length
    const { rows } = await callsOf(200, place => {
      if (percent(place) < first) return FIRST
      return percent(place) < first + second ? ANY : LUA
    })
    const asked = rows.filter(([step]) => step === LUA).reduce((sum, [, count]) => sum + count, 0)
    expect(asked / (200 * txids.length)).toBeLessThan((100 - first - second) / 100 + 0.05)
  },
)
