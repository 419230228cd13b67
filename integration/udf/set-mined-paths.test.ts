import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { txidToHex } from '../../lib/bitcoin/index.ts'
import type { StoreContext } from '../../lib/store/context/store-context.ts'
import { type MinedInfo, SetMinedError, setMinedMulti } from '../../lib/store/operations/mining/set-mined.ts'
import type { BinValue } from '../../lib/transport/index.ts'
import { BothPaths, type RecordBins } from './both-paths.ts'
import { eachPeculiarity, mostly, recordBins } from './spend-cases.ts'

const CASES = 40
const RUNS = process.env.UTXO_TEST_SERVER?.startsWith('aerospike:') ? 40 : 10
const SEED = 20_261_122

/** Undefined leaves the bin out. */
const minedBins: fc.Arbitrary<RecordBins> = fc
  .record({
    record: recordBins,
    isSpent: fc.boolean(),
    isNew: fc.boolean(),
    blockHeights: mostly<BinValue | undefined>([90], [], [90, 91], undefined, 'x'),
    subtreeIdxs: mostly<BinValue | undefined>([3], [], undefined, 'x'),
  })
  .map(({ record, isSpent, isNew, ...lists }) =>
    beforeBlock({ ...record.bins, ...lists }, { isSpent, isNew }),
  )

type PartialBins = Readonly<Record<string, BinValue | undefined>>

/** A record as its block finds it: all spent or not, and in no block yet or in others. */
function beforeBlock(bins: PartialBins, { isSpent, isNew }: { isSpent: boolean; isNew: boolean }) {
  const counters = isSpent ? { spentUtxos: bins.recordUtxos } : {}
  const noBlocks = isNew ? { blockIDs: [], blockHeights: [], subtreeIdxs: [] } : {}
  const all: PartialBins = { ...bins, ...counters, ...noBlocks }
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, BinValue] => entry[1] !== undefined),
  )
}

/** Every peculiarity alone, in a record of each kind. */
const eachAlone: readonly RecordBins[] = eachPeculiarity
  .filter(({ claims, isPage }) => claims.length === 1 && !isPage)
  .flatMap(({ bins }) =>
    [false, true].flatMap(isSpent =>
      [false, true].map(isNew =>
        beforeBlock({ blockHeights: [90], subtreeIdxs: [3], ...bins }, { isSpent, isNew }),
      ),
    ),
  )

const minedInfo: fc.Arbitrary<MinedInfo> = fc.record({
  blockId: fc.constantFrom(7, 8, 9, 300, 2 ** 32 - 1),
  blockHeight: fc.constantFrom(95, 991, 2 ** 20, 2 ** 32 - 1),
  subtreeIdx: fc.constantFrom(0, 200),
  onLongestChain: mostly(true, false, false, false),
  unsetMined: mostly(false, true),
})

/** What the call says of each record, without the txids, which differ from path to path. */
async function minedBy(
  paths: BothPaths,
  context: StoreContext,
  records: readonly RecordBins[],
  info: MinedInfo,
) {
  const txids = records.map(() => paths.newTxid())
  await paths.write(records.map((bins, index) => [txids[index] as Uint8Array, bins] as const))
  const outcome = await setMinedMulti(context, txids, info, undefined).catch((error: unknown) => error)
  const isFailed = outcome instanceof SetMinedError
  if (!isFailed && !(outcome instanceof Map)) throw outcome
  const blockIds = isFailed ? outcome.blockIds : (outcome as ReadonlyMap<string, readonly number[]>)
  return {
    failed: isFailed ? outcome.message.split(' ')[0] : 'none',
    blockIds: txids.map(txid => blockIds.get(txidToHex(txid))),
    records: await paths.read(txids),
  }
}

/** Or what was compared says nothing. */
function expectBothDecide({ filteredBy }: BothPaths): void {
  expect([...filteredBy.keys()].sort()).toEqual(['set mined, any block', 'set mined, first block'])
}

// Without a retention nothing is ever given a delete-at-height, by statements of their own.
describe.each([10, 0])('a retention of %d blocks', blockHeightRetention => {
  let paths: BothPaths

  beforeAll(async () => {
    paths = await BothPaths.open({ blockHeightRetention })
  })
  afterEach(() => paths.clear())
  afterAll(() => paths.close())

  it.each([true, false])(
    'each peculiarity alone is judged as by Lua, on the longest chain: %s',
    async onLongestChain => {
      const info = { blockId: 9, blockHeight: 95, subtreeIdx: 0, onLongestChain }
      const lua = await minedBy(paths, paths.lua, eachAlone, info)
      expect(await minedBy(paths, paths.newFiltered(), eachAlone, info)).toEqual(lua)
      expectBothDecide(paths)
    },
  )

  it('filtered writes with Lua behind them leave the same bytes and answers as setMined in Lua alone', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(minedBins, { minLength: CASES / 2, maxLength: CASES, size: 'max' }),
        minedInfo,
        async (records, info) => {
          const lua = await minedBy(paths, paths.lua, records, info)
          const filtered = await minedBy(paths, paths.newFiltered(), records, info)
          expect(filtered).toEqual(lua)
        },
      ),
      { seed: SEED, numRuns: RUNS },
    )
    expectBothDecide(paths)
    expect(paths.filteredCount).toBeGreaterThan(RUNS * 5)
  }, 120_000)
})
