import { describe, expect, it, jest } from '@jest/globals'
import { promised } from '../../../../lib/batching/index.ts'
import { encodeTransaction, txidToHex } from '../../../../lib/bitcoin/index.ts'
import { MemoryStore } from '../../../../lib/external/index.ts'
import type { TransactionMetadata } from '../../../../lib/record/index.ts'
import { checkTransaction } from '../../../../lib/store/arguments.ts'
import { createBatchers } from '../../../../lib/store/calls/batchers.ts'
import type { StoreContext } from '../../../../lib/store/context/store-context.ts'
import { create } from '../../../../lib/store/operations/creation/create.ts'
import { wholeTransaction } from '../../../../lib/store/operations/creation/whole-transaction.ts'
import { sampleTransaction } from '../../support/sample-transaction.ts'
import { contextWith, type Script, ScriptedTransport } from '../../support/store-fixture.ts'

const tx = sampleTransaction()
const MASTER_KEY_BYTES = 32

function store(context: StoreContext): Promise<TransactionMetadata> {
  const { store: batcher } = createBatchers(context)
  return promised(end => create(context, batcher, wholeTransaction(context, tx, 100, {}), end, undefined))
}

/** Creates a small transaction; its record is answered by the script, its lock is free. */
async function created(script: Script) {
  const transport = new ScriptedTransport((row, index) => {
    if (row.kind === 'read') return { status: 2 }
    return row.key.userKey.length === MASTER_KEY_BYTES ? script(row, index) : { status: 0 }
  })
  const context = contextWith(transport, { storeBatcherDurationMillis: 0 })
  const outcome = await store(context).catch((error: unknown) => error)
  const masters = transport.batches
    .flat()
    .flatMap(row => (row.kind === 'write' && row.key.userKey.length === MASTER_KEY_BYTES ? row : []))
  const isOutside = (await context.external.get(txidToHex(tx.txid), 'tx')) !== undefined
  return { outcome, masters, isOutside }
}

it('bytes of a transaction are the call’s own: the caller may use the buffer again', () => {
  const bytes = Buffer.from(encodeTransaction(tx))
  const taken = checkTransaction(bytes)
  bytes.fill(0)
  expect(taken.txid).toEqual(tx.txid)
})

describe('a body outside', () => {
  /** Creates a transaction whose body lies outside, while so many seconds pass as its record is written. */
  async function outside(seconds: number) {
    const external = new MemoryStore()
    const set = jest.spyOn(external, 'set')
    const transport = new ScriptedTransport(row => {
      if (row.kind === 'read') return { status: 2 }
      if (row.kind === 'write' && row.key.userKey.length === MASTER_KEY_BYTES) {
        const now = performance.now()
        jest.spyOn(performance, 'now').mockReturnValue(now + seconds * 1_000)
      }
      return { status: 0 }
    })
    const context = contextWith(
      transport,
      { storeBatcherDurationMillis: 0, externalizeAllTransactions: true },
      { external },
    )
    await store(context)
    jest.restoreAllMocks()
    return set.mock.calls.length
  }

  it('is written once, and once more where the lock may have been lost meanwhile', async () => {
    expect([await outside(0), await outside(20)]).toEqual([1, 2])
  })
})

describe('the record of a small transaction', () => {
  it('is written once, with its body', async () => {
    const { outcome, masters, isOutside } = await created(() => ({ status: 0 }))
    expect(outcome).toMatchObject({ external: false })
    expect([masters.length, isOutside]).toEqual([1, false])
  })

  it('that the server finds too big is written once more, with its body outside', async () => {
    let answers = 0
    const { outcome, masters, isOutside } = await created(() => ({ status: answers++ === 0 ? 13 : 0 }))
    expect(outcome).toMatchObject({ external: true })
    expect(masters.map(row => row.operations.some(({ bin }) => bin === 'inputs'))).toEqual([true, false])
    expect(isOutside).toBe(true)
  })

  it.each([
    [5, 'TX_EXISTS'],
    [8, 'STORAGE_ERROR'],
    [9, 'STORAGE_ERROR'],
  ])('that is answered with %d is not written again', async (status, code) => {
    const { outcome, masters, isOutside } = await created(() => ({ status }))
    expect([masters.length, isOutside]).toEqual([1, false])
    expect(outcome).toMatchObject({ code })
  })
})
