import { describe, expect, it } from '@jest/globals'
import {
  encodeExtendedTransaction,
  encodeTransaction,
  parseTransaction,
  type Transaction,
} from '../../../lib/bitcoin/index.ts'
import { StoreError } from '../../../lib/errors/index.ts'
import { encodeSpendingData, META_FIELDS, type RecordBins } from '../../../lib/record/index.ts'
import { createHandler } from '../../../lib/store/operations/creation/create-rows.ts'
import type { Creation } from '../../../lib/store/operations/creation/creation.ts'
import { wholeTransaction } from '../../../lib/store/operations/creation/whole-transaction.ts'
import { lockedHandler } from '../../../lib/store/operations/locking/set-locked.ts'
import { setDeleteAtHeightHandler } from '../../../lib/store/operations/pages/delete-at-height.ts'
import { incrementHandler } from '../../../lib/store/operations/pages/increment.ts'
import { getHandler } from '../../../lib/store/operations/reading/get.ts'
import { outpointHandler } from '../../../lib/store/operations/reading/previous-outputs.ts'
import { spendHandler } from '../../../lib/store/operations/spending/spend-dispatch.ts'
import type { BatchRow } from '../../../lib/transport/index.ts'
import { codeOf } from '../support/handled.ts'
import { bytes32, contextWith, ScriptedTransport, udfAnswer } from '../support/store-fixture.ts'
import { type AnyThrowingCase, type ThrowingRun, throwEverywhere, throwingCase } from '../support/throwing.ts'

const OUTPUT = { satoshis: 1n, lockingScript: Uint8Array.of(0x51) }

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

const encodedOutput = (): Uint8Array => {
  const bytes = encodeTransaction(transaction(1))
  // The serialised output stands between the count of outputs and the locktime.
  return bytes.slice(bytes.length - 4 - 10, bytes.length - 4)
}

const plain = contextWith(new ScriptedTransport(() => ({})))
const FLAGS = {
  ignoreConflicting: false,
  ignoreLocked: false,
  ignorePolicyFreeze: false,
  ignoreConsensusFreeze: false,
}
const THREE = [1, 2, 3]
const record = { fee: 1, sizeInBytes: 2, isCoinbase: false, inputs: [], locktime: 0, blockIDs: [7] }

/** With nothing but plain objects: a class keeps what throws out of its private fields. */
function plainCreation(tx: Transaction): Creation {
  const { txid, records } = wholeTransaction(plain, tx, 100, {})
  const { pageCount, recordUtxos, createdAt } = records
  const master = (): RecordBins => records.master()
  const page = (number: number): RecordBins => records.page(number)
  return {
    txid,
    records: { pageCount, recordUtxos, createdAt, master, page },
    body: undefined,
    mayExist: false,
    moveBodyOutside: () => {},
  }
}

/** Transactions are 32 times 1, 2 or 3, and so are their pages' keys. */
const byMark = (row: BatchRow): number => Number(row.key.userKey[0]) - 1

