import { expect, it } from '@jest/globals'
import type { Batcher, BatchItem, GroupListener } from '../../../../lib/batching/index.ts'
import type { Spend } from '../../../../lib/store/operations/spending/spend.ts'
import type { SpendAnswer, SpendRequest } from '../../../../lib/store/operations/spending/spend-dispatch.ts'
import { SpendTurns } from '../../../../lib/store/operations/spending/spend-turns.ts'
import { sampleTransaction } from '../../support/sample-transaction.ts'
import { bytes32, contextWith, ScriptedTransport } from '../../support/store-fixture.ts'

const tx = sampleTransaction()
const REQUEST: SpendRequest = {
  txid: bytes32(1),
  vout: 0,
  utxoHash: bytes32(2),
  spendingData: new Uint8Array(36),
  blockHeight: 1,
  flags: {
    ignoreConflicting: false,
    ignoreLocked: false,
    ignorePolicyFreeze: false,
    ignoreConsensusFreeze: false,
  },
}
const SPENT = [{ outcome: { status: 'fulfilled', value: 'wrote' } }] as unknown as BatchItem<
  SpendRequest,
  SpendAnswer
>[]

/** Spends of one transaction, and whoever the batcher would tell of each that has begun. */
function spends(count: number) {
  const begun: GroupListener<SpendRequest, SpendAnswer>[] = []
  const told: string[] = []
  const batcher = {
    submitGroupTo: (listener: GroupListener<SpendRequest, SpendAnswer>) => begun.push(listener),
  } as unknown as Batcher<SpendRequest, SpendAnswer>
  const turns = new SpendTurns(contextWith(new ScriptedTransport(() => ({}))), batcher)
  for (let place = 0; place < count; place++) {
    const end = {
      succeed: (_: Spend[]) => told.push(`${place} ok`),
      fail: (_: unknown) => told.push(`${place} failed`),
    }
    turns.spend(tx, [REQUEST], end, undefined)
  }
  return { begun, told }
}

/** The failure of a spend is passed on after a look at what it met. */
async function settled(): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
}

it.each([
  ['succeeded', (listener: GroupListener<SpendRequest, SpendAnswer>) => listener.complete(SPENT)],
  ['failed', (listener: GroupListener<SpendRequest, SpendAnswer>) => listener.fail(new Error('lost'))],
])('one that is told twice that it %s leaves its turn once, and tells its caller once', async (_, tell) => {
  const { begun, told } = spends(3)
  expect(begun.length).toBe(1)
  const [first] = begun
  if (first !== undefined) tell(first)
  await settled()
  expect(begun.length).toBe(2)
  if (first !== undefined) tell(first)
  await settled()
  expect(begun.length).toBe(2)
  expect(told.length).toBe(1)
  // The others get theirs: one who went on waiting would keep the process.
  for (const place of [1, 2]) {
    begun[place]?.complete(SPENT)
    await settled()
  }
  expect(told.slice(1)).toEqual(['1 ok', '2 ok'])
})
