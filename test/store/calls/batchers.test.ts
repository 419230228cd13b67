import { afterEach, describe, expect, it, jest } from '@jest/globals'
import type { Batcher, Outcome } from '../../../lib/batching/index.ts'
import {
  encodeExtendedTransaction,
  encodeTransaction,
  parseTransaction,
  type Transaction,
} from '../../../lib/bitcoin/index.ts'
import { encodeSpendingData, META_FIELDS } from '../../../lib/record/index.ts'
import { type Batchers, createBatchers } from '../../../lib/store/calls/batchers.ts'
import { wholeTransaction } from '../../../lib/store/operations/creation/whole-transaction.ts'
import type { BatchRow, RowAnswer } from '../../../lib/transport/index.ts'
import { bytes32, contextWith, ScriptedTransport, udfAnswer } from '../support/store-fixture.ts'

afterEach(() => {
  jest.restoreAllMocks()
})

const OUTPUT = { satoshis: 1n, lockingScript: Uint8Array.of(0x51) }
const FLAGS = {
  ignoreConflicting: false,
  ignoreLocked: false,
  ignorePolicyFreeze: false,
  ignoreConsensusFreeze: false,
}
const PAGES = 2

function transaction(parent: number): Transaction {
  const input = {
    previousTxid: bytes32(parent),
    previousVout: 0,
    unlockingScript: new Uint8Array(),
    sequence: 0,
    previousSatoshis: 1n,
    previousLockingScript: OUTPUT.lockingScript,
  }
  return parseTransaction(
    encodeExtendedTransaction({ version: 1, locktime: 0, inputs: [input], outputs: [OUTPUT] }),
  )
}

/** The serialised output stands between the count of outputs and the locktime. */
function encodedOutput(): Uint8Array {
  const bytes = encodeTransaction(transaction(1))
  return bytes.slice(bytes.length - 4 - 10, bytes.length - 4)
}

/** A server whose every answer asks for all the follow-ups that it can. */
function demanding(row: BatchRow): Partial<RowAnswer> {
  if (row.kind === 'write') return {}
  if (row.kind === 'read') {
    return {
      bins: {
        spentUtxos: 1,
        recordUtxos: 1,
        fee: 1,
        sizeInBytes: 2,
        isCoinbase: false,
        inputs: [],
        outputs: [encodedOutput()],
        version: 1,
        locktime: 0,
        blockIDs: [7],
      },
    }
  }
  const isSpend = row.kind === 'apply' && row.function === 'spendMulti'
  return udfAnswer({ status: 'OK', signal: isSpend ? 'ALLSPENT' : 'DAHSET', childCount: PAGES })
}

/** One place in each pool, so that a handler that waits for its own pool would wait for ever. */
function pools() {
  const context = contextWith(new ScriptedTransport(demanding), {
    batcherConcurrency: 'fixed',
    batcherMaxConcurrent: 1,
    outpointBatcherMaxConcurrent: 1,
  })
  const batchers = createBatchers(context)
  const puts: string[] = []
  for (const [name, batcher] of Object.entries(batchers) as [string, Batcher<unknown, unknown>][]) {
    const submitGroup = batcher.submitGroup.bind(batcher)
    jest.spyOn(batcher, 'submitGroup').mockImplementation((requests, options) => {
      puts.push(name)
      return submitGroup(requests, options)
    })
  }
  return { context, batchers, puts }
}

type Pools = ReturnType<typeof pools>

const MARKS = [1, 2, 3]

/** A batch of each pool's own work, and the pools that its follow-ups may pass. */
const WORK: Readonly<
  Record<
    keyof Batchers,
    { followUps: readonly (keyof Batchers)[]; put(pools: Pools): Promise<Outcome<unknown>[]> }
  >
> = {
  store: {
    followUps: [],
    put: ({ context, batchers }) =>
      batchers.store.submitGroup(MARKS.map(mark => wholeTransaction(context, transaction(mark), 100, {}))),
  },
  get: {
    followUps: [],
    put: ({ batchers }) =>
      batchers.get.submitGroup(MARKS.map(mark => ({ txid: bytes32(mark), fields: META_FIELDS }))),
  },
  spend: {
    followUps: ['increment', 'setDAH'],
    put: ({ batchers }) =>
      batchers.spend.submitGroup(
        MARKS.map(mark => ({
          txid: bytes32(mark),
          vout: 0,
          utxoHash: bytes32(9),
          spendingData: encodeSpendingData({ txid: bytes32(8), vin: mark }),
          blockHeight: 1_000,
          flags: FLAGS,
        })),
      ),
  },
  outpoint: {
    followUps: [],
    put: ({ batchers }) => batchers.outpoint.submitGroup(MARKS.map(mark => ({ tx: transaction(mark) }))),
  },
  increment: {
    followUps: ['setDAH'],
    put: ({ batchers }) =>
      batchers.increment.submitGroup(MARKS.map(mark => ({ txid: bytes32(mark), change: 1, height: 1_000 }))),
  },
  setDAH: {
    followUps: [],
    put: ({ batchers }) =>
      batchers.setDAH.submitGroup(MARKS.map(mark => ({ txid: bytes32(mark), page: 1, deleteAtHeight: 5 }))),
  },
  locked: {
    followUps: [],
    put: ({ batchers }) =>
      batchers.locked.submitGroup(MARKS.map(mark => ({ txid: bytes32(mark), locked: true }))),
  },
}

describe.each(Object.entries(WORK))('the handler of %s', (name, { followUps, put }) => {
  it('lesson 12: never puts into its own pool, and into another only along spend, increment, setDAH', async () => {
    const all = pools()
    const outcomes = await put(all)
    const [own, ...others] = all.puts
    expect(own).toBe(name)
    expect([...new Set(others)]).toEqual(followUps)
    expect(outcomes.map(({ status }) => status)).toEqual(MARKS.map(() => 'fulfilled'))
  })
})