/** The handler of each pool, with three items that have nothing to do with each other. */
const POOLS: Record<string, AnyThrowingCase> = {
  store: throwingCase({
    handler: createHandler,
    requests: THREE.map(parent => plainCreation(transaction(parent))),
    script: () => ({}),
    itemOf: row =>
      THREE.findIndex(
        parent => Buffer.compare(transaction(parent).txid, row.key.userKey as Uint8Array) === 0,
      ),
  }),
  get: throwingCase({
    handler: getHandler,
    requests: THREE.map(mark => ({ txid: bytes32(mark), fields: META_FIELDS })),
    script: () => ({ bins: record }),
    itemOf: byMark,
  }),
  spend: throwingCase({
    handler: spendHandler,
    requests: THREE.map(mark => ({
      txid: bytes32(mark),
      vout: 0,
      utxoHash: bytes32(9),
      spendingData: encodeSpendingData({ txid: bytes32(8), vin: mark }),
      blockHeight: 1_000,
      flags: FLAGS,
    })),
    // The first is all spent, the second refused, the third fine.
    itemOf: byMark,
    script: row => {
      const index = byMark(row)
      if (row.kind === 'read') return { bins: { spentUtxos: 1, recordUtxos: 1 } }
      if (row.kind !== 'apply') return {}
      if (row.function !== 'spendMulti') return udfAnswer({ status: 'OK' })
      if (index === 0) return udfAnswer({ status: 'OK', signal: 'ALLSPENT' })
      if (index === 2) return udfAnswer({ status: 'OK' })
      return udfAnswer({ status: 'ERROR', errors: { 0: { errorCode: 'FROZEN', message: 'frozen' } } })
    },
  }),
  outpoint: throwingCase({
    handler: outpointHandler,
    requests: THREE.map(parent => ({ tx: { ...transaction(parent) } })),
    itemOf: byMark,
    script: () => ({ bins: { outputs: [encodedOutput()], version: 1, locktime: 0, inputs: [] } }),
  }),
  increment: throwingCase({
    handler: incrementHandler,
    requests: THREE.map(mark => ({ txid: bytes32(mark), change: 1, height: 1_000 })),
    itemOf: byMark,
    script: row => {
      if (row.kind === 'read') return { bins: { spentUtxos: 1, recordUtxos: 1 } }
      if (row.kind !== 'apply') return {}
      return udfAnswer(
        byMark(row) === 0 ? { status: 'OK', signal: 'DAHSET', childCount: 1 } : { status: 'OK' },
      )
    },
  }),
  setDAH: throwingCase({
    handler: setDeleteAtHeightHandler,
    requests: THREE.map(mark => ({ txid: bytes32(mark), page: 1, deleteAtHeight: 5 })),
    script: () => ({}),
    itemOf: byMark,
  }),
  locked: throwingCase({
    handler: lockedHandler,
    requests: THREE.map(mark => ({ txid: bytes32(mark), locked: true })),
    itemOf: byMark,
    script: row =>
      row.kind === 'apply' ? udfAnswer({ status: 'OK', childCount: byMark(row) === 1 ? 2 : 0 }) : {},
  }),
}

const codes = (run: ThrowingRun<unknown>): string[] => run.outcomes.map(codeOf)

describe.each(Object.entries(POOLS))('%s: whatever throws in its handler', (_name, pool) => {
  it('lesson 01: every item is answered, once, and not with a verdict on its data', async () => {
    const { baseline, runs } = await throwEverywhere(pool)
    expect(runs.length).toBeGreaterThan(8)
    for (const run of runs) {
      expect({ point: run.point, answered: run.outcomes.length }).toEqual({ point: run.point, answered: 3 })
      expect({ point: run.point, secondAnswers: run.secondAnswers }).toEqual({
        point: run.point,
        secondAnswers: 0,
      })
      for (const [index, outcome] of run.outcomes.entries()) {
        const code = codeOf(outcome)
        if (code === codeOf(baseline.outcomes[index])) continue
        expect({ point: run.point, code }).toEqual({
          point: run.point,
          code: expect.stringMatching(/^(PROCESSING|STORAGE_ERROR|UNKNOWN)$/),
        })
        expect(String((outcome as StoreError).stack) + String((outcome as StoreError).cause)).toContain(
          'thrown at',
        )
      }
    }
  })

  it('lesson 01: what throws for one item leaves its neighbours as they would have been', async () => {
    const { baseline, runs } = await throwEverywhere(pool)
    const expected = codes(baseline)
    for (const run of runs) {
      const own = /^(?:request|answer)\[(\d)\]/.exec(run.point)?.[1]
      if (own === undefined) continue
      const others = (all: readonly string[]): string[] => all.filter((_, index) => index !== Number(own))
      expect({ point: run.point, codes: others(codes(run)) }).toEqual({
        point: run.point,
        codes: others(expected),
      })
    }
  })
})

it('the harness itself: a handler that lets an exception pass by an item is caught', async () => {
  const { runs } = await throwEverywhere<{ txid: Uint8Array }, string>({
    handler: context => async items => {
      for (const item of items) {
        // Each item twice where the setting cannot be read.
        try {
          item.succeed(String(context.settings.utxoBatchSize))
        } catch (error) {
          item.fail(new StoreError('PROCESSING', 'thrown at', { cause: error }))
          item.fail(error)
        }
      }
    },
    requests: [{ txid: bytes32(1) }],
    script: () => ({}),
    itemOf: () => 0,
  })
  expect(runs.map(({ point, secondAnswers }) => [point, secondAnswers])).toEqual([
    ['context.settings', 1],
    ['settings.utxoBatchSize', 1],
  ])
})
