import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { StoreError } from '../../lib/errors/index.ts'
import { pageKey } from '../../lib/record/index.ts'
import type { StoreContext } from '../../lib/store/context/store-context.ts'
import type { SpendRequest } from '../../lib/store/operations/spending/record-groups.ts'
import { spendHandler } from '../../lib/store/operations/spending/spend-dispatch.ts'
import { UtxoSpentError } from '../../lib/store/store-errors.ts'
import { asOneBatch, BothPaths, type RecordBins } from './both-paths.ts'
import { hash, masterBins } from './record-bins.ts'
import { eachPeculiarity, HEIGHT, plainCase, RETENTION, type SpendCase, spendBatch } from './spend-cases.ts'

const OUTPUTS_PER_RECORD = 128
/** Cases of one batch, and how many batches: a real server is asked more, for Lua is slow in the embedded one. */
const CASES = 40
const RUNS = process.env.UTXO_TEST_SERVER?.startsWith('aerospike:') ? 50 : 10
const SEED = 20_261_121

let paths: BothPaths

beforeAll(async () => {
  paths = await BothPaths.open({ blockHeightRetention: RETENTION, spendCircuitBreakerFailureCount: 0 })
})
afterEach(() => paths.clear())
afterAll(() => paths.close())

/** The master that the pages of a case belong to. */
const MASTER: RecordBins = masterBins({ totalExtraRecs: 2 }) as RecordBins

/** Puts the records of all cases there and spends all claims as one batch. */
async function spentBy(context: StoreContext, cases: readonly SpendCase[]) {
  const txids = cases.map(() => paths.newTxid())
  const keys = txids.flatMap(txid => [pageKey(txid, 0), pageKey(txid, 1)])
  const records = cases.map(({ isPage, bins }, index) => [keys[2 * index + (isPage ? 1 : 0)], bins] as const)
  const masters = cases.flatMap(({ isPage }, index) => (isPage ? [[keys[2 * index], MASTER] as const] : []))
  await paths.write([...records, ...masters] as [Uint8Array, RecordBins][])
  const requests = cases.flatMap(({ isPage, claims }, index) =>
    claims.map(
      ({ offset, output, data, flags }): SpendRequest => ({
        txid: txids[index] as Uint8Array,
        vout: offset + (isPage ? OUTPUTS_PER_RECORD : 0),
        utxoHash: hash(output),
        spendingData: data,
        blockHeight: HEIGHT,
        flags,
      }),
    ),
  )
  const outcomes = await asOneBatch(spendHandler(context), requests)
  return { verdicts: outcomes.map(verdictOf), records: await paths.read(keys) }
}

function verdictOf(outcome: unknown): string {
  if (outcome instanceof UtxoSpentError) return `${outcome.code} ${JSON.stringify(outcome.spendingData)}`
  return outcome instanceof StoreError ? outcome.code : String(outcome)
}

it('each peculiarity of a record alone has the same bytes and verdicts on both paths', async () => {
  const lua = await spentBy(paths.lua, eachPeculiarity)
  expect(await spentBy(paths.newFiltered(), eachPeculiarity)).toEqual(lua)
}, 60_000)

it('rows with the filters of several statements keep to their own', async () => {
  const batch = [plainCase({ ignoreLocked: true }), plainCase({ bins: { locked: true } }), plainCase({})]
  const lua = await spentBy(paths.lua, batch)
  expect(lua.verdicts).toEqual(['ok', 'TX_LOCKED', 'ok'])
  expect(await spentBy(paths.newFiltered(), batch)).toEqual(lua)
})

it('lesson 34: filtered writes with Lua behind them leave the same bytes and verdicts as Lua alone', async () => {
  await fc.assert(
    fc.asyncProperty(spendBatch(CASES), async cases => {
      const lua = await spentBy(paths.lua, cases)
      const filtered = await spentBy(paths.newFiltered(), cases)
      expect(filtered).toEqual(lua)
    }),
    { seed: SEED, numRuns: RUNS },
  )
  // Or the property says nothing.
  expect(paths.filteredCount).toBeGreaterThan(RUNS * 5)
}, 120_000)
