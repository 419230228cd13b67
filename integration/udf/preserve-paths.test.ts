import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { pageKey } from '../../lib/record/index.ts'
import type { StoreContext } from '../../lib/store/context/store-context.ts'
import { preserveTransactions } from '../../lib/store/operations/pruning/preserve.ts'
import type { BinValue } from '../../lib/transport/index.ts'
import { BothPaths, type RecordBins } from './both-paths.ts'
import { recordBins } from './spend-cases.ts'

const CASES = 40
const RUNS = 10
const SEED = 20_261_122

let paths: BothPaths

beforeAll(async () => {
  paths = await BothPaths.open({})
})
afterEach(() => paths.clear())
afterAll(() => paths.close())

/** Most are at risk; with `external` on many, since these have something to signal. */
const preservedBins: fc.Arbitrary<RecordBins> = fc
  .record({
    record: recordBins,
    risk: fc.constantFrom<RecordBins>({ deleteAtHeight: 400 }, { preserveUntil: 300 }, {}),
    external: fc.constantFrom<RecordBins>({}, { external: true }),
  })
  .map(({ record, risk, external }) => {
    const all = { ...record.bins, ...risk, ...external }
    return Object.fromEntries(
      Object.entries(all).filter((entry): entry is [string, BinValue] => entry[1] !== undefined),
    )
  })

async function preservedBy(context: StoreContext, records: readonly RecordBins[]) {
  const txids = records.map(() => paths.newTxid())
  await paths.write(records.map((bins, index) => [txids[index] as Uint8Array, bins] as const))
  // One that is not there, too.
  const outcome = await preserveTransactions(context, [...txids, paths.newTxid()], 2_000, undefined)
  return { outcome, records: await paths.read(txids) }
}

it('filtered writes with Lua behind them leave the same bytes and answers as preserveUntil in Lua alone', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(preservedBins, { minLength: CASES / 2, maxLength: CASES, size: 'max' }),
      async records => {
        expect(await preservedBy(paths.newFiltered(), records)).toEqual(await preservedBy(paths.lua, records))
      },
    ),
    { seed: SEED, numRuns: RUNS },
  )
  // Or the property says nothing.
  expect(paths.filteredCount).toBeGreaterThan(RUNS * 5)
}, 120_000)

it('signals pages, which lose their delete-at-height', async () => {
  const txid = paths.newTxid()
  const page = pageKey(txid, 1)
  await paths.write([
    [txid, { deleteAtHeight: 5, external: true, totalExtraRecs: 1 }],
    [page, { deleteAtHeight: 5, spentUtxos: 0 }],
  ])
  const before = paths.filteredCount
  await preserveTransactions(paths.newFiltered(), [txid], 2_000, undefined)
  expect(paths.filteredCount).toBe(before + 1)
  const [bins] = await paths.lua.operate([
    { kind: 'read', key: { set: paths.lua.set, userKey: page }, bins: 'all' },
  ])
  expect(bins).toMatchObject({ status: 0, bins: { spentUtxos: 0 } })
  expect(bins?.bins).not.toHaveProperty('deleteAtHeight')
})

it('leaves what has a freeze bin to Lua', async () => {
  const frozen: RecordBins = { deleteAtHeight: 5, utxoFreezeUntil: new Map([[0, 5]]) }
  const before = paths.filteredCount
  expect((await preservedBy(paths.newFiltered(), [frozen])).outcome).toMatchObject({
    preserved: 1,
    passedOver: 1,
  })
  expect(paths.filteredCount).toBe(before)
})
