import { describe, expect, it, jest } from '@jest/globals'
import { promised } from '../../../../lib/batching/index.ts'
import {
  encodeTransaction,
  extendTransaction,
  parseTransaction,
  type Transaction,
  txidToHex,
} from '../../../../lib/bitcoin/index.ts'
import type { StoreError } from '../../../../lib/errors/index.ts'
import { MemoryStore } from '../../../../lib/external/index.ts'
import { createBatchers } from '../../../../lib/store/calls/batchers.ts'
import { decorate, outpointHandler } from '../../../../lib/store/operations/reading/previous-outputs.ts'
import type { BatchRow, RowAnswer } from '../../../../lib/transport/index.ts'
import { codeOf, handled } from '../../support/handled.ts'
import { sampleTransaction } from '../../support/sample-transaction.ts'
import { bytes32, contextWith, looksFor, ScriptedTransport } from '../../support/store-fixture.ts'

/** As a record holds it: satoshis (8 bytes little-endian), length of the locking script, locking script. */
const STORED_OUTPUT = Buffer.from([5, 0, 0, 0, 0, 0, 0, 0, 1, 0x51])
/** Output 1 is one that the record does not know. */
const GOOD: Partial<RowAnswer> = { bins: { outputs: [STORED_OUTPUT, null, STORED_OUTPUT] } }
const PARENT = bytes32(7)
const spending = (vout: number, txid = PARENT): { tx: Transaction } => ({
  tx: sampleTransaction({ spends: [{ txid, vout }] }),
})

/** Without what its inputs spend. */
const plain = (tx: Transaction): Transaction => parseTransaction(encodeTransaction(tx))

/** How three transactions fare; only the one in the middle asks for what is under test. */
async function decorated(middle: { tx: Transaction }, answer?: Partial<RowAnswer>) {
  const transport = new ScriptedTransport(row => (looksFor(row, PARENT) ? GOOD : answer))
  const outcomes = await handled(outpointHandler(contextWith(transport)), [spending(0), middle, spending(2)])
  return Promise.all(outcomes.map(outcome => Promise.resolve(outcome).catch((error: StoreError) => error)))
}

describe('previousOutputsDecorate', () => {
  it('lesson 09: an index that the parent does not have is the submitter’s fault, and his alone', async () => {
    for (const vout of [1, 3, 0xffffffff]) {
      const outcomes = await decorated(spending(vout))
      expect([vout, ...outcomes.map(codeOf)]).toEqual([vout, 'ok', 'TX_INVALID', 'ok'])
    }
  })

  it.each<[string, Partial<RowAnswer> | undefined, string]>([
    ['is not there', { status: 2 }, 'TX_NOT_FOUND'],
    ['is refused', { status: 18 }, 'STORAGE_ERROR'],
    ['has no answer', undefined, 'STORAGE_ERROR'],
    ['has no outputs', { bins: {} }, 'STORAGE_ERROR'],
    ['has an empty list of outputs', { bins: { outputs: [] } }, 'STORAGE_ERROR'],
    ['has outputs that are text', { bins: { outputs: 'x' } }, 'STORAGE_ERROR'],
    ['has an output cut short', { bins: { outputs: [STORED_OUTPUT.subarray(0, 9)] } }, 'STORAGE_ERROR'],
    ['has its body elsewhere, where it is missing', { bins: { external: true } }, 'STORAGE_ERROR'],
  ])('lesson 57: a parent that %s is never the submitter’s fault', async (_, answer, code) => {
    const outcomes = await decorated(spending(9, bytes32(8)), answer)
    expect(outcomes.map(codeOf)).toEqual(['ok', code, 'ok'])
  })

  it('a parent whose body does not come holds up no neighbour and no later batch', async () => {
    const inBody = sampleTransaction({ mark: 1, outputs: 2 })
    const external = new MemoryStore()
    await external.set(txidToHex(inBody.txid), 'tx', encodeTransaction(inBody))
    const { get } = external
    let arrive = (): void => {}
    const arrived = new Promise<void>(resolve => {
      arrive = resolve
    })
    jest.spyOn(external, 'get').mockImplementation(async (...request) => {
      await arrived
      return get.apply(external, request)
    })
    const transport = new ScriptedTransport(row =>
      looksFor(row, PARENT) ? GOOD : { bins: { external: true } },
    )
    const context = contextWith(
      transport,
      { outpointBatcherMaxConcurrent: 1, outpointBatcherDurationMillis: 0, batcherConcurrency: 'fixed' },
      { external },
    )
    const { outpoint } = createBatchers(context)
    const decoratedWith = (tx: Transaction): Promise<Transaction> =>
      promised(end => decorate(outpoint, tx, end, undefined))
    const slow = decoratedWith(plain(spending(1, inBody.txid).tx))
    const together = [plain(spending(0).tx), plain(spending(2).tx)].map(decoratedWith)
    expect((await Promise.all(together)).map(({ isExtended }) => isExtended)).toEqual([true, true])
    expect((await decoratedWith(plain(spending(0).tx))).isExtended).toBe(true)
    arrive()
    expect((await slow).inputs[0]?.previousLockingScript).toEqual(inBody.outputs[1]?.lockingScript)
    await outpoint.close()
  })

  it('asks for no parent of an input that carries what it spends', async () => {
    const transport = new ScriptedTransport(() => GOOD)
    const { tx } = spending(0)
    const carried = { satoshis: 7n, lockingScript: Uint8Array.of(1) }
    const whole = { tx: extendTransaction(tx, [carried]) }
    const [outcome] = await handled(outpointHandler(contextWith(transport)), [whole])
    expect(outcome).toEqual([carried])
    expect(transport.batches).toEqual([])
  })

  it('lesson 24: many transactions take one round trip, within the cap', async () => {
    const [size, cap] = [10, 3]
    const waiting: (() => void)[] = []
    let [inFlightMax, batches, reads] = [0, 0, 0]
    const context = contextWith(
      {
        batchOperate: async (rows: readonly BatchRow[]) => {
          batches += 1
          reads += rows.length
          await new Promise<void>(resolve => {
            waiting.push(resolve)
            inFlightMax = Math.max(inFlightMax, waiting.length)
          })
          return rows.map((_, index) => ({ index, status: 0, inDoubt: false, bins: GOOD.bins }))
        },
      },
      {
        outpointBatcherSize: size,
        outpointBatcherMaxConcurrent: cap,
        outpointBatcherDurationMillis: 0,
        batcherConcurrency: 'fixed',
      },
    )
    const { outpoint } = createBatchers(context)
    const requests = Array.from({ length: 4 * size }, (_, index) => spending(0, bytes32(index % size)))
    const answered = outpoint.submitGroup(requests)
    let rounds = 0
    for (; waiting.length > 0 || rounds === 0; rounds++) {
      await new Promise(setImmediate)
      for (const answer of waiting.splice(0)) answer()
      await new Promise(setImmediate)
    }
    expect((await answered).every(({ status }) => status === 'fulfilled')).toBe(true)
    // Four batches of ten transactions, three at a time: two round trips, not forty.
    expect({ batches, reads, inFlightMax, rounds }).toEqual({
      batches: 4,
      reads: 40,
      inFlightMax: cap,
      rounds: 2,
    })
    await outpoint.close()
  })
})
